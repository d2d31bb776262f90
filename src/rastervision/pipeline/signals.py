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

    The process then ends with the exit code that shells give for the signal. Elsewhere than in the
    main thread, where Python takes no signals, this does nothing.
    """

    def leave(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 (a handler)
        raise SystemExit(128 + signum)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    before = {signum: signal.signal(signum, leave) for signum in signals}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
