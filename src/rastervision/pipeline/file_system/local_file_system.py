"""Files on this machine."""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from rastervision.pipeline.errors import NotWritableError, RVError
from rastervision.pipeline.file_system.file_system import FileSystem, unreadable, unwritable
from rastervision.pipeline.progress import progress

TMP_PREFIX = '.tmp-'
_FULL_BELOW = 1 << 20
"""Free bytes below which an error that does not say why is put down to a full disk."""


class LocalFileSystem(FileSystem):
    """Paths, and `file://` URIs."""

    @staticmethod
    def matches_uri(uri: str, mode: str) -> bool:  # noqa: ARG004 (local files serve both modes)
        return ('://' not in uri or uri.startswith(('file://', '/'))) and not uri.startswith('/vsi')

    @staticmethod
    def file_exists(uri: str, include_dir: bool = True) -> bool:
        path = to_path(uri)
        return path.is_file() or (include_dir and path.is_dir())

    @staticmethod
    def read_bytes(uri: str) -> bytes:
        try:
            return to_path(uri).read_bytes()
        except OSError as error:
            raise unreadable(uri, error) from error

    @staticmethod
    def write_bytes(uri: str, data: bytes) -> None:
        with atomic_local_path(uri) as tmp_path:
            Path(tmp_path).write_bytes(data)

    @staticmethod
    def sync_from_dir(src_dir_uri: str, dst_dir: str, delete: bool = False) -> None:
        src, dst = to_path(src_dir_uri), to_path(dst_dir)
        if not src.is_dir():
            raise unreadable(src_dir_uri, 'no such directory')
        if src.resolve() == dst.resolve():
            return
        wanted = _relative_files(src)
        make_dir(str(dst))
        for name in wanted:
            if _differs(src / name, dst / name):
                LocalFileSystem.copy_to(str(src / name), str(dst / name))
        if delete:
            for name in _relative_files(dst) - wanted:
                (dst / name).unlink(missing_ok=True)

    @staticmethod
    def sync_to_dir(src_dir: str, dst_dir_uri: str, delete: bool = False) -> None:
        LocalFileSystem.sync_from_dir(src_dir, dst_dir_uri, delete=delete)

    @staticmethod
    def copy_to(src_path: str, dst_uri: str) -> None:
        src, dst = to_path(src_path), to_path(dst_uri)
        if not src.is_file():
            raise unreadable(src_path, 'no such file')
        if src.resolve() == dst.resolve():
            return
        with atomic_local_path(dst_uri) as tmp_path:
            shutil.copy2(src, tmp_path)

    @staticmethod
    def copy_from(src_uri: str, dst_path: str) -> None:
        LocalFileSystem.copy_to(src_uri, dst_path)

    @staticmethod
    def local_path(uri: str, download_dir: str) -> str:  # noqa: ARG004 (it is local already)
        return str(to_path(uri)) if uri.startswith('file://') else uri

    @staticmethod
    def last_modified(uri: str) -> datetime:
        try:
            return datetime.fromtimestamp(to_path(uri).stat().st_mtime, tz=UTC)
        except OSError as error:
            raise unreadable(uri, error) from error

    @staticmethod
    def list_paths(uri: str, ext: str = '') -> list[str]:
        """Entries of a directory whose names end with `ext`; none if there is no such directory."""
        try:
            paths = [str(path) for path in to_path(uri).iterdir() if path.name.endswith(ext or '')]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unreadable(uri, error) from error
        return sorted(paths)

    @classmethod
    def stamp(cls, uri: str) -> str | None:
        """Size in bytes and time of the last change in nanoseconds; None for a directory."""
        try:
            status = to_path(uri).stat()
        except OSError as error:
            raise unreadable(uri, error) from error
        is_dir = stat.S_ISDIR(status.st_mode)
        return None if is_dir else f'{status.st_size} {status.st_mtime_ns}'

    @classmethod
    def create(cls, uri: str, data: bytes) -> bool:
        """Write a file unless there is one; it is never seen half-written."""
        path = to_path(uri)
        make_dir(uri, use_dirname=True)
        try:
            with tempfile.TemporaryDirectory(prefix=TMP_PREFIX, dir=path.parent) as folder:
                own = Path(folder, path.name)
                own.write_bytes(data)
                return _link(own, path)
        except OSError as error:
            raise unwritable(uri, error) from error

    @classmethod
    def check_writable(cls, uri: str) -> None:
        """The nearest directory that is there must be one that this process may write to."""
        path = to_path(uri).absolute()
        try:
            nearest = next(p for p in (path, *path.parents) if p.exists() or not p.name)
            code = _obstacle(nearest)
        except OSError as error:
            raise unwritable(uri, error) from error
        if code:
            raise unwritable(uri, OSError(code, os.strerror(code)))

    @classmethod
    def remove(cls, uri: str) -> None:
        path = to_path(uri)
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except FileNotFoundError:  # another process removes it, too
            shutil.rmtree(path, ignore_errors=True)
        except OSError as error:
            raise unwritable(uri, error) from error


def to_path(uri: str) -> Path:
    """The path that a path or a `file://` URI stands for."""
    return Path(url2pathname(urlsplit(uri).path) if uri.startswith('file://') else uri)


def without_file_scheme(uri: str) -> str:
    """A `file://` URI as a path; other URIs and paths as they are."""
    return str(to_path(uri)) if uri.startswith('file://') else uri


def _link(src: Path, dst: Path) -> bool:
    """Give a file a second name unless it is taken; a copy where there are no such links."""
    try:
        dst.hardlink_to(src)
    except FileExistsError:
        return False
    except OSError:
        try:
            with dst.open('xb') as out:
                out.write(src.read_bytes())
        except FileExistsError:
            return False
    return True


def files_below(folder: Path, *, unfinished: bool = False) -> Iterator[Path]:
    """All files below `folder`, half-written ones only if asked; none if there is no such folder.

    Others may write there meanwhile: directories that go away are passed over.
    """
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if unfinished or not name.startswith(TMP_PREFIX)]
        for name in names:
            if (path := Path(parent, name)).is_file():
                yield path


def _relative_files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in files_below(folder)}


def _differs(src: Path, dst: Path) -> bool:
    try:
        a, b = src.stat(), dst.stat()
    except FileNotFoundError:
        return True
    return a.st_size != b.st_size or a.st_mtime_ns != b.st_mtime_ns


@contextmanager
def atomic_local_path(uri: str) -> Iterator[str]:
    """Write a local file all or nothing.

    The file is written under its own name in a hidden directory beside the target, so that drivers
    that look at the name, or write companion files, do as they would at the target. Everything in
    that directory is moved beside the target when the block ends well, and deleted when it fails.

    Args:
        uri: The file to write; its directory is made if need be.

    Yields:
        The path to write to.

    Raises:
        NotWritableError: No space, no permission, a file in the way, or nothing was written.
    """
    target = Path(os.path.realpath(to_path(uri)))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=TMP_PREFIX, dir=target.parent))
    except OSError as error:
        raise unwritable(uri, error) from error
    tmp_path = folder / target.name
    try:
        yield str(tmp_path)
        companions = [path for path in folder.iterdir() if path != tmp_path]
        for path in [*companions, tmp_path]:
            path.replace(target.parent / path.name)
    except NotWritableError as error:  # of what was called with the path
        raise NotWritableError(str(error).replace(str(tmp_path), uri)) from error
    except RVError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and _concerns(error, folder):
            raise unwritable(uri, error) from error
        if _is_full(folder):
            raise unwritable(uri, OSError(errno.ENOSPC, str(error))) from error
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _concerns(error: OSError, folder: Path) -> bool:
    """Whether an error comes from writing below `folder`, not from reading something else."""
    if error.filename is None:
        return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    return str(error.filename).startswith(str(folder))


def _is_full(folder: Path) -> bool:
    """Whether the disk is full: libraries such as GDAL do not say why a write failed."""
    try:
        return shutil.disk_usage(folder).free < _FULL_BELOW
    except OSError:
        return False


def _obstacle(folder: Path) -> int:
    """The number of the error that writing to a folder would end with; 0 for none."""
    if not folder.is_dir():
        return errno.ENOTDIR
    if os.access(folder, os.W_OK | os.X_OK):
        return 0
    is_read_only = hasattr(os, 'statvfs') and os.statvfs(folder).f_flag & os.ST_RDONLY
    return errno.EROFS if is_read_only else errno.EACCES


def make_dir(
    path: str, check_empty: bool = False, force_empty: bool = False, use_dirname: bool = False
) -> None:
    """Make a directory and its parents.

    Args:
        path: The directory; it may exist.
        check_empty: Refuse a directory that has something in it.
        force_empty: Empty the directory first if it has something in it.
        use_dirname: `path` is a file, make the directory that it lies in.

    Raises:
        NotWritableError: It cannot be made, or it should be empty and is not.
    """
    folder = to_path(path)
    if use_dirname:
        folder = folder.parent
    try:
        if force_empty and folder.is_dir():
            shutil.rmtree(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if check_empty and any(folder.iterdir()):
            raise unwritable(path, 'the directory should be empty and is not')
    except OSError as error:
        raise unwritable(path, error) from error


@contextmanager
def progressbar(file_obj: IO[bytes], method: str, size: int, desc: str) -> Iterator[Any]:
    """Show progress while a file is read or written.

    Args:
        file_obj: An open binary file.
        method: 'read' or 'write': the method that counts.
        size: Bytes in all.
        desc: What is being done.

    Yields:
        An object to use in place of `file_obj`.
    """
    with progress(size, desc, unit='B') as advance:

        class Counted:
            def __getattr__(self, name: str) -> Any:
                return getattr(file_obj, name)

        def counted(*args: Any) -> Any:
            result = getattr(file_obj, method)(*args)
            advance(result if isinstance(result, int) else len(result))
            return result

        wrapper = Counted()
        setattr(wrapper, method, counted)
        yield wrapper
