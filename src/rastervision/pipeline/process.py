"""Which process on which machine: what tells whether that which has left a note still lives."""

import os
import platform
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

GRACE_SECONDS = 5.0
"""Time that a job has for cleaning up when it is told to stop, or the process that started it is
gone."""


def this_process() -> dict[str, Any]:
    """What names this process among all of all machines, for `lives_here`."""
    pid = os.getpid()
    return {**_machine(), 'pid': pid, 'started': process_start(pid)}


def lives_here(process: Mapping[str, Any]) -> bool | None:
    """Whether a process of this machine is there; None if it is of another, or nobody can tell.

    Args:
        process: What `this_process` has told of it; further keys do not matter.
    """
    if any(process.get(key) != value for key, value in _machine().items()):
        return None
    pid, started = process.get('pid'), process.get('started')
    if not isinstance(pid, int) or started is None:
        return None
    start = process_start(pid)
    return None if start is None else bool(start == started)


def process_start(pid: int) -> str | None:
    """When a process of this machine was started; '' if it is gone, None if nobody can tell.

    Together with the number it names a process, since numbers are used again.
    """
    if sys.platform == 'linux':
        try:
            stat = Path(f'/proc/{pid}/stat').read_text(encoding='utf-8', errors='replace')
        except OSError:  # those of other users may be hidden
            return None if _has_number(pid) else ''
        state, *rest = stat.rpartition(')')[2].split()
        return '' if state in {'Z', 'X'} else rest[18]
    if sys.platform == 'win32':
        return None
    command = ['ps', '-o', 'lstart=', '-p', str(pid)]
    done = subprocess.run(  # noqa: S603 (a fixed program)
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, 'LC_ALL': 'C', 'TZ': 'UTC'},  # the same words, whoever asks
    )
    return done.stdout.strip()


def _has_number(pid: int) -> bool:
    """Whether a process of any user has a number, as Unix tells."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return pid > 0  # others stand for groups


def _machine() -> dict[str, str]:
    """What tells those who see the same processes, since a start, from others of the same name."""
    return {'host': socket.gethostname(), 'boot': _boot_id(), 'pids': _pid_namespace()}


def _boot_id() -> str:
    try:
        return Path('/proc/sys/kernel/random/boot_id').read_text(encoding='utf-8').strip()
    except OSError:
        return platform.node()


def _pid_namespace() -> str:
    """Containers on one machine each have processes of their own."""
    try:
        return str(Path('/proc/self/ns/pid').readlink())
    except OSError:
        return ''
