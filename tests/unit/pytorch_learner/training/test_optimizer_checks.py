import pytest
import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import TensorDataset

from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationLearner,
    SemanticSegmentationLearnerConfig,
    SolverConfig,
)


def make_net():
    return nn.Conv2d(3, 2, 1)


@pytest.fixture
def make_learner(tmp_path):
    """Makes a learner of two classes over random pixels."""
    classes = ClassConfig(names=['a', 'b'], null_class='b')
    data = SemanticSegmentationGeoDataConfig(class_config=classes, num_workers=0)
    pixels = TensorDataset(torch.rand(4, 3, 8, 8), torch.zeros(4, 8, 8).long())

    def make(**given):
        cfg = SemanticSegmentationLearnerConfig(
            data=data, solver=SolverConfig(batch_sz=4, one_cycle=False), log_tensorboard=False
        )
        return SemanticSegmentationLearner(cfg, str(tmp_path / 'out'), train_ds=pixels, **given)

    return make


def test_what_belongs_together_trains(make_learner):
    net = make_net()
    before = net.weight.detach().clone()
    optimizer = SGD(net.parameters(), lr=0.5)
    make_learner(
        model=net,
        optimizer=optimizer,
        epoch_scheduler=StepLR(optimizer, 1),
        step_scheduler=StepLR(optimizer, 1),
    ).train(1)
    assert not torch.equal(before, net.weight)
    assert optimizer.param_groups[0]['lr'] == pytest.approx(0.005)


def test_an_optimizer_may_hold_a_part_of_the_model(make_learner):
    net = make_net()
    assert make_learner(model=net, optimizer=SGD([net.bias], lr=1)).opt.param_groups


def test_an_optimizer_of_another_model_is_refused(make_learner):
    with pytest.raises(ConfigError, match='optimizer holds no parameter of the model'):
        make_learner(model=make_net(), optimizer=SGD(make_net().parameters(), lr=1))


@pytest.mark.parametrize('name', ['epoch_scheduler', 'step_scheduler'])
def test_a_scheduler_of_another_optimizer_is_refused(make_learner, name):
    net = make_net()
    scheduler = StepLR(SGD(net.parameters(), lr=1), 1)
    with pytest.raises(ConfigError, match=f'{name} sets the learning rate of another optimizer'):
        make_learner(model=net, **{name: scheduler})
