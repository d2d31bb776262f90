"""Signals unwind blocks, and those that somebody has taken care of stay as they are."""

import os
import signal
import sys
import time

import pytest

from rastervision.pipeline.signals import cleaning_up_on_signals

pytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='signals of POSIX')


@pytest.fixture(params=['SIGTERM', 'SIGHUP'])
def signum(request):
    number = getattr(signal, request.param)
    before = signal.getsignal(number)
    yield number
    signal.signal(number, before)


def test_a_signal_unwinds_the_block_and_ends_with_its_exit_code(signum):
    signal.signal(signum, signal.SIG_DFL)
    with pytest.raises(SystemExit) as caught, cleaning_up_on_signals(), cleaning_up_on_signals():
        os.kill(os.getpid(), signum)
    assert caught.value.code == 128 + signum
    assert signal.getsignal(signum) is signal.SIG_DFL


def test_an_ignored_signal_stays_ignored(signum):
    signal.signal(signum, signal.SIG_IGN)  # as `nohup` does
    with cleaning_up_on_signals():
        os.kill(os.getpid(), signum)
    assert signal.getsignal(signum) is signal.SIG_IGN


def test_the_handler_of_a_host_program_stays(signum):
    got: list[int] = []
    signal.signal(signum, lambda number, _frame: got.append(number))
    with cleaning_up_on_signals():
        os.kill(os.getpid(), signum)
    assert got == [signum]


def test_a_signal_that_comes_in_a_destructor_is_not_lost(signum):
    class Slow:
        def __del__(self):
            os.kill(os.getpid(), signum)
            time.sleep(0.3)

    def work():
        Slow()
        time.sleep(20)

    signal.signal(signum, signal.SIG_DFL)
    hook = sys.unraisablehook
    with pytest.raises(SystemExit) as caught, cleaning_up_on_signals():
        work()
    assert caught.value.code == 128 + signum
    assert sys.unraisablehook is hook


def test_whatever_else_a_destructor_raises_is_told_as_before(monkeypatch):
    class Broken:
        def __del__(self):
            raise ValueError

    told = []
    monkeypatch.setattr(sys, 'unraisablehook', lambda ignored: told.append(ignored.exc_type))
    with cleaning_up_on_signals():
        Broken()
    assert told == [ValueError]
