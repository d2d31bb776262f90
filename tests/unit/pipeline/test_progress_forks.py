"""Bars on a terminal in a process that forks, as data loaders do it."""

import os
import subprocess
import sys
import threading

import pytest

CODE = """
import logging, os, signal, threading
from rastervision.pipeline.logs import log_to_stderr
from rastervision.pipeline.progress import progress, track

def keep_drawing():
    for _ in track(iter(int, 1), desc='drawn'):
        pass

log_to_stderr()
threading.Thread(target=keep_drawing, daemon=True).start()
with progress(50, 'epochs') as advance:
    for _ in range(50):
        pid = os.fork()
        if pid == 0:
            signal.alarm(10)
            logging.getLogger('rastervision').warning('a tile is missing')
            for _ in track(range(2), desc='in the child'):
                pass
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        advance(1)
os.write(1, b'done')
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork on this system')
def test_processes_that_are_forked_below_bars_print_and_go_on():
    import pty

    ours, theirs = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        try:
            while chunk := os.read(ours, 65536):
                shown.append(chunk)
        except OSError:  # Linux reports the closed terminal so
            pass

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    command = [sys.executable, '-W', 'ignore::DeprecationWarning', '-c', CODE]
    env = {**os.environ, 'TERM': 'xterm'}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=theirs, env=env, timeout=60, check=False
    )
    os.close(theirs)
    reader.join(10)
    os.close(ours)
    assert done.stdout == b'done', b''.join(shown).decode()
    assert b''.join(shown).count(b'a tile is missing') == 50
