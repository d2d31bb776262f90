"""Signals that end a process."""

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = ('SIGTERM', 'SIGHUP', 'SIGBREAK')
"""Names of the signals, as far as the operating system has them; Ctrl-C is Python's own affair."""
AGAIN_SECONDS = 0.1
"""Time until a signal comes again; what has swallowed it is over by then."""


@contextmanager
def cleaning_up_on_signals() -> Iterator[None]:
    """Let signals that end the process unwind its blocks first, so that nothing half-done stays.

    The process then ends with the exit code that shells give for the signal. Signals that somebody
    has taken care of are left alone: `nohup` has SIGHUP ignored, a host program may have its own
    handlers. Elsewhere than in the main thread, where Python takes no signals, this does nothing.

    Python ignores what is raised while it runs a destructor; a signal that comes then comes again.
    """

    def leave(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 (a handler)
        raise _Ended(128 + signum)

    def see_ignored(ignored: 'sys.UnraisableHookArgs') -> None:
        if isinstance(ignored.exc_value, _Ended):
            send_again(ignored.exc_value)
        else:
            hook(ignored)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    known = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    ours = [signum for signum in known if signal.getsignal(signum) is signal.SIG_DFL]
    for signum in ours:
        signal.signal(signum, leave)
    hook, sys.unraisablehook = sys.unraisablehook, see_ignored
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for signum in ours:
            signal.signal(signum, signal.SIG_DFL)


class _Ended(SystemExit):
    """The process is to end because of a signal."""

    @property
    def signum(self) -> int:
        """Number of the signal."""
        return int(self.code or 0) - 128


def send_again(error: BaseException) -> None:
    """Let a signal come again, soon, after Python has ignored what its handler has raised."""
    signum = error.signum if isinstance(error, _Ended) else signal.SIGINT

    def send() -> None:
        time.sleep(AGAIN_SECONDS)
        os.kill(os.getpid(), signum)

    _thread.start_new_thread(send, ())
