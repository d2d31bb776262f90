import pytest
import torch
from torch.utils.data import RandomSampler, TensorDataset

from rastervision.pipeline.errors import DataError
from rastervision.pytorch_learner.training.loaders import SeededEpochs, join_items, make_loader


def items(count):
    return TensorDataset(torch.arange(count))


@pytest.mark.parametrize(
    ('count', 'batch_sz', 'sizes'), [(9, 4, [4, 4]), (10, 4, [4, 4, 2]), (3, 8, [3]), (1, 1, [1])]
)
def test_batch_normalization_gets_no_lone_item_unless_there_is_no_other(count, batch_sz, sizes):
    loader = make_loader(items(count), batch_sz, training=True)
    assert [len(batch) for (batch,) in loader] == sizes


@pytest.mark.parametrize('count', [1, 5, 9])
def test_validation_sees_every_item(count):
    seen = torch.cat([batch for (batch,) in make_loader(items(count), 4)])
    assert seen.tolist() == list(range(count))


def test_arguments_of_the_caller_win():
    loader = make_loader(items(6), 4, sampler=RandomSampler(items(6)), shuffle=False, batch_size=3)
    assert [batch.tolist() for (batch,) in loader] == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize('num_workers', [0, 1])
def test_an_epoch_is_the_same_wherever_a_run_begins(num_workers):
    def orders(first, last):
        data = items(20)
        more = {'num_workers': num_workers, 'timeout': 60 * num_workers}
        loader = make_loader(data, 7, sampler=RandomSampler(data), **more)
        epochs = SeededEpochs(loader, seed=5, epoch=first)
        return [torch.cat([b for (b,) in epochs]).tolist() for _ in range(first, last)]

    whole = orders(0, 3)
    assert orders(2, 3) == whole[2:]
    assert whole[0] != whole[1]


def test_images_of_different_sizes_are_named():
    items = [(torch.zeros(3, size, size), torch.tensor(0)) for size in (8, 4, 8)]
    with pytest.raises(DataError, match=r'\(3, 4, 4\), \(3, 8, 8\).*out_size'):
        join_items(items)


def test_other_errors_of_joining_are_not_hidden():
    items = [(torch.zeros(3, 4, 4), torch.zeros(n)) for n in (1, 2)]
    with pytest.raises(RuntimeError, match='equal size'):
        join_items(items)
