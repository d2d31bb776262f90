import logging
import signal

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from rastervision.core.data.class_config import ClassConfig
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationLearner,
    SemanticSegmentationLearnerConfig,
    SolverConfig,
)


class Ending(SemanticSegmentationLearner):
    """Ends at the second step with an exception of its own."""

    ending: BaseException | None = None

    def train_step(self, batch, batch_ind):
        if batch_ind == 1 and self.ending is not None:
            raise self.ending
        return super().train_step(batch, batch_ind)


@pytest.fixture
def learner(tmp_path):
    data = SemanticSegmentationGeoDataConfig(
        class_config=ClassConfig(names=['a', 'b']), num_workers=0
    )
    cfg = SemanticSegmentationLearnerConfig(
        data=data, solver=SolverConfig(batch_sz=2, num_epochs=1), log_tensorboard=False
    )
    chips = TensorDataset(torch.rand(4, 3, 4, 4), torch.zeros(4, 4, 4, dtype=torch.long))
    return Ending(cfg, str(tmp_path), train_ds=chips, model=nn.Conv2d(3, 3, 1))


@pytest.mark.parametrize('ending', [KeyboardInterrupt(), SystemExit(3), RuntimeError('mine')])
def test_what_ends_the_training_reaches_the_caller(learner, ending):
    handler = signal.getsignal(signal.SIGINT)
    learner.ending = ending
    with pytest.raises(type(ending)):
        learner.train()
    assert signal.getsignal(signal.SIGINT) is handler


def test_lightning_is_quiet_but_not_for_good(learner, capfd, caplog):
    level = logging.getLogger('lightning.pytorch').level
    with caplog.at_level('INFO'):
        learner.train()
    assert [r.name.split('.')[0] for r in caplog.records] == ['rastervision'] * len(caplog.records)
    assert capfd.readouterr() == ('', '')
    assert logging.getLogger('lightning.pytorch').level == level
