"""Making many small objects without the garbage collector looking through them again and again."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class _Pause:
    """The collector is off while any thread wants it to be."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._depth = 0
        self._was_enabled = False

    def begin(self) -> None:
        with self._lock:
            if self._depth == 0:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._depth += 1

    def end(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0 and self._was_enabled:
                gc.enable()

    def end_in_fork(self) -> None:
        """The threads that have paused it are not in the new process."""
        if self._depth and self._was_enabled:
            gc.enable()
        self._lock, self._depth = Lock(), 0


_pause = _Pause()
if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_pause.end_in_fork)


@contextmanager
def gc_paused() -> Iterator[None]:
    """Keep the garbage collector from running in the block; for code that makes no cycles.

    The collector runs whenever enough objects were made, so that a large JSON document takes
    three times as long to parse, and 100,000 geometries up to five times as long to make. It is on
    again after the block, and after those of other threads, if it was on before. Do not fork in it.
    """
    _pause.begin()
    try:
        yield
    finally:
        _pause.end()
