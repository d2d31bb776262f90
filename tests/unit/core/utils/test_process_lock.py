"""Processes that are forked while a thread changes what belongs to the process."""

import os
import subprocess
import sys

import pytest

CHANGING = """
import os, signal, threading, time, warnings
from rastervision.core.data.raster_source.rasterio_io import reserve_cache
from rastervision.core.utils.quiet import quiet

inside = threading.Event()

def work():
    with quiet(UserWarning):
        inside.set()
        time.sleep(0.3)

thread = threading.Thread(target=work)
thread.start()
inside.wait(10)
pid = os.fork()
signal.alarm(10)
with quiet(UserWarning):
    reserve_cache(1)
if pid == 0:
    os._exit(int(('ignore', None, UserWarning, None, 0) in warnings.filters))
thread.join()
assert os.waitpid(pid, 0)[1] == 0
"""

ENDING = """
import ctypes, os, threading, time
from pathlib import Path
from rastervision.core.utils.quiet import quiet

libc, key, tasks = ctypes.CDLL(None), ctypes.c_uint(), []
libc.pthread_key_create(ctypes.byref(key), ctypes.cast(libc.usleep, ctypes.c_void_p))

def work():
    with quiet(UserWarning):
        tasks.append(Path(f'/proc/self/task/{threading.get_native_id()}'))
    libc.pthread_setspecific(key, ctypes.c_void_p(400_000))  # it sleeps so long when it ends

thread = threading.Thread(target=work)
thread.start()
while thread.is_alive():
    time.sleep(0.001)
assert tasks[0].exists()
pid = os.fork()
if pid == 0:
    os._exit(0)
assert not tasks[0].exists()
assert os.waitpid(pid, 0)[1] == 0
"""

INTERRUPTED = """
import os, signal, threading, time
from rastervision.core.utils.process_lock import process_lock

inside, leave = threading.Event(), threading.Event()

def work():
    with process_lock:
        inside.set()
        leave.wait(30)

def interrupt():
    time.sleep(0.3)  # the fork waits
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.3)
    leave.set()

thread, other = threading.Thread(target=work), threading.Thread(target=interrupt)
thread.start()
inside.wait(30)
other.start()
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    with process_lock:
        os._exit(0)
try:
    time.sleep(20)
except KeyboardInterrupt:
    assert os.waitpid(pid, 0)[1] == 0
    free = threading.Thread(target=process_lock.__enter__, daemon=True)
    free.start()
    free.join(20)
    assert not free.is_alive()
else:
    raise AssertionError('the interrupt is lost')
"""


def run(code: str) -> None:
    command = [sys.executable, '-W', 'ignore::DeprecationWarning', '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork on this system')
def test_a_fork_leaves_the_lock_free_and_warnings_as_they_were():
    run(CHANGING)


@pytest.mark.skipif(sys.platform != 'linux', reason='threads are not listed on this system')
def test_a_fork_waits_for_the_ends_of_threads():
    run(ENDING)


@pytest.mark.skipif(sys.platform == 'win32', reason='no fork on this system')
def test_an_interrupt_of_the_waiting_comes_after_the_fork():
    run(INTERRUPTED)
