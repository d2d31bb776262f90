"""The lock for what a process has once for all its threads, and forks beside such threads.

A process that is forked, as data loaders do it, has the locks that other threads held, without
those threads, and would wait for them for ever.
"""

import os
import time
from pathlib import Path
from threading import RLock, get_native_id
from threading import enumerate as living_threads

_ENDING_SECONDS = 1.0


class ProcessLock:
    """Held while filters of the `warnings` module or settings of GDAL change, and at its opening.

    A fork waits until no other thread holds it. It also waits until threads that have held it and
    have ended are gone from the system: Python before 3.13 does not wait for the last that GDAL
    does in them, which is to close PROJ's database under a lock of SQLite's.

    There is one such lock only, since two could be waited for in different orders.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._users: set[int] = set()
        if hasattr(os, 'register_at_fork'):
            os.register_at_fork(
                before=self._before_fork,
                after_in_child=self._lock.release,
                after_in_parent=self._lock.release,
            )

    def __enter__(self) -> None:
        self._lock.acquire()
        self._users.add(get_native_id())

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _before_fork(self) -> None:
        self._lock.acquire()
        alive = {thread.native_id for thread in living_threads()}
        ending = [Path(f'/proc/self/task/{user}') for user in self._users - alive]
        deadline = time.monotonic() + _ENDING_SECONDS
        while any(task.exists() for task in ending) and time.monotonic() < deadline:
            time.sleep(0.0005)
        self._users &= alive


process_lock = ProcessLock()
