import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import ConcatDataset, Dataset, Subset

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.dataset.class_balance import (
    ANY_CLASS,
    balanced_sampler,
    balancing_weights,
    item_classes,
)


class Items(Dataset):
    def __init__(self, classes):
        self.classes = list(classes)

    def __len__(self):
        return len(self.classes)

    def class_ids(self):
        return self.classes


@given(st.lists(st.integers(ANY_CLASS, 3), min_size=1))
def test_classes_weigh_the_same_and_random_items_their_share(classes):
    ids = np.array(classes)
    weights = balancing_weights(ids)
    assert weights.sum() == pytest.approx(len(ids))
    assert (weights[ids == ANY_CLASS] == 1).all()
    sums = [weights[ids == c].sum() for c in set(classes) - {ANY_CLASS}]
    assert sums == pytest.approx([np.mean(sums)] * len(sums)) if sums else True


def test_classes_of_parts_and_unions():
    both = ConcatDataset([Items([0, 0, 1]), Subset(Items([2, 3, 4]), [2, 0])])
    assert item_classes(both).tolist() == [0, 0, 1, 4, 2]
    assert item_classes(Subset(both, [4, 2])).tolist() == [2, 1]


def test_a_rare_class_is_drawn_as_often():
    classes = [0] * 950 + [1] * 50
    torch.manual_seed(0)
    drawn = np.array(classes)[list(balanced_sampler(Items(classes)))]
    assert len(drawn) == 1000
    assert 400 < drawn.sum() < 600


def test_the_seed_decides_what_is_drawn():
    def drawn():
        torch.manual_seed(3)
        return list(balanced_sampler(Items([0, 0, 0, 1])))

    assert drawn() == drawn()


def test_datasets_have_to_tell_their_classes():
    with pytest.raises(ConfigError, match=r'Subclass.*class_ids'):
        item_classes(type('Subclass', (Dataset,), {})())
