import signal
import sys
from datetime import timedelta
from subprocess import PIPE

import pytest
from waiting import started

from rastervision.pytorch_learner.training import run_log
from rastervision.pytorch_learner.training.run_log import (
    TensorBoard,
    log_metrics_to_csv,
    read_log,
)


def test_rows_are_added_in_the_order_of_the_metrics(tmp_path):
    path = tmp_path / 'log.csv'
    for epoch in range(2):
        log_metrics_to_csv(path, {'epoch': epoch, 'train_loss': 0.5, 'train_time': timedelta(0, 3)})
    assert path.read_text() == 'epoch,train_loss,train_time\n0,0.5,0:00:03\n1,0.5,0:00:03\n'


def test_rows_of_an_epoch_that_is_done_again_are_replaced(tmp_path):
    path = tmp_path / 'log.csv'
    for epoch, loss in [(0, 3), (1, 2), (2, 1), (1, 9)]:
        log_metrics_to_csv(path, {'epoch': epoch, 'train_loss': loss})
    assert [(r['epoch'], r['train_loss']) for r in read_log(path)] == [('0', '3'), ('1', '9')]


def test_metrics_that_come_later_get_columns(tmp_path):
    path = tmp_path / 'log.csv'
    log_metrics_to_csv(path, {'epoch': 0, 'a': 1})
    log_metrics_to_csv(path, {'epoch': 1, 'a': 1, 'b': 2})
    assert path.read_text() == 'epoch,a,b\n0,1,\n1,1,2\n'


def test_there_is_no_log_before_the_first_epoch(tmp_path):
    assert read_log(tmp_path / 'log.csv') == []


def test_numbers_reach_tensorboard(tmp_path):
    board = TensorBoard(tmp_path)
    board.log({'epoch': 0, 'train_loss': 0.5, 'train_time': '0:00:01'})
    board.close()
    content = next(tmp_path.iterdir()).read_bytes()
    assert b'train_loss' in content
    assert b'train_time' not in content


@pytest.mark.skipif(sys.platform == 'win32', reason='Windows has no SIGTERM')
def test_a_server_that_does_not_want_to_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(run_log, 'GRACE_SECONDS', 0.2)
    code = (
        'import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n'
        'print("ready", flush=True)\ntime.sleep(60)'
    )
    board = TensorBoard(tmp_path)
    command = [sys.executable, '-c', code]
    with started(command, stdout=PIPE) as server:
        assert server.stdout.readline() == b'ready\n'
        board._server = server
        board.close()
        assert server.returncode == -signal.SIGKILL
