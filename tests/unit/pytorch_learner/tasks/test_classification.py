import csv
import io

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import precision_recall_fscore_support

from rastervision.core.data.class_config import ClassConfig
from rastervision.pytorch_learner.tasks.classification import ClassificationTask

CLASSES = ClassConfig(names=['building', 'background'])

LOG = """avg_precision,avg_recall,avg_f1,building_precision,building_recall,building_f1,\
background_precision,background_recall,background_f1
0.9866666793823242,0.9333333373069763,0.9592592120170593,1.0,0.9322034120559692,\
0.9649122953414917,0.20000000298023224,1.0,0.3333333134651184
"""


def figures(classes, out, y):
    return ClassificationTask(classes).validation_figures(out, y)


def test_metrics_agree_with_scikit_learn():
    generator = torch.Generator().manual_seed(0)
    out, y = torch.rand(50, 2, generator=generator), torch.randint(2, (50,), generator=generator)
    parts = [figures(CLASSES, out[:20], y[:20]), figures(CLASSES, out[20:], y[20:])]
    metrics = ClassificationTask(CLASSES).metrics(parts)
    expected = precision_recall_fscore_support(y, out.argmax(1), labels=range(2))
    for i, name in enumerate(CLASSES.names):
        found = [metrics[f'{name}_{m}'] for m in ('precision', 'recall', 'f1')]
        assert found == pytest.approx([values[i] for values in expected[:3]])


def test_columns_and_values_are_those_of_release_0_31():
    """The last epoch of a log that it wrote: 4 of 59 buildings were taken for background."""
    metrics = ClassificationTask(CLASSES).metrics([{'conf_mat': np.array([[55, 4], [0, 1]])}])
    (recorded,) = csv.DictReader(io.StringIO(LOG))
    assert list(metrics) == list(recorded)
    assert list(metrics.values()) == pytest.approx([float(v) for v in recorded.values()], abs=1e-6)


def test_images_without_data_do_not_count():
    classes = ClassConfig(names=['a', 'null'])
    counted = figures(classes, torch.eye(2)[[0, 0, 1]], torch.tensor([0, 1, -1]))
    assert counted['conf_mat'].sum() == 1


@given(arrays(np.float32, (3, 5), elements=st.floats(-30, 30, width=32)))
def test_scores_are_probabilities_in_the_same_order(values):
    task = ClassificationTask(CLASSES)
    scores = task.decode(torch.from_numpy(values))
    assert scores.dtype == torch.float32
    assert torch.allclose(scores.sum(dim=1), torch.ones(()), atol=1e-5)
    best = task.best(torch.from_numpy(values)).numpy()
    assert np.array_equal(values[range(3), best], values.max(axis=1))


def test_there_is_no_loss_without_training():
    with pytest.raises(ValueError, match='no loss'):
        ClassificationTask(CLASSES).loss(torch.ones(1, 2), torch.zeros(1))
