import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from rastervision.pytorch_learner.utils import (
    aggregate_metrics,
    compute_conf_mat,
    compute_conf_mat_metrics,
)

NAMES = ['a', 'b', 'c']


@pytest.fixture
def labels():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 3, (2, 200)))


def test_the_matrix_is_that_of_sklearn(labels):
    out, y = labels
    matrix = compute_conf_mat(out, y, 3)
    assert matrix.dtype == torch.float32
    assert np.array_equal(matrix.numpy(), confusion_matrix(y, out))
    scores = torch.nn.functional.one_hot(out, 3).float()
    assert torch.equal(compute_conf_mat(scores, y, 3), matrix)


@pytest.mark.parametrize('ignored', [None, 0, 2])
def test_metrics_are_those_of_sklearn(labels, ignored):
    out, y = labels
    metrics = compute_conf_mat_metrics(compute_conf_mat(out, y, 3), NAMES, ignored)
    keep = (out != ignored) & (y != ignored) if ignored is not None else out >= 0
    kept = [i for i in range(3) if i != ignored]
    theirs = precision_recall_fscore_support(y[keep], out[keep], labels=kept)
    for i, index in enumerate(kept):
        for metric, values in zip(('precision', 'recall', 'f1'), theirs, strict=False):
            assert metrics[f'{NAMES[index]}_{metric}'] == pytest.approx(values[i])
    precision, recall, _, _ = precision_recall_fscore_support(
        y[keep], out[keep], labels=kept, average='weighted'
    )
    assert metrics['avg_precision'] == pytest.approx(precision)
    assert metrics['avg_recall'] == pytest.approx(recall)
    assert metrics['avg_f1'] == pytest.approx(2 * precision * recall / (precision + recall))
    assert len(metrics) == 3 + 3 * len(kept)


def test_without_samples_metrics_are_0():
    assert set(compute_conf_mat_metrics(torch.zeros(2, 2), ['a', 'b']).values()) == {0.0}


def test_aggregates_are_means_by_name():
    outputs = [
        {'loss': 1.0, 'size': torch.tensor(2), 'conf_mat': torch.ones(2, 2)},
        {'loss': 3.0, 'size': torch.tensor(5), 'conf_mat': torch.ones(2, 2)},
    ]
    assert aggregate_metrics(outputs) == {'loss': 2.0, 'size': 3.5}
    assert aggregate_metrics(outputs, exclude_keys={'conf_mat', 'size'}) == {'loss': 2.0}
    assert aggregate_metrics([]) == {}
