"""Signals that end a process."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = ('SIGTERM', 'SIGHUP', 'SIGBREAK')
"""Names of the signals, as far as the operating system has them; Ctrl-C is Python's own affair."""


@contextmanager
def cleaning_up_on_signals() -> Iterator[None]:
    """Let signals that end the process unwind its blocks first, so that nothing half-done stays.

    The process then ends with the exit code that shells give for the signal. Signals that somebody
    has taken care of are left alone: `nohup` has SIGHUP ignored, a host program may have its own
    handlers. Elsewhere than in the main thread, where Python takes no signals, this does nothing.
    """

    def leave(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 (a handler)
        raise SystemExit(128 + signum)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    known = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    ours = [signum for signum in known if signal.getsignal(signum) is signal.SIG_DFL]
    for signum in ours:
        signal.signal(signum, leave)
    try:
        yield
    finally:
        for signum in ours:
            signal.signal(signum, signal.SIG_DFL)
