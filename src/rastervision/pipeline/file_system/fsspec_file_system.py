"""Any other store that fsspec knows, such as `sftp://` and `memory://`."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from rastervision.pipeline.errors import RVError
from rastervision.pipeline.file_system.file_system import FileSystem, unreadable, unwritable
from rastervision.pipeline.file_system.local_file_system import (
    TMP_PREFIX,
    atomic_local_path,
    files_below,
    make_dir,
)
from rastervision.pipeline.file_system.local_names import checked_name, local_name
from rastervision.pipeline.public_text import has_name_before_at

_TELLING = (
    *('mtime', 'modified', 'modify', 'lastmodified', 'modificationtime', 'updated', 'created'),
    *('etag', 'generation', 'versionid', 'checksum', 'digest', 'md5', 'md5hash', 'contentmd5'),
    *('crc32c', 'sha', 'sha1', 'sha256'),
)
"""What stores call that which changes with a file, not when it is read, see `_plain`."""


class FsspecFileSystem(FileSystem):
    """Stores through the library fsspec, whose own settings hold for them.

    It is asked when no other file system takes a URI. Files are written beside their place and
    renamed. Directories are copied whole, changed or not.
    """

    @staticmethod
    def matches_uri(uri: str, mode: str) -> bool:  # noqa: ARG004 (both modes)
        if '://' not in uri:
            return False
        try:
            import fsspec
        except ImportError:
            return False
        return uri.partition('://')[0] in {*fsspec.available_protocols(), *fsspec.registry}

    @staticmethod
    def file_exists(uri: str, include_dir: bool = True) -> bool:
        with _store(uri, unreadable) as (fs, path):
            return bool(fs.isfile(path) or (include_dir and fs.isdir(path)))

    @staticmethod
    def read_bytes(uri: str) -> bytes:
        with _store(uri, unreadable) as (fs, path):
            return bytes(fs.cat_file(path))

    @staticmethod
    def write_bytes(uri: str, data: bytes) -> None:
        with _new_file(uri) as (fs, path):
            fs.pipe_file(path, data)

    @staticmethod
    def sync_to_dir(src_dir: str, dst_dir_uri: str, delete: bool = False) -> None:
        src = Path(src_dir)
        if not src.is_dir():
            raise unreadable(src_dir, 'no such directory')
        wanted = set()
        for path in files_below(src):
            uri = f'{dst_dir_uri.rstrip("/")}/{path.relative_to(src).as_posix()}'
            FsspecFileSystem.copy_to(str(path), uri)
            wanted.add(uri)
        if delete:
            for uri in set(_files_below(dst_dir_uri)) - wanted:
                FsspecFileSystem.remove(uri)

    @staticmethod
    def sync_from_dir(src_dir_uri: str, dst_dir: str, delete: bool = False) -> None:
        if not FsspecFileSystem.file_exists(src_dir_uri):
            raise unreadable(src_dir_uri, 'no such directory')
        make_dir(dst_dir)
        start = len(src_dir_uri.rstrip('/')) + 1
        try:
            wanted = {
                uri: Path(dst_dir, checked_name(uri[start:])) for uri in _files_below(src_dir_uri)
            }
        except ValueError as error:
            raise unreadable(src_dir_uri, error) from None
        for uri, path in wanted.items():
            FsspecFileSystem.copy_from(uri, str(path))
        if delete:
            for path in set(files_below(Path(dst_dir))) - set(wanted.values()):
                path.unlink(missing_ok=True)

    @staticmethod
    def copy_to(src_path: str, dst_uri: str) -> None:
        if not Path(src_path).is_file():
            raise unreadable(src_path, 'no such file')
        with _new_file(dst_uri) as (fs, path):
            fs.put_file(src_path, path)

    @staticmethod
    def copy_from(src_uri: str, dst_path: str) -> None:
        with _store(src_uri, unreadable) as (fs, path), atomic_local_path(dst_path) as tmp_path:
            fs.get_file(path, tmp_path)

    @staticmethod
    def local_path(uri: str, download_dir: str) -> str:
        """`<download_dir>/<scheme>/<host and path>`."""
        scheme, _, rest = uri.partition('://')
        host, _, path = rest.partition('/')
        if not has_name_before_at(scheme):
            host = host.rpartition('@')[2]
        names = [local_name(part) for part in (host, *path.split('/')) if part]
        return str(Path(download_dir, scheme, *names))

    @staticmethod
    def last_modified(uri: str) -> datetime | None:
        with _store(uri, unreadable) as (fs, path):
            try:
                modified: datetime = fs.modified(path)
            except NotImplementedError:
                return None
            return modified

    @classmethod
    def stamp(cls, uri: str) -> str | None:
        """A digest of size, times and checksums, as far as the store tells them.

        None for a directory, and where it tells no more than the size.
        """
        with _store(uri, unreadable) as (fs, path):
            info = fs.info(path)
            if info['type'] == 'directory':
                return None
        known = {_plain(name): str(value) for name, value in info.items() if value is not None}
        told = [(name, known[name]) for name in _TELLING if name in known]
        return sha256(repr((known.get('size'), told)).encode()).hexdigest() if told else None

    @staticmethod
    def list_paths(uri: str, ext: str = '') -> list[str]:
        with _store(uri, unreadable) as (fs, path):
            entries = fs.ls(path, detail=True) if fs.isdir(path) else []
            names = [item['name'].rstrip('/').rpartition('/')[2] for item in entries]
        return sorted(f'{uri.rstrip("/")}/{name}' for name in names if name.endswith(ext or ''))

    @classmethod
    def remove(cls, uri: str) -> None:
        with _store(uri, unwritable) as (fs, path):
            if fs.exists(path):
                fs.rm(path, recursive=True)


def _plain(name: str) -> str:
    """A name for a property of a file, without what stores spell each in its own way."""
    return name.lower().replace('_', '').replace('-', '')


def _files_below(uri: str) -> list[str]:
    with _store(uri, unreadable) as (fs, path):
        start = len(path.rstrip('/')) + 1
        return [f'{uri.rstrip("/")}/{name[start:]}' for name in fs.find(path)]


@contextmanager
def _new_file(uri: str) -> Iterator[tuple[Any, str]]:
    """A place beside that of a file to write to; what is there takes its place at the end."""
    with _store(uri, unwritable) as (fs, path):
        folder, _, name = path.rpartition('/')
        own = f'{folder}/{TMP_PREFIX}{uuid.uuid4().hex}-{name}'
        fs.makedirs(folder or '/', exist_ok=True)
        try:
            yield fs, own
            fs.mv(own, path)
        except BaseException:
            if fs.exists(own):
                fs.rm_file(own)
            raise


@contextmanager
def _store(uri: str, as_error: Callable[[str, object], RVError]) -> Iterator[tuple[Any, str]]:
    """The store of a URI and the path in it; what they raise becomes an error of ours."""
    from fsspec.core import url_to_fs

    try:
        fs, path = url_to_fs(uri)
        fs.invalidate_cache()  # of lists: other processes write to the store as well
        yield fs, path
    except RVError:
        raise
    except FileNotFoundError:
        raise as_error(uri, 'no such file') from None
    except ImportError as error:
        raise as_error(uri, _missing(error)) from None
    except Exception as error:  # noqa: BLE001 - stores raise anything
        text = str(error).partition('\n')[0]
        raise as_error(uri, f'{type(error).__name__}: {text}') from None


def _missing(error: ImportError) -> str:
    """What has to be installed for a store, in words of fsspec, and how."""
    text = str(error).partition('\n')[0].rstrip('.')
    cause = error.__cause__  # names the module, which is not always what its package is called
    module = cause.name if isinstance(cause, ImportError) else None
    return f'{text}: pip install {module}' if module and module in text else text
