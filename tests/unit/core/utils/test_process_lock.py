"""Processes that are forked while a thread changes what belongs to the process."""

import os
import subprocess
import sys

import pytest

CODE = """
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


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork on this system')
def test_a_fork_leaves_the_lock_free_and_warnings_as_they_were():
    command = [sys.executable, '-W', 'ignore::DeprecationWarning', '-c', CODE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
