from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationLearner,
    SemanticSegmentationLearnerConfig,
    SolverConfig,
)
from rastervision.pytorch_learner.training import trainer


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
    learner.ending = ending
    with pytest.raises(type(ending)):
        learner.train()


def test_it_prints_nothing_and_logs_for_us_only(learner, capfd, caplog):
    with caplog.at_level('INFO'):
        learner.train()
    assert {r.name.split('.')[0] for r in caplog.records} == {'rastervision'}
    out, err = capfd.readouterr()
    assert not out
    # an earlier test may have sent our log to stderr
    assert {line for line in err.splitlines() if line not in caplog.messages} == set()


def test_progress_counts_the_steps_of_all_epochs(learner, monkeypatch):
    seen = []

    @contextmanager
    def progress(total, desc):
        seen.append((total, desc))
        yield seen.append

    monkeypatch.setattr(trainer, 'progress', progress)
    learner.train(epochs=2)
    assert seen == [(4, 'Training'), 1, 1, 1, 1]


def test_an_own_train_epoch_is_used(learner, monkeypatch):
    monkeypatch.setattr(
        learner, 'train_epoch', lambda optimizer, dataloader, step_scheduler: {'own': 1.0}
    )
    learner.train()
    assert Path(learner.folder.log).read_text() == 'epoch,own\n0,1.0\n'


def test_mixed_precision_trains_float32_weights(learner):
    learner.cfg.solver.precision = 'bfloat16'
    seen = []
    learner.model.register_forward_hook(lambda *args: seen.append(args[-1].dtype))
    before = learner.model.weight.detach().clone()
    learner.train()
    assert set(seen) == {torch.bfloat16}
    assert learner.model.weight.dtype == torch.float32
    assert not torch.equal(learner.model.weight, before)


def test_a_cpu_does_not_train_in_float16(learner):
    learner.cfg.solver.precision = 'float16'
    with pytest.raises(ConfigError, match=r"solver\.precision.*use 'bfloat16'"):
        learner.train()
