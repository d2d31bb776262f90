"""The lock for what a process has once for all its threads."""

import os
from threading import RLock

process_lock = RLock()
"""Held while filters of the `warnings` module or settings of GDAL change.

A process that is forked, as data loaders do it, while another thread holds a lock has the lock
without the thread, and would wait for ever. So a fork waits until this one is free. It is the only
one that does so, since two could be waited for in different orders.
"""

if hasattr(os, 'register_at_fork'):
    os.register_at_fork(
        before=process_lock.acquire,
        after_in_child=process_lock.release,
        after_in_parent=process_lock.release,
    )
