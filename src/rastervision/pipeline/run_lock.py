"""The lock of a run: no other run writes to the same place, and a crash does not block it.

The lock is `lock.json` in `state/` below each root that a run writes to, and in `.state/` in each
folder outside of these. It says which process holds it, and which jobs of an engine go on without
that process. Whether a holder is dead is found out without comparing clocks: on the same machine by
its process, on another one by a counter that it moves as long as it lives.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from secrets import token_hex
from typing import Any

from rastervision.pipeline.errors import NotReadableError, NotWritableError, RVError
from rastervision.pipeline.file_system import file_exists, json_to_file
from rastervision.pipeline.file_system.file_system import FileSystem
from rastervision.pipeline.process import lives_here, this_process
from rastervision.pipeline.public_text import public_uri
from rastervision.pipeline.state import FOLDER, LOCK, now, place_of, state_uri

log = logging.getLogger(__name__)

INTERVAL = 10.0
"""Seconds between two steps of the counter."""
PAUSE = 1.0
"""Seconds that others get to finish what they are writing."""
ATTEMPTS = 5
Holder = dict[str, Any]
_KINDS = {'runner': str, 'since': str, 'pid': int, 'interval': int | float, 'engine_jobs': list}
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
            **this_process(),
            'interval': INTERVAL,
        }
        self._engine_jobs = engine_jobs
        self._is_running = is_running
        self._locks = ExitStack()
        self._held: dict[tuple[str, str], _Lock] = {}

    def take(self, folders: Iterable[str], state: str = FOLDER) -> bool:
        """Take the locks of folders or URIs that the run writes to.

        Args:
            folders: The folders.
            state: Name of the folder in each that the lock is in.

        Returns:
            Whether there are new ones among them.

        Raises:
            NotWritableError: Another run holds one of the locks, or it cannot be written.
            NotReadableError: There is a lock that cannot be read.
        """
        new = {(place_of(folder), state) for folder in folders} - self._held.keys()
        for place in sorted(new):
            lock = _Lock(*place, self._holder, self._engine_jobs, self._is_running)
            lock.acquire()
            self._locks.callback(lock.release)
            self._held[place] = lock
        return bool(new)

    def note(self) -> None:
        """Write into the locks which jobs the engine has been given by now.

        Raises:
            NotWritableError: A lock cannot be written, or is no longer that of this run.
            NotReadableError: There is a lock that cannot be read.
        """
        for lock in self._held.values():
            if not lock.beat():
                raise NotWritableError(f'Another run has taken over {public_uri(lock.folder)}.')

    def __exit__(self, *error: object) -> None:
        self._locks.close()


def as_holder(value: object) -> Holder:
    """What the JSON value in a lock says of its holder; {} if it is damaged."""
    if not isinstance(value, dict):
        return {}
    run, jobs = value.get('run'), value.get('engine_jobs') or []
    is_name = isinstance(run, str) and re.fullmatch(r'[\w-]+', run)  # it is part of a file name
    is_whole = all(isinstance(value[name], kind) for name, kind in _KINDS.items() if name in value)
    return value if is_name and is_whole and all(isinstance(job, str) for job in jobs) else {}


class _Lock:
    """The lock of one folder."""

    def __init__(
        self,
        folder: str,
        state: str,
        holder: Holder,
        engine_jobs: Callable[[], Sequence[str]],
        is_running: IsRunning,
    ) -> None:
        self.folder = folder
        self.uri = state_uri(folder, LOCK, state)
        self._state = state
        self._holder = holder
        self.run = holder['run']
        self._engine_jobs = engine_jobs
        self._is_running = is_running
        self._beat = 0
        self._beating = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_beating, daemon=True)

    def acquire(self) -> None:
        """Take the lock, that of a dead run too; raises NotWritableError if a live one has it."""
        fs = FileSystem.get_file_system(self.uri, 'w')
        for _ in range(ATTEMPTS):
            if fs.create(self.uri, json.dumps(self._content()).encode()):
                break
            other = self._read()
            if other is None:  # it was released in that moment
                continue
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
        try:
            with self._beating:
                self._release()
        except RVError as error:  # others find out that this process is gone
            log.warning('The lock %s stays: %s', public_uri(self.uri), error)

    def _release(self) -> None:
        if (self._read() or {}).get('run') != self.run:
            return
        jobs = list(self._engine_jobs())
        if jobs and self._is_running(self._holder['runner'], jobs) is not False:
            json_to_file(self._content(), self.uri)
            return
        try:
            FileSystem.get_file_system(self.uri, 'w').remove(self.uri)
        except RVError:  # a store that cannot remove files
            json_to_file({}, self.uri)

    def beat(self) -> bool:
        """Move the counter, and write which jobs the engine has; nothing once it is released.

        Returns:
            Whether the lock is still that of this run.

        Raises:
            NotWritableError: The lock cannot be written.
            NotReadableError: Nobody can tell whose lock it is.
        """
        with self._beating:
            if self._over.is_set():
                return True
            found = self._read()
            self._beat += 1
            if found is None:  # somebody has removed it
                fs = FileSystem.get_file_system(self.uri, 'w')
                return fs.create(self.uri, json.dumps(self._content()).encode())
            if found.get('run', self.run) != self.run:
                return False
            json_to_file(self._content(), self.uri)
            return True

    def _content(self) -> Holder:
        return {**self._holder, 'beat': self._beat, 'engine_jobs': list(self._engine_jobs())}

    def _read(self) -> Holder | None:
        """What the lock says, {} if it is damaged; None if there is none.

        Raises:
            NotReadableError: There is one, but nobody can tell what it says.
        """
        for pause in (PAUSE, 0.0):  # a store that cannot replace files at once may show a half
            try:
                text = FileSystem.get_file_system(self.uri).read_bytes(self.uri)
            except NotReadableError:
                if file_exists(self.uri, include_dir=False):
                    raise
                return None
            with suppress(ValueError):
                return as_holder(json.loads(text))
            time.sleep(pause)
        return {}

    def _keep_beating(self) -> None:
        while not self._over.wait(INTERVAL):
            try:
                if not self.beat():
                    where = public_uri(self.folder)
                    log.error('Another run has taken over %s; stop this one.', where)
                    return
            except RVError as error:  # made up for by the next beat
                log.warning('%s', error)

    def _take_over(self, fs: type[FileSystem], dead: Holder) -> bool:
        """Replace the lock of a dead run; of several that try, one succeeds."""
        marker = state_uri(self.folder, f'lock-{dead.get("run", "none")}.json', self._state)
        if not fs.create(marker, b'{}'):
            time.sleep(PAUSE)  # another run is about to replace it, or died in that moment
            if self._read() == dead:
                fs.remove(marker)
            return False
        try:
            if self._read() != dead:
                return False
            json_to_file(self._content(), self.uri)
        finally:
            with suppress(RVError):
                fs.remove(marker)
        if 'run' in dead:
            log.info('Taking over %s from a run that ended in the middle.', public_uri(self.folder))
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
        seconds = 2 * (other.get('interval') or INTERVAL)
        log.info(
            'A run on %s has not released %s; watching for %.0f seconds whether it lives.',
            other.get('host'),
            public_uri(self.folder),
            seconds,
        )
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(min(1.0, seconds / 4))
            found = self._read()
            if found != other:  # moved; or released, or taken over by yet another run
                return found is not None and found.get('run') == other['run']
        return False
