import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import ExternalModuleConfig, SolverConfig


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.randn(2, 3, 4, 4), torch.randint(0, 3, (2, 4, 4))


@pytest.fixture
def net():
    return nn.Linear(2, 2)


def test_the_loss_leaves_out_the_class_of_missing_data(batch):
    loss = SolverConfig().build_loss(3, nodata_class=2)
    torch.testing.assert_close(loss(*batch), cross_entropy(*batch, ignore_index=2))


def test_ignore_class_index_comes_first_and_counts_from_the_end(batch):
    loss = SolverConfig(ignore_class_index=-3).build_loss(3, nodata_class=2)
    torch.testing.assert_close(loss(*batch), cross_entropy(*batch, ignore_index=0))


def test_class_weights(batch):
    loss = SolverConfig(class_loss_weights=[1, 2, 3]).build_loss(3)
    torch.testing.assert_close(loss(*batch), cross_entropy(*batch, torch.tensor([1.0, 2, 3])))


def test_the_class_of_missing_data_needs_no_weight():
    solver = SolverConfig(class_loss_weights=[1, 2])
    assert solver.class_weights(3, nodata_class=2) == [1, 2, 0]
    assert solver.class_weights(3, nodata_class=0) == [0, 1, 2]
    with pytest.raises(ConfigError, match=r'class_loss_weights has 2 numbers.* 3'):
        solver.class_weights(3)


def test_a_loss_from_outside(tmp_path):
    (tmp_path / 'hubconf.py').write_text('def zero():\n    return lambda out, y: 0\n')
    external = ExternalModuleConfig(uri=str(tmp_path), entrypoint='zero')
    assert SolverConfig(external_loss_def=external).build_loss(3)(None, None) == 0


def test_one_cycle_rises_to_lr_and_falls_over_the_whole_training(net):
    solver = SolverConfig(lr=0.1, num_epochs=4, batch_sz=8)
    optimizer = solver.build_optimizer(net)
    scheduler = solver.build_step_scheduler(optimizer, train_ds_sz=20)
    rates = []
    for _ in range(4 * 3):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step()
    peak = rates.index(max(rates))
    assert max(rates) == pytest.approx(0.1, rel=0.01)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] < 0.001


def test_multi_stage_divides_by_ten(net):
    solver = SolverConfig(lr=1.0, one_cycle=False, multi_stage=[1, 3])
    optimizer = solver.build_optimizer(net)
    assert solver.build_step_scheduler(optimizer, 10) is None
    scheduler = solver.build_epoch_scheduler(optimizer)
    rates = []
    for _ in range(4):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([1, 0.1, 0.1, 0.01])
    assert SolverConfig().build_epoch_scheduler(optimizer) is None


def test_frozen_parameters_are_not_optimized(net):
    net.bias.requires_grad = False
    (group,) = SolverConfig().build_optimizer(net).param_groups
    assert group['params'] == [net.weight]


@pytest.mark.parametrize(
    ('fields', 'problem'),
    [
        ({'num_epochs': 0}, 'num_epochs: .* greater than 0; got 0'),
        ({'batch_sz': -1}, 'batch_sz: .* greater than 0; got -1'),
        ({'lr': 0}, 'lr: .* greater than 0; got 0'),
        ({'sync_interval': 0}, 'sync_interval: .* greater than 0; got 0'),
    ],
)
def test_numbers_out_of_range_are_refused(fields, problem):
    with pytest.raises(ConfigError, match=problem):
        SolverConfig(**fields)


def test_dice_is_added_with_its_weight(batch):
    plain, both, twice = (
        SolverConfig(dice_weight=w).build_loss(num_classes=3, nodata_class=2)(*batch)
        for w in (0.0, 1.0, 2.0)
    )
    assert both > plain
    assert twice - both == pytest.approx((both - plain).item(), rel=1e-4)


def test_stages_that_the_one_cycle_overrides_are_reported(caplog):
    SolverConfig(multi_stage=[3]).validate_config()
    assert 'multi_stage=[3] has no effect with one_cycle=True' in caplog.text


@pytest.mark.parametrize('index', [3, -4])
def test_a_class_that_does_not_exist(index):
    with pytest.raises(ConfigError, match=rf'ignore_class_index={index} .*-3\.\.2'):
        SolverConfig(ignore_class_index=index).ignored_class(3)
