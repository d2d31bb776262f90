import gc
import os
import threading

import pytest
from waiting import SECONDS, in_fork

from rastervision.core.utils.gc_pause import gc_paused


def test_the_collector_is_off_in_the_block_only() -> None:
    with gc_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_blocks_in_blocks_leave_it_as_it_was() -> None:
    with gc_paused():
        with gc_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_puts_it_on_again() -> None:
    with pytest.raises(KeyError), gc_paused():
        raise KeyError
    assert gc.isenabled()


def test_it_is_off_until_the_last_of_several_threads_leaves() -> None:
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with gc_paused():
            inside.set()
            leave.wait(SECONDS)

    thread = threading.Thread(target=work)
    with gc_paused():
        thread.start()
        assert inside.wait(SECONDS)
    assert not gc.isenabled()
    if hasattr(os, 'fork'):
        assert in_fork(gc.isenabled)  # the thread is not there
    leave.set()
    thread.join(SECONDS)
    assert gc.isenabled()
