import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, r2_score

from rastervision.pytorch_learner.tasks.regression import RegressionTask


def some_values(seed, count=40):
    generator = torch.Generator().manual_seed(seed)
    y = torch.rand(count, 2, generator=generator) * torch.tensor([100.0, 1.0])
    return y + torch.rand(count, 2, generator=generator), y


def metrics(task, out, y, cut=15):
    parts = [(out[:cut], y[:cut]), (out[cut:], y[cut:])]
    return task.metrics([task.validation_figures(*part) for part in parts])


def test_metrics_agree_with_scikit_learn():
    out, y = some_values(0)
    task = RegressionTask(['height', 'share'])
    task.scale = np.array([50.0, 0.5])
    found = metrics(task, out, y)
    for i, name in enumerate(task.targets):
        error = mean_absolute_error(y[:, i], out[:, i])
        expected = [error, error / task.scale[i], r2_score(y[:, i], out[:, i])]
        names = ('abs_error', 'scaled_abs_error', 'r2')
        assert [found[f'{name}_{m}'] for m in names] == pytest.approx(expected, rel=1e-5)


def test_values_that_are_not_known_do_not_count():
    out, y = some_values(1)
    known = torch.arange(40) % 3 > 0
    holes = torch.where(known[:, None], y, torch.nan)
    task = RegressionTask(['a', 'b'])
    assert metrics(task, out, holes) == pytest.approx(metrics(task, out[known], y[known], cut=10))


def test_nothing_known_gives_zeros():
    out, y = some_values(2)
    assert set(metrics(RegressionTask(['a', 'b']), out, y * torch.nan).values()) == {0.0}


def test_there_is_no_loss_without_training():
    with pytest.raises(ValueError, match='no loss'):
        RegressionTask(['a']).loss(torch.ones(1, 1), torch.ones(1, 1))
