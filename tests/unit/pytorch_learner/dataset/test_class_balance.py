from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch.utils.data import ConcatDataset, Dataset, Subset

from rastervision.core.data import ClassConfig
from rastervision.pipeline.errors import ConfigError, DataError
from rastervision.pytorch_learner.dataset.balanced_windows import BalancedWindowGeoDataset
from rastervision.pytorch_learner.dataset.class_balance import (
    balanced_sampler,
    class_weights,
    item_kinds,
)


class Items(Dataset):
    def __init__(self, classes):
        self.classes = list(classes)

    def __len__(self):
        return len(self.classes)

    def __getitem__(self, idx):
        return self.classes[idx]

    def class_ids(self):
        return self.classes


class Windows(BalancedWindowGeoDataset):
    """Random windows of a scene with given shares of classes."""

    def __init__(self, shares, length, scene_id='cc'):
        self.max_windows = length
        self.scene = SimpleNamespace(id=scene_id)
        self._class_windows = SimpleNamespace(shares=shares, missed=set())
        self._class_windows.sample = lambda class_id, _: class_id

    def __getitem__(self, idx):
        return self.sample_window()


def drawn_classes(dataset, names=None, epochs=1):
    """How often each class comes up in some epochs."""
    torch.manual_seed(0)
    classes = None if names is None else ClassConfig(names=names)
    sampler = balanced_sampler(dataset, classes)
    return np.bincount([dataset[i] for _ in range(epochs) for i in sampler])


@given(
    st.lists(st.integers(0, 50), min_size=4, max_size=4),
    st.lists(st.floats(0, 1), min_size=12, max_size=12),
)
def test_weights_make_all_classes_equal(counts, mixes):
    counts, mixes = np.array(counts), np.array(mixes).reshape(4, 3)
    weights = class_weights(counts, mixes)
    there = (counts @ mixes) > 0
    assert (weights > 0).tolist() == there.tolist()
    assert ((counts @ (mixes * weights))[there] == pytest.approx(1)) if there.any() else True


def test_classes_of_parts_and_unions():
    both = ConcatDataset([Items([0, 0, 1]), Subset(Items([2, 3, 4]), [2, 0])])
    assert item_kinds(both).tolist() == [0, 0, 1, 4, 2]
    assert item_kinds(Subset(both, [4, 2])).tolist() == [2, 1]


def test_a_rare_class_is_drawn_as_often():
    counts = drawn_classes(Items([0] * 950 + [1] * 50))
    assert counts.sum() == 1000
    assert 400 < counts[1] < 600


def test_classes_are_balanced_over_all_scenes():
    """Class 2 is in one scene only, and rare there; class 0 is in all of them."""
    scenes = [Windows({0: 1.0}, 500), Windows({0: 0.5, 1: 0.5}, 100), Windows({0: 1, 2: 1e-6}, 400)]
    counts = drawn_classes(ConcatDataset(scenes), epochs=3)
    assert chisquare(counts).pvalue > 0.001


def test_windows_and_chips_are_balanced_together():
    parts = [Windows({0: 0.9, 1: 0.1}, 300), Items([1, 2, 2, 0]), Subset(Items([3, 1]), [0])]
    assert chisquare(drawn_classes(ConcatDataset(parts), epochs=5)).pvalue > 0.001


def test_scenes_have_the_share_of_a_class_that_random_windows_would_have():
    """Twice the windows, three times the share: six times as often."""
    first, second = Windows({0: 0.9, 1: 0.1}, 100), Windows({0: 0.7, 1: 0.3}, 200)
    torch.manual_seed(0)
    union = ConcatDataset([first, second])
    hits = np.array([i >= 100 for _ in range(10) for i in balanced_sampler(union) if union[i] == 1])
    assert 0.8 < hits.mean() < 0.91


def test_a_part_of_the_items_may_have_no_windows_of_a_scene():
    union = ConcatDataset([Windows({0: 1.0}, 10), Windows({1: 1.0}, 10)])
    assert drawn_classes(Subset(union, [0, 1])).tolist() == [2]


def test_the_seed_decides_what_is_drawn():
    def drawn():
        torch.manual_seed(3)
        return list(balanced_sampler(Items([0, 0, 0, 1])))

    assert drawn() == drawn()


def test_datasets_have_to_tell_their_classes():
    with pytest.raises(ConfigError, match=r'Subclass.*class_ids'):
        item_kinds(type('Subclass', (Dataset,), {})())


def test_labels_have_to_be_there():
    with pytest.raises(DataError, match=r'no label of any class.*scenes west, east'):
        balanced_sampler(ConcatDataset([Windows({}, 5, 'west'), Windows({}, 5, 'east')]))


def test_classes_without_items_are_logged(caplog):
    dataset = Windows({0: 0.5}, 5)
    drawn_classes(dataset, ['a', 'b', 'null'])
    assert 'no items of b. ' in caplog.text
    caplog.clear()
    dataset.class_windows.missed = {1}
    drawn_classes(dataset, ['a', 'b', 'null'])
    assert "scene 'cc' has labels of 'b'" in caplog.text
    assert 'no items' not in caplog.text
