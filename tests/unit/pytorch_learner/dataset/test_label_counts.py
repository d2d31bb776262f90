"""Training data whose labels teach nothing are told in the log."""

from types import SimpleNamespace

import numpy as np
import pytest
from torch.utils.data import ConcatDataset, Dataset

from rastervision.core.box import Box
from rastervision.core.sampling import RandomWindowSampler
from rastervision.pytorch_learner.dataset.classification_dataset import (
    ClassificationRandomWindowGeoDataset,
)
from rastervision.pytorch_learner.dataset.label_counts import (
    warn_of_one_class,
    warn_without_boxes,
)


class Objects(Dataset):
    def __init__(self, count):
        source = SimpleNamespace(get_labels=lambda: range(count))
        self.scene = SimpleNamespace(id=f'scene {count}', label_source=source)

    def __len__(self):
        return 1


class Cells(Objects):
    def __init__(self, ids):
        super().__init__(0)
        self.ids = ids

    def class_ids(self):
        return np.array(self.ids)


class RandomCells(ClassificationRandomWindowGeoDataset):
    def __init__(self, classes):
        self.classes = classes
        self.sampler = RandomWindowSampler(Box(0, 0, 99, 99), size_lims=(5, 6))
        self.max_windows = 9

    def class_id_of(self, window):
        return int(window.ymin) % self.classes


@pytest.mark.parametrize(('counts', 'told'), [([0, 0], True), ([0, 2], False), ([1], False)])
def test_no_boxes_at_all(counts, told, caplog) -> None:
    warn_without_boxes(ConcatDataset([Objects(count) for count in counts]))
    assert ['No training scene has an object' in r.message for r in caplog.records] == [True] * told


@pytest.mark.parametrize(
    ('parts', 'told'),
    [
        ([Cells([1, 1]), Cells([1])], True),
        ([Cells([1, 1]), Cells([0])], False),
        ([Cells([0, 1])], False),
        ([RandomCells(1)], True),
        ([RandomCells(2)], False),
        ([Cells([1]), RandomCells(1)], False),
    ],
)
def test_one_class_only(parts, told, caplog) -> None:
    warn_of_one_class(ConcatDataset(parts), ['a', 'b'])
    assert ['are of the class' in r.message for r in caplog.records] == [True] * told


def test_a_model_of_one_class_needs_no_other(caplog) -> None:
    warn_of_one_class(Cells([0, 0]), ['a'])
    assert not caplog.records
