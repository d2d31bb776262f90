"""Training that goes on where an earlier one ended."""

import csv
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
import torch
from unit.pytorch_learner.small_learner import make_config, make_learner, network
from waiting import started

INTERRUPTED = """
import sys, time
sys.path.insert(0, {here!r})
from small_learner import *

class Stuck(SemanticSegmentationLearner):
    def train_step(self, batch, batch_ind):
        if self.get_start_epoch() == 2 and batch_ind == 1:
            print('stuck', flush=True)
            time.sleep(600)
        return super().train_step(batch, batch_ind)

make_learner({folder!r}, Stuck, cfg=make_config(num_epochs=4)).train()
"""


@pytest.mark.slow  # starts an interpreter with torch, to kill it
def test_a_killed_training_goes_on_where_it_was(tmp_path, caplog):
    whole = make_learner(tmp_path / 'whole', cfg=make_config(num_epochs=4))
    whole.train()
    folder = tmp_path / 'killed'
    code = INTERRUPTED.format(here=str(Path(__file__).parent), folder=str(folder))
    with started([sys.executable, '-c', code], 300, stdout=PIPE, text=True) as process:
        assert process.stdout.readline() == 'stuck\n'
    resumed = make_learner(folder, cfg=make_config(num_epochs=4))
    with caplog.at_level('INFO'):
        resumed.train()
    assert 'after epoch 2 of 4' in caplog.text
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[name], value, rtol=1e-6, atol=1e-7)
    logs = []
    for run in ('whole', 'killed'):
        with Path(tmp_path, run, 'log.csv').open(newline='') as f:
            logs.append([(row['epoch'], row['train_loss']) for row in csv.DictReader(f)])
    assert [epoch for epoch, _ in logs[1]] == ['0', '1', '2', '3']
    assert logs[0] == logs[1]


def test_a_finished_training_is_not_done_again(tmp_path, caplog):
    make_learner(tmp_path, cfg=make_config(num_epochs=1)).train()
    again = make_learner(tmp_path, cfg=make_config(num_epochs=1))
    with caplog.at_level('INFO'):
        again.train()
    assert 'trained already' in caplog.text
    weights = torch.load(Path(tmp_path, 'last-model.pth'), weights_only=True)
    assert torch.equal(weights['0.weight'], again.model[0].weight)


def test_further_epochs_are_added(tmp_path):
    learner = make_learner(tmp_path, cfg=make_config(num_epochs=1))
    learner.train()
    learner.train(epochs=2)
    assert learner.get_start_and_end_epochs() == (3, 1)
    assert learner.get_start_and_end_epochs(5) == (3, 8)
    assert len(Path(tmp_path, 'log.csv').read_text().splitlines()) == 4


def test_another_config_starts_anew(tmp_path):
    make_learner(tmp_path, cfg=make_config(num_epochs=1)).train()
    other = make_learner(tmp_path, cfg=make_config(num_epochs=1, lr=0.5))
    other.train()
    assert other.get_start_epoch() == 1
    assert len(Path(tmp_path, 'log.csv').read_text().splitlines()) == 2


def test_schedulers_may_start_at_a_later_epoch(tmp_path):
    learner = make_learner(tmp_path)  # 3 epochs of 3 steps
    rates = []
    for _ in range(2):
        for _ in range(3):
            rates.append(learner.opt.param_groups[0]['lr'])
            learner.opt.step()
            learner.step_scheduler.step()
    later = learner.build_step_scheduler(start_epoch=1)
    assert later.get_last_lr()[0] == pytest.approx(rates[3])


def test_another_optimizer_starts_training_anew(tmp_path, caplog):
    make_learner(tmp_path).train(1)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    learner = make_learner(tmp_path, model=model, optimizer=optimizer)
    learner.train(1)
    assert 'starts anew' in caplog.text
    assert learner.get_start_epoch() == 1


def test_the_epochs_that_are_done_are_known_before_training(tmp_path):
    assert make_learner(tmp_path).get_start_epoch() == 0
    make_learner(tmp_path).train(1)
    assert make_learner(tmp_path).get_start_epoch() == 1
