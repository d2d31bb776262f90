"""Waits that come to an end: what is stuck fails its test, instead of holding up all of them."""

import multiprocessing
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Timer
from typing import Any, TypeVar

Result = TypeVar('Result')

SECONDS = 60.0
"""Enough for what takes a second or two, on whatever machine."""


def wait_until(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f'waited {seconds:.0f} s in vain'
        time.sleep(0.02)


@contextmanager
def started(
    command: Sequence[object], seconds: float = SECONDS, **options: Any
) -> Iterator[subprocess.Popen[Any]]:
    """Run a process in the block, and kill it at the end, or when it has run for so long.

    So reading what it prints and waiting for it come to an end, too.
    """
    with subprocess.Popen(list(map(str, command)), **options) as process:
        alarm = Timer(seconds, process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            yield process
        finally:
            alarm.cancel()
            process.kill()


def end(process: subprocess.Popen[Any], seconds: float = 20.0) -> None:
    """Ask a process to end, and kill it if it does not."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def in_fork(function: Callable[[], Result]) -> Result:
    """What a function returns in a fork of this process, which may be stuck: see ProcessLock."""
    context = multiprocessing.get_context('fork')
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send(function()))
    process.start()
    sender.close()
    try:
        assert receiver.poll(SECONDS), 'the forked process is stuck'
        result: Result = receiver.recv()  # EOFError: the function raised, and the fork has ended
        process.join(SECONDS)
        assert process.exitcode == 0
        return result
    finally:
        process.kill()
        process.join()
        receiver.close()
