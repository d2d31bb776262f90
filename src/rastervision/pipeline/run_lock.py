"""The lock of a run: no other run writes to the same place, and a crash does not block it.

The lock is `state/lock.json` in each folder that a run writes to. It says which process holds it,
and which jobs of an engine go on without that process. Whether a holder is dead is found out
without comparing clocks: on the same machine by its process, on another one by a counter that it
moves as long as it lives.
"""

import json
import logging
import os
import platform
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from rastervision.pipeline.errors import NotWritableError, RVError
from rastervision.pipeline.file_system import json_to_file
from rastervision.pipeline.file_system.file_system import FileSystem, public_uri
from rastervision.pipeline.file_system.local_file_system import without_file_scheme
from rastervision.pipeline.state import now, read_json, state_uri

log = logging.getLogger(__name__)

INTERVAL = 10.0
"""Seconds between two steps of the counter."""
ATTEMPTS = 5
Holder = dict[str, Any]
IsRunning = Callable[[str, Sequence[str]], bool | None]
"""Whether jobs of the engine of a runner, by its name, still run; None if it cannot tell."""


class RunLock(AbstractContextManager['RunLock']):
    """The locks that a run holds until the end of a `with` block.

    Args:
        runner: Name of the runner.
        engine_jobs: Tells the names of the jobs that an engine has been given so far.
        is_running: Tells whether such jobs still run. When the block ends while they do, the locks
            stay until they have ended.

    Attributes:
        run: The id of the run.
    """

    def __init__(
        self, runner: str, engine_jobs: Callable[[], Sequence[str]], is_running: IsRunning
    ) -> None:
        self.run = f'{time.strftime("%Y%m%d-%H%M%S", time.gmtime())}-{token_hex(3)}'
        self._holder = {
            'run': self.run,
            'runner': runner,
            'since': now(),
            'host': socket.gethostname(),
            'boot': _boot_id(),
            'pid': os.getpid(),
            'started': process_start(os.getpid()),
            'interval': INTERVAL,
        }
        self._engine_jobs = engine_jobs
        self._is_running = is_running
        self._locks = ExitStack()
        self._folders: set[str] = set()

    def take(self, folders: Iterable[str]) -> bool:
        """Take the locks of folders or URIs that the run writes to.

        Returns:
            Whether there are new ones among them.

        Raises:
            NotWritableError: Another run holds one of the locks, or it cannot be written.
        """
        new = {without_file_scheme(folder) for folder in folders} - self._folders
        for folder in sorted(new):
            lock = _Lock(folder, self._holder, self._engine_jobs, self._is_running)
            lock.acquire()
            self._locks.callback(lock.release)
        self._folders |= new
        return bool(new)

    def __exit__(self, *error: object) -> None:
        self._locks.close()


class _Lock:
    """The lock of one folder."""

    def __init__(
        self,
        folder: str,
        holder: Holder,
        engine_jobs: Callable[[], Sequence[str]],
        is_running: IsRunning,
    ) -> None:
        self.folder = folder
        self.uri = state_uri(folder, 'lock.json')
        self._holder = holder
        self._engine_jobs = engine_jobs
        self._is_running = is_running
        self._beat = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, daemon=True)

    def acquire(self) -> None:
        """Take the lock, that of a dead run too; raises NotWritableError if a live one has it."""
        fs = FileSystem.get_file_system(self.uri, 'w')
        for _ in range(ATTEMPTS):
            if fs.create(self.uri, json.dumps(self._content()).encode()):
                break
            other = read_json(self.uri) or {}
            if 'run' in other:
                self._refuse_if_alive(other)
            if self._take_over(fs, other):
                break
        else:
            raise NotWritableError(f'{public_uri(self.folder)}: several runs start at once.')
        self._thread.start()

    def release(self) -> None:
        """Give the lock back, unless jobs of the engine go on."""
        self._over.set()
        self._thread.join()
        if not self._is_ours():
            return
        jobs = list(self._engine_jobs())
        if jobs and self._is_running(self._holder['runner'], jobs) is not False:
            json_to_file(self._content(), self.uri)
            return
        try:
            FileSystem.get_file_system(self.uri, 'w').remove(self.uri)
        except RVError:  # a store that cannot remove files
            json_to_file({}, self.uri)

    def _content(self) -> Holder:
        return {**self._holder, 'beat': self._beat, 'engine_jobs': list(self._engine_jobs())}

    def _is_ours(self) -> bool:
        return bool((read_json(self.uri) or {}).get('run') == self._holder['run'])

    def _keep_beating(self) -> None:
        while not self._over.wait(INTERVAL):
            try:
                if not self._is_ours():
                    log.error('Another run has taken over %s; stop this one.', self.folder)
                    return
                self._beat += 1
                json_to_file(self._content(), self.uri)
            except RVError as error:  # made up for by the next beat
                log.warning('%s', error)

    def _take_over(self, fs: type[FileSystem], dead: Holder) -> bool:
        """Replace the lock of a dead run; of several that try, one succeeds."""
        marker = state_uri(self.folder, f'lock-{dead.get("run", "none")}.json')
        if not fs.create(marker, b'{}'):
            time.sleep(1)  # another run is about to replace it, or died in that moment
            if (read_json(self.uri) or {}) == dead:
                fs.remove(marker)
            return False
        try:
            if (read_json(self.uri) or {}) != dead:
                return False
            json_to_file(self._content(), self.uri)
        finally:
            with suppress(RVError):
                fs.remove(marker)
        if 'run' in dead:
            log.info('Taking over %s from a run that ended in the middle.', self.folder)
        return True

    def _refuse_if_alive(self, other: Holder) -> None:
        is_alive = lives_here(other)
        if is_alive is None:
            is_alive = self._moves(other)
        jobs = other.get('engine_jobs') or []
        where = f'process {other.get("pid")} on {other.get("host")}'
        if not is_alive and jobs:
            is_alive = self._is_running(str(other.get('runner')), jobs) is not False
            where = f'jobs {", ".join(jobs)} of {other.get("runner")}'
        if is_alive:
            raise NotWritableError(
                f'Another run is at work in {public_uri(self.folder)} since {other.get("since")} '
                f'({where}). Wait for its end or stop it; then start this one again. If it is '
                f'surely gone, remove {public_uri(self.uri)}.'
            )

    def _moves(self, other: Holder) -> bool:
        """Watch whether a process on another machine moves its counter."""
        seconds = 2 * float(other.get('interval') or INTERVAL)
        log.info(
            'A run on %s has not released %s; watching for %.0f seconds whether it lives.',
            other.get('host'),
            self.folder,
            seconds,
        )
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(min(1.0, seconds / 4))
            if (read_json(self.uri) or {}).get('beat') != other.get('beat'):
                return True
        return False


def lives_here(other: Holder) -> bool | None:
    """Whether a process of this machine is there; None if it is of another, or nobody can tell."""
    if (other.get('host'), other.get('boot')) != (socket.gethostname(), _boot_id()):
        return None
    if other.get('started') is None:
        return None
    return bool(process_start(int(other['pid'])) == other['started'])


def process_start(pid: int) -> str | None:
    """When a process of this machine was started; None if there is none, or nobody can tell.

    Together with the number it names a process, since numbers are used again.
    """
    if sys.platform == 'linux':
        try:
            stat = Path(f'/proc/{pid}/stat').read_text(encoding='utf-8', errors='replace')
        except OSError:
            return None
        state, *rest = stat.rpartition(')')[2].split()
        return None if state in {'Z', 'X'} else rest[18]
    if sys.platform == 'win32':
        return None
    command = ['ps', '-o', 'lstart=', '-p', str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (fixed)
    return done.stdout.strip() or None


def _boot_id() -> str:
    """What tells this machine, since it was started, from others with the same name."""
    try:
        return Path('/proc/sys/kernel/random/boot_id').read_text(encoding='utf-8').strip()
    except OSError:
        return platform.node()
