import csv

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import precision_recall_fscore_support

from rastervision.core.data.class_config import ClassConfig
from rastervision.pytorch_learner.tasks.segmentation import SegmentationTask

CLASSES = ClassConfig(names=['field', 'water', 'null'], null_class='null')
REAL = ClassConfig(names=['background', 'building', 'road'], null_class='background')


def batches(seed, classes):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(3):
        out = torch.rand(2, len(classes), 8, 9, generator=generator)
        yield out, torch.randint(len(classes), (2, 8, 9), generator=generator)


def figures(task, data):
    return [task.validation_figures(out, y) for out, y in data]


@pytest.mark.parametrize('classes', [CLASSES, REAL])
def test_metrics_agree_with_scikit_learn(classes):
    data = list(batches(0, classes))
    truth = torch.cat([y.flatten() for _, y in data]).numpy()
    predicted = torch.cat([out.argmax(1).flatten() for out, _ in data]).numpy()
    keep = truth != 2 if classes is CLASSES else np.ones(len(truth), bool)
    truth, predicted = truth[keep], predicted[keep]
    metrics = SegmentationTask(classes).metrics(figures(SegmentationTask(classes), data))
    p, r, f, _ = precision_recall_fscore_support(
        truth, predicted, labels=range(3), zero_division=0.0
    )
    for i, name in enumerate(classes.names):
        found = [metrics[f'{name}_{m}'] for m in ('precision', 'recall', 'f1')]
        assert found == pytest.approx([p[i], r[i], f[i]])
    p, r, _, _ = precision_recall_fscore_support(
        truth, predicted, labels=range(3), zero_division=0.0, average='weighted'
    )
    assert metrics['avg_precision'] == pytest.approx(p)
    assert metrics['avg_recall'] == pytest.approx(r)
    assert metrics['avg_f1'] == pytest.approx(2 * p * r / (p + r))


@pytest.mark.parametrize('classes', [CLASSES, REAL])
def test_a_class_can_be_left_out(classes):
    data = list(batches(1, classes))
    task = SegmentationTask(classes, ignored_class=1)
    # pixels that are water in truth might as well be missing
    without = [(out, torch.where(y == 1, -1, y)) for out, y in data]
    assert task.metrics(figures(task, data)) == task.metrics(figures(task, without))
    found = np.sum([f['conf_mat'] for f in figures(task, data)], axis=0)
    assert not found[1].any()
    assert found[0].any()


def test_columns_are_those_of_release_0_31():
    """The names, and the way from the class values to the averages, are those of its log.csv."""
    names = list(SegmentationTask(CLASSES).metrics([]))
    assert names == [
        *(f'avg_{m}' for m in ('precision', 'recall', 'f1')),
        *(f'{c}_{m}' for c in CLASSES.names for m in ('precision', 'recall', 'f1')),
    ]
    # epoch 0 of a recorded log: everything was taken for the second class
    matrix = np.zeros((3, 3), np.int64)
    matrix[:2, 1] = 2505966424942017, 7494033575057983
    metrics = SegmentationTask(CLASSES).metrics([{'conf_mat': matrix}])
    recorded = '0.5616053938865662,0.7494033575057983,0.6420536637306213'
    expected = [float(v) for v in next(csv.reader([recorded]))]
    assert list(metrics.values())[:3] == pytest.approx(expected, abs=1e-6)


def test_nothing_to_count_gives_zeros():
    y = torch.full((1, 4, 4), CLASSES.null_class_id)
    task = SegmentationTask(CLASSES)
    metrics = task.metrics(figures(task, [(torch.rand(1, 3, 4, 4), y)]))
    assert set(metrics.values()) == {0.0}


def test_labels_that_are_no_class_do_not_count():
    y = torch.tensor([[[-1, 255], [0, 1]]])
    out = torch.zeros(1, 3, 2, 2)
    assert SegmentationTask(CLASSES).validation_figures(out, y)['conf_mat'].sum() == 2


def test_models_may_leave_the_null_class_out():
    y = torch.randint(2, (1, 4, 4))
    out = torch.nn.functional.one_hot(y, 2).movedim(-1, 1).float()
    task = SegmentationTask(CLASSES)
    assert task.metrics(figures(task, [(out, y)]))['avg_f1'] == 1.0
    without = SegmentationTask(CLASSES, ignored_class=CLASSES.null_class_id)
    assert torch.equal(without.best(out), y.to(torch.uint8))
    assert torch.equal(without.decode(out), task.decode(out))


scores = arrays(
    np.float32, (2, 4, 3, 5), elements=st.floats(-3, 3, width=16).map(lambda v: round(v, 1))
)


@given(scores)
def test_the_first_of_the_highest_scores_wins(values):
    best = SegmentationTask(CLASSES).best(torch.from_numpy(values))
    assert best.dtype == torch.uint8
    assert np.array_equal(best.numpy(), values.argmax(axis=1))


@given(scores, st.integers(0, 3))
def test_a_class_that_is_not_trained_is_never_predicted(values, ignored):
    task = SegmentationTask(CLASSES, ignored_class=ignored)
    out = torch.from_numpy(values)
    others = np.delete(values, ignored, axis=1)
    ids = np.delete(np.arange(4), ignored)[others.argmax(axis=1)]
    assert np.array_equal(task.best(out).numpy(), ids)
    decoded = task.decode(out)
    assert not decoded[:, ignored].any()
    kept = np.delete(decoded.numpy(), ignored, axis=1)
    assert np.allclose(kept, torch.from_numpy(others).softmax(dim=1))


@given(scores, st.sampled_from([None, (3, 5), (6, 10), (2, 2)]))
def test_scores_of_a_pixel_sum_to_one(values, out_shape):
    decoded = SegmentationTask(CLASSES).decode(torch.from_numpy(values), out_shape)
    assert tuple(decoded.shape[-2:]) == (out_shape or (3, 5))
    assert decoded.dtype == torch.float32
    assert torch.allclose(decoded.sum(dim=1), torch.ones(()), atol=1e-5)


def test_loss_is_the_one_that_was_given():
    task = SegmentationTask(CLASSES, loss=lambda out, y: (out.mean() + y.float().mean()) / 2)
    assert task.loss(torch.ones(1, 3, 2, 2), torch.zeros(1, 2, 2)) == 0.5
    with pytest.raises(ValueError, match='no loss'):
        SegmentationTask(CLASSES).loss(torch.ones(1, 3, 2, 2), torch.zeros(1, 2, 2))
