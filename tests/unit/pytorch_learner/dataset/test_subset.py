import pytest
import torch
from torch.utils.data import TensorDataset

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.dataset.subset import concat, random_subset


@pytest.fixture
def numbers():
    return TensorDataset(torch.arange(100))


def values(dataset):
    return [int(dataset[i][0]) for i in range(len(dataset))]


@pytest.mark.parametrize(('size', 'fraction', 'expected'), [(7, None, 7), (None, 0.25, 25)])
def test_a_subset_is_picked_at_random_but_always_the_same(numbers, size, fraction, expected):
    picked = values(random_subset(numbers, size, fraction))
    assert len(picked) == len(set(picked)) == expected
    assert picked != sorted(picked)
    torch.manual_seed(99)
    assert values(random_subset(numbers, size, fraction)) == picked


def test_without_a_size_all_items_are_kept(numbers):
    assert random_subset(numbers, None) is numbers


def test_more_items_than_there_are(numbers):
    with pytest.raises(ConfigError, match=r'101 training chips.*100.*train_sz'):
        random_subset(numbers, 101)


def test_concat(numbers):
    assert concat([None, None]) is None
    assert concat([None, numbers]) is numbers
    assert values(concat([numbers, numbers])) == [*range(100), *range(100)]
