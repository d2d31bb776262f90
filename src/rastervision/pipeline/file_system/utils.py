"""Reading and writing by URI, whatever the store: the functions that the rest of the code uses."""

import json
import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from rastervision.pipeline.errors import RVError
from rastervision.pipeline.file_system.archive import extract, is_archive, unzip, zipdir
from rastervision.pipeline.file_system.cache import download_if_needed, get_local_path
from rastervision.pipeline.file_system.file_system import FileSystem, unreadable
from rastervision.pipeline.file_system.local_file_system import (
    LocalFileSystem,
    atomic_local_path,
    make_dir,
)
from rastervision.pipeline.json_text import encode

__all__ = [
    'atomic_path',
    'download_if_needed',
    'download_or_copy',
    'extract',
    'file_exists',
    'file_to_json',
    'file_to_str',
    'get_local_path',
    'get_tmp_dir',
    'is_archive',
    'is_local',
    'json_to_file',
    'list_paths',
    'make_dir',
    'start_sync',
    'str_to_file',
    'sync_from_dir',
    'sync_to_dir',
    'unzip',
    'upload_or_copy',
    'zipdir',
]

log = logging.getLogger(__name__)

FileSystemType = type[FileSystem]


def is_local(uri: str) -> bool:
    """Whether `uri` is a file or directory of this machine."""
    return FileSystem.get_file_system(uri) is LocalFileSystem


def get_tmp_dir() -> 'TemporaryDirectory[str]':
    """A new temporary directory below the configured root; it goes away with the object."""
    from rastervision.pipeline import rv_config_

    return rv_config_.get_tmp_dir()


@contextmanager
def atomic_path(uri: str) -> Iterator[str]:
    """Write one file, all or nothing, wherever it goes.

    Args:
        uri: URI of the file to write.

    Yields:
        A local path to write to, with the name of the target. What lies there is moved (companion
        files with it) or uploaded when the block ends well, and deleted when it fails.

    Raises:
        NotWritableError: No space, no permission, or nothing was written.
    """
    fs = FileSystem.get_file_system(uri, 'w')
    if fs is LocalFileSystem:
        with atomic_local_path(uri) as tmp_path:
            yield tmp_path
        return
    with get_tmp_dir() as tmp_dir:
        path = str(Path(tmp_dir, PurePosixPath(uri).name))
        with atomic_local_path(path) as tmp_path:
            yield tmp_path
        fs.copy_to(path, uri)


def file_exists(uri: str, fs: FileSystemType | None = None, include_dir: bool = True) -> bool:
    """Whether there is a file (or, with `include_dir`, a directory) at `uri`."""
    fs = fs or FileSystem.get_file_system(uri)
    return fs.file_exists(uri, include_dir)


def list_paths(
    uri: str, ext: str = '', fs: FileSystemType | None = None, **kwargs: Any
) -> list[str]:
    """URIs of the entries of a directory.

    Args:
        uri: URI of a directory.
        ext: End of the names to list.
        fs: The file system to use; found by the URI if None.
        **kwargs: Passed on to the file system's `list_paths`.
    """
    fs = fs or FileSystem.get_file_system(uri)
    return fs.list_paths(uri, ext=ext, **kwargs)


def file_to_str(uri: str, fs: FileSystemType | None = None) -> str:
    """Content of a UTF-8 text file."""
    fs = fs or FileSystem.get_file_system(uri)
    return fs.read_str(uri)


def str_to_file(content_str: str, uri: str, fs: FileSystemType | None = None) -> None:
    """Write a UTF-8 text file, all or nothing."""
    fs = fs or FileSystem.get_file_system(uri, 'w')
    fs.write_str(uri, content_str)


def file_to_json(uri: str) -> Any:
    """Content of a JSON file.

    Raises:
        NotReadableError: No such file, or not JSON; the message says where it breaks.
    """
    try:
        return json.loads(file_to_str(uri))
    except json.JSONDecodeError as error:
        where = f'line {error.lineno}, column {error.colno}'
        raise unreadable(uri, f'not JSON ({error.msg} at {where})') from error


def json_to_file(content_dict: Any, uri: str) -> None:
    """Write a JSON file, all or nothing; non-finite numbers, which it lacks, are null."""
    str_to_file(encode(content_dict), uri)


def remove(uri: str, fs: FileSystemType | None = None) -> None:
    """Remove a file, or a directory with all that is in it; nothing if there is none."""
    fs = fs or FileSystem.get_file_system(uri, 'w')
    fs.remove(uri)


def upload_or_copy(src_path: str, dst_uri: str, fs: FileSystemType | None = None) -> None:
    """Put a local file or directory at `dst_uri`.

    Raises:
        NotReadableError: `src_path` does not exist.
        NotWritableError: `dst_uri` cannot be written.
    """
    if Path(src_path).is_dir():
        sync_to_dir(src_path, dst_uri, fs=fs)
        return
    if not Path(src_path).is_file():
        raise unreadable(src_path, 'no such file')
    fs = fs or FileSystem.get_file_system(dst_uri, 'w')
    fs.copy_to(src_path, dst_uri)


def download_or_copy(
    uri: str, target_dir: str, delete_tmp: bool = False, fs: FileSystemType | None = None
) -> str:
    """Put a copy of a file into a local directory.

    Args:
        uri: URI of a file.
        target_dir: Local directory; made if need be.
        delete_tmp: Do not leave a remote file in the cache as well.
        fs: The file system to use; found by the URI if None.

    Returns:
        Path of the copy.
    """
    fs = fs or FileSystem.get_file_system(uri)
    make_dir(target_dir)
    with tempfile.TemporaryDirectory(prefix='.tmp-', dir=target_dir) as own_dir:
        path = download_if_needed(uri, own_dir if delete_tmp else None, fs)
        target = str(Path(target_dir, Path(path).name))
        LocalFileSystem.copy_to(path, target)
    return target


def sync_to_dir(
    src_dir: str, dst_dir_uri: str, delete: bool = False, fs: FileSystemType | None = None
) -> None:
    """Copy what is new or changed in a local directory tree to `dst_dir_uri`.

    Args:
        src_dir: Local directory.
        dst_dir_uri: URI of a directory.
        delete: Also remove files of the destination that the source lacks.
        fs: The file system to use; found by the URI if None.
    """
    fs = fs or FileSystem.get_file_system(dst_dir_uri, 'w')
    fs.sync_to_dir(src_dir, dst_dir_uri, delete=delete)


def sync_from_dir(
    src_dir_uri: str, dst_dir: str, delete: bool = False, fs: FileSystemType | None = None
) -> None:
    """Copy what is new or changed in the directory tree at `src_dir_uri` to a local one.

    Args:
        src_dir_uri: URI of a directory.
        dst_dir: Local directory.
        delete: Also remove files of the destination that the source lacks.
        fs: The file system to use; found by the URI if None.
    """
    fs = fs or FileSystem.get_file_system(src_dir_uri)
    fs.sync_from_dir(src_dir_uri, dst_dir, delete=delete)


@contextmanager
def start_sync(
    src_dir: str, dst_dir_uri: str, sync_interval: int = 600, fs: FileSystemType | None = None
) -> Iterator[None]:
    """Keep `dst_dir_uri` up to date with a local directory while the block runs, and at its end.

    A failed round in between is logged and made up for by the next; the last round, which also runs
    when the block fails, raises.

    Args:
        src_dir: Local directory.
        dst_dir_uri: URI of a directory.
        sync_interval: Seconds between two rounds.
        fs: The file system to use; found by the URI if None.
    """
    finished = threading.Event()

    def rounds() -> None:
        while not finished.wait(sync_interval):
            try:
                sync_to_dir(src_dir, dst_dir_uri, fs=fs)
            except RVError as error:
                log.warning('%s', error)

    thread = threading.Thread(target=rounds, name=f'sync to {dst_dir_uri}', daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
        if Path(src_dir).is_dir():
            sync_to_dir(src_dir, dst_dir_uri, fs=fs)
