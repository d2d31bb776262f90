"""The thread that reads for the main thread, and signals that end the wait for it."""

import os
import signal
import sys
import threading

import pytest

from rastervision.core.data.raster_source.remote_rasters import _outside_main_thread


@pytest.mark.skipif(sys.platform == 'win32', reason='signals of POSIX')
@pytest.mark.parametrize('error', [KeyboardInterrupt, SystemExit])
def test_what_a_signal_has_left_behind_is_not_waited_for(error):
    def leave(signum, frame):
        raise error

    go_on, was_late = threading.Event(), threading.Event()
    before = signal.signal(signal.SIGTERM, leave)
    try:
        threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGTERM]).start()
        with pytest.raises(error):
            _outside_main_thread(lambda: go_on.wait(20) or was_late.set())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert _outside_main_thread(lambda: 'read') == 'read'
    assert not was_late.is_set()
    go_on.set()


def test_a_failure_leaves_the_thread_in_use():
    thread = _outside_main_thread(threading.current_thread)
    with pytest.raises(ZeroDivisionError):
        _outside_main_thread(lambda: 1 / 0)
    assert _outside_main_thread(threading.current_thread) is thread
