import pytest
import torch

from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.pytorch_learner.training.steps import (
    advance_scheduler,
    batches_for_statistics,
    check_finite,
    descend,
    mean_of_steps,
)


def test_a_cycle_ends_without_an_error():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=5)
    rates = []
    for _ in range(9):
        optimizer.step()
        advance_scheduler(scheduler)
        rates.append(optimizer.param_groups[0]['lr'])
    assert rates[4:] == [rates[3]] * 5
    assert rates[3] < 1e-5


def test_other_schedulers_are_stepped_without_end():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4], gamma=0.1)
    for _ in range(5):
        optimizer.step()
        advance_scheduler(scheduler)
    assert optimizer.param_groups[0]['lr'] == pytest.approx(0.01)


def test_means_are_over_numbers_only():
    steps = [
        {'loss': torch.tensor(1.0), 'hits': 2, 'matrix': torch.ones(2, 2)},
        {'loss': torch.tensor(3.0), 'hits': 4, 'matrix': torch.ones(2, 2)},
    ]
    assert mean_of_steps(steps) == {'loss': 2.0, 'hits': 3.0}
    assert mean_of_steps([]) == {}


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_loss_that_is_no_number_stops_the_training(value):
    with pytest.raises(StageError, match=r'step 7.*solver\.lr'):
        check_finite(torch.tensor(value), 7)


def test_a_gradient_that_overflows_changes_nothing_but_the_scale():
    weight = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    scaler = torch.amp.GradScaler('cpu', init_scale=4.0)
    assert not descend(scaler, optimizer, (weight * float('inf')).sum())
    assert (weight.item(), scaler.get_scale()) == (1.0, 2.0)
    optimizer.zero_grad()
    assert descend(scaler, optimizer, weight.sum())
    assert weight.item() == pytest.approx(0.9)


def test_without_scaling_every_step_counts():
    weight = torch.ones(1, requires_grad=True)
    scaler = torch.amp.GradScaler('cpu', enabled=False)
    assert descend(scaler, torch.optim.SGD([weight], lr=0.1), weight.sum())
    assert weight.item() == pytest.approx(0.9)


def test_batch_normalization_needs_more_than_one_number():
    norm = torch.nn.BatchNorm1d(2)
    with pytest.raises(ConfigError, match=r'raise solver\.batch_sz'), batches_for_statistics():
        norm(torch.zeros(1, 2))
    with pytest.raises(ValueError, match='other'), batches_for_statistics():
        raise ValueError('other')
