"""Local copies of remote files: one download per URI, whatever the number of processes."""

import os
import stat
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Self

from rastervision.pipeline.file_system.file_system import FileSystem, unreadable, unwritable
from rastervision.pipeline.file_system.local_file_system import (
    TMP_PREFIX,
    LocalFileSystem,
    atomic_local_path,
    files_below,
    make_dir,
)
from rastervision.pipeline.file_system.stable_names import stable_uri

SETTINGS = 'RV'
"""Section of the settings `cache_dir` and `cache_gb`."""
DEFAULT_MAX_GB = 20.0
KEEP_SECONDS = 24 * 3600.0
"""A file that was asked for in this time is never removed: a running job may still read it."""
UNDATED_SECONDS = 3600.0
"""How long the copy of a file counts as current if its store does not tell the file's age."""
_LOCKS = '.locks'
_OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_fresh: set[tuple[str, str]] = set()
"""(URI, local path) pairs that this process found up to date; they are not asked for again."""


def cache_dir() -> str:
    """The directory of the cache, shared by all processes of a user and kept between runs.

    A directory of the user's own, with nothing else in it, below that of the setting `cache_dir`
    of section `[RV]`, else below the root of temporary directories.

    Raises:
        NotWritableError: It cannot be made, or another user may have put something there: files
            in it are removed, see `trim`.
    """
    from rastervision.pipeline import rv_config_

    folder = rv_config_.get_namespace_option(SETTINGS, 'cache_dir')
    root = Path(folder or rv_config_.get_tmp_dir_root()).expanduser()
    user = os.getuid() if hasattr(os, 'getuid') else 'user'
    path = root / f'rastervision-cache-{user}'
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        raise unwritable(str(path), error) from error
    is_shared = user != 'user' and (status.st_uid != user or status.st_mode & _OF_OTHERS)
    if is_shared or not stat.S_ISDIR(status.st_mode):
        raise unwritable(
            str(path),
            'the cache has to be a directory of your own, no link, that nobody else may write to; '
            'remove it, or set cache_dir of section [RV] (RV_CACHE_DIR) to another folder',
        )
    return str(path)


def get_local_path(uri: str, download_dir: str, fs: type[FileSystem] | None = None) -> str:
    """Where the local copy of `uri` lies (or will lie), the path itself for a local file.

    Args:
        uri: URI of a file.
        download_dir: Directory below which remote files are put.
        fs: The file system to use; found by the URI if None.
    """
    fs = fs or FileSystem.get_file_system(uri)
    return fs.local_path(uri, download_dir)


def download_if_needed(
    uri: str,
    download_dir: str | None = None,
    fs: type[FileSystem] | None = None,
    use_cache: bool = True,
) -> str:
    """Make a file available as a local path.

    A local file is left where it is. A remote one is downloaded unless a copy of the same stamp
    (ETag, or size and age) is there; several processes that ask for one URI at the same time cause
    one download.

    Args:
        uri: URI of a file.
        download_dir: Where to put the file. Defaults to the cache, whose size is bounded.
        fs: The file system to use; found by the URI if None.
        use_cache: Use a copy that is there. If False, download anyway.

    Returns:
        Path of the local copy.

    Raises:
        NotReadableError: The file does not exist or cannot be read.
        NotWritableError: The copy cannot be written.
    """
    fs = fs or FileSystem.get_file_system(uri)
    if download_dir is None:
        folder = '' if fs is LocalFileSystem else cache_dir()
        path = _path_in_cache(uri, folder, fs)
    else:
        folder = download_dir
        path = fs.local_path(uri, folder)
    if fs is LocalFileSystem or path == uri:
        if not Path(path).exists():
            raise unreadable(uri, 'no such file')
        return path
    if use_cache and (uri, path) in _fresh:
        with suppress(FileNotFoundError):
            set_use(path)
            return path
    with _Lock(folder, path) as lock:
        stamp = fs.stamp(uri)
        if not (use_cache and _is_current(path, stamp, lock.record)):
            lock.record.unlink(missing_ok=True)
            with atomic_local_path(path) as tmp_path:
                fs.copy_from(uri, tmp_path)
                _set_age(tmp_path, fs.last_modified(uri))
            if download_dir is None:
                trim(folder, _max_bytes())
            if stamp is not None:
                LocalFileSystem.write_str(str(lock.record), stamp)
        set_use(path)
    _fresh.add((uri, path))
    return path


def _path_in_cache(uri: str, folder: str, fs: type[FileSystem]) -> str:
    """Where the copy of `uri` lies in the cache.

    Directories of the store get places of their own, as `d` and `d/a` can both be files there.
    """
    place = stable_uri(uri).partition('?')[0].rpartition('/')[0]
    return fs.local_path(uri, str(Path(folder, sha256(os.fsencode(place)).hexdigest()[:10])))


def trim(folder: str, max_bytes: float, keep_seconds: float = KEEP_SECONDS) -> None:
    """Remove the files of a cache that were not asked for the longest until it fits.

    What downloads that were killed have left is removed in any case.

    Args:
        folder: The cache.
        max_bytes: Size that it should not exceed.
        keep_seconds: Leave files that were asked for in this time, even if it does not fit then.
    """
    root = Path(folder)
    files = []
    for path in files_below(root, unfinished=True):
        if _LOCKS not in path.parts:
            with suppress(FileNotFoundError):  # another process has removed it
                files.append(_Entry.of(path, root))
    excess = sum(entry.size for entry in files) - max_bytes
    oldest_kept = time.time() - keep_seconds
    for entry in sorted(files, key=lambda entry: (entry.finished, entry.used)):
        if entry.used <= oldest_kept and (excess > 0 or not entry.finished):
            entry.path.unlink(missing_ok=True)
            excess -= entry.size


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of the cache.

    Attributes:
        used: When it was asked for last; of a download that runs or was killed, when it grew.
    """

    path: Path
    size: int
    used: float
    finished: bool

    @classmethod
    def of(cls, path: Path, root: Path) -> Self:
        """Raises FileNotFoundError if it is gone."""
        status = path.stat()
        folders = path.relative_to(root).parts[:-1]
        finished = not any(name.startswith(TMP_PREFIX) for name in folders)
        used = status.st_atime if finished else max(status.st_atime, status.st_mtime)
        return cls(path, status.st_size, used, finished)


def _max_bytes() -> float:
    from rastervision.pipeline import rv_config_

    settings = rv_config_.get_namespace_config(SETTINGS)
    return float(settings('cache_gb', default=DEFAULT_MAX_GB, parser=float)) * 1e9


def _is_current(path: str, stamp: str | None, record: Path) -> bool:
    """Whether a copy is there and has the stamp of the original, or is new if there are none."""
    if not Path(path).is_file():
        return False
    if stamp is None:
        return time.time() - Path(path).stat().st_mtime < UNDATED_SECONDS
    return record.is_file() and record.read_text('utf-8') == stamp


def _set_age(path: str, modified: datetime | None) -> None:
    """Give a copy the age of its original."""
    if modified is not None:
        os.utime(path, (time.time(), modified.timestamp()))


def set_use(path: str) -> None:
    """Record the time of use as access time; `trim` leaves the file alone for a while.

    Raises:
        FileNotFoundError: There is none.
    """
    os.utime(path, (time.time(), Path(path).stat().st_mtime))


class _Lock:
    """Exclusive use of one path below `folder`, among processes; a crash frees it.

    Attributes:
        record: File for the stamp of the original that was copied to the path.
    """

    def __init__(self, folder: str, path: str) -> None:
        from filelock import FileLock

        locks = Path(folder, _LOCKS)
        make_dir(str(locks))
        name = sha256(os.fsencode(path)).hexdigest()[:20]
        self.record = locks / f'{name}.stamp'
        self._lock = FileLock(locks / f'{name}.lock')

    def __enter__(self) -> Self:
        try:
            self._lock.acquire()
        except OSError as error:
            raise unwritable(self._lock.lock_file, error) from error
        return self

    def __exit__(self, *exc: object) -> None:
        self._lock.release()
