"""The interface that every store of files implements, found by the URI's form."""

import errno
from abc import ABC, abstractmethod
from datetime import datetime
from tempfile import TemporaryDirectory

from rastervision.pipeline.errors import NotReadableError, NotWritableError
from rastervision.pipeline.public_text import public_uri

_ADVICE = {
    errno.ENOSPC: 'the disk is full; free some space or write to another place',
    errno.EDQUOT: 'the disk quota is used up; free some space or write to another place',
    errno.EFBIG: 'the file is larger than the limit of this file system or user',
    errno.EACCES: 'permission denied; choose a place that you may write to',
    errno.EPERM: 'permission denied; choose a place that you may write to',
    errno.EROFS: 'the file system is read-only; choose another place',
    errno.ENOENT: 'nothing was written, or the directory went away meanwhile',
    errno.ENOTDIR: 'a part of the path is a file, not a directory',
    errno.EEXIST: 'a file is in the way where a directory should be',
    errno.EISDIR: 'a directory of that name is in the way',
}


class FileSystem(ABC):
    """A store of files and directories named by URIs.

    Subclasses implement the static methods, and are registered as classes (never instantiated) with
    `registry.add_file_system`; the first registered one whose `matches_uri` holds serves a URI.
    Every method raises `NotReadableError` or `NotWritableError`, with the URI in the message.
    """

    @staticmethod
    def get_file_system(uri: str, mode: str = 'r') -> 'type[FileSystem]':
        """The file system class that serves `uri`.

        Args:
            uri: URI of a file or directory.
            mode: 'r' or 'w'.
        """
        from rastervision.pipeline import registry_

        return registry_.get_file_system(uri, mode)

    @staticmethod
    @abstractmethod
    def matches_uri(uri: str, mode: str) -> bool:
        """Whether this file system serves `uri` for `mode` ('r' or 'w')."""

    @staticmethod
    @abstractmethod
    def file_exists(uri: str, include_dir: bool = True) -> bool:
        """Whether there is a file (or, with `include_dir`, a directory) at `uri`."""

    @staticmethod
    @abstractmethod
    def read_bytes(uri: str) -> bytes:
        """Content of a file."""

    @staticmethod
    @abstractmethod
    def write_bytes(uri: str, data: bytes) -> None:
        """Write a file, all or nothing."""

    @staticmethod
    @abstractmethod
    def sync_to_dir(src_dir: str, dst_dir_uri: str, delete: bool = False) -> None:
        """Copy what is new or changed in a local directory tree to `dst_dir_uri`.

        Args:
            src_dir: Local directory.
            dst_dir_uri: Directory in this file system.
            delete: Also remove files of the destination that the source lacks.
        """

    @staticmethod
    @abstractmethod
    def sync_from_dir(src_dir_uri: str, dst_dir: str, delete: bool = False) -> None:
        """Copy what is new or changed in a directory tree at `src_dir_uri` to a local one.

        Args:
            src_dir_uri: Directory in this file system.
            dst_dir: Local directory.
            delete: Also remove files of the destination that the source lacks.
        """

    @staticmethod
    @abstractmethod
    def copy_to(src_path: str, dst_uri: str) -> None:
        """Copy the local file `src_path` to `dst_uri`, all or nothing."""

    @staticmethod
    @abstractmethod
    def copy_from(src_uri: str, dst_path: str) -> None:
        """Copy the file at `src_uri` to the local file `dst_path`, all or nothing."""

    @staticmethod
    @abstractmethod
    def local_path(uri: str, download_dir: str) -> str:
        """Where the local copy of `uri` lies under `download_dir`; different for different URIs."""

    @staticmethod
    @abstractmethod
    def last_modified(uri: str) -> datetime | None:
        """Time of the last change of the file (with a time zone), None if the store keeps none."""

    @staticmethod
    @abstractmethod
    def list_paths(uri: str, ext: str = '') -> list[str]:
        """URIs of the entries of a directory whose names end with `ext`, sorted."""

    @classmethod
    def read_str(cls, uri: str) -> str:
        """Content of a UTF-8 text file."""
        try:
            return cls.read_bytes(uri).decode()
        except UnicodeDecodeError as error:
            raise unreadable(uri, f'not UTF-8 text ({error})') from error

    @classmethod
    def write_str(cls, uri: str, data: str) -> None:
        """Write a UTF-8 text file, all or nothing."""
        cls.write_bytes(uri, data.encode())

    @classmethod
    def stamp(cls, uri: str) -> str | None:
        """What changes when the content of a file changes; stamps are compared, never ordered.

        Stores that know no better take the time of the last change. None for a directory, and
        where the store keeps no time.
        """
        modified = cls.last_modified(uri)
        return None if modified is None else modified.isoformat()

    @classmethod
    def size_if_ranged(cls, uri: str) -> int | None:  # noqa: ARG003 (for subclasses)
        """Bytes of a remote file of which parts can be read; None if unknown, or if they cannot."""
        return None

    @classmethod
    def create(cls, uri: str, data: bytes) -> bool:
        """Write a file unless there is one already.

        Of several processes that create one file at the same time, one succeeds. (In a store whose
        file system has no method of its own, several may.)

        Returns:
            Whether it was written.
        """
        if cls.file_exists(uri, include_dir=False):
            return False
        cls.write_bytes(uri, data)
        return True

    @classmethod
    def remove(cls, uri: str) -> None:
        """Remove a file, or a directory with all that is in it; nothing if there is none.

        A file system that has no method of its own empties directories and refuses files.
        """
        if cls.file_exists(uri, include_dir=False):
            raise unwritable(uri, f'{cls.__name__} cannot remove files')
        with TemporaryDirectory() as empty:
            cls.sync_to_dir(empty, uri, delete=True)

    @classmethod
    def check_writable(cls, uri: str) -> None:
        """Raise an error if nothing can be written below a directory, without writing.

        A file system that has no method of its own only asks whether it is there, so that a store
        which cannot be reached is found out.
        """
        cls.file_exists(uri)


def unreadable(uri: str, reason: object) -> NotReadableError:
    """The error for a URI that cannot be read."""
    if isinstance(reason, FileNotFoundError):
        reason = 'no such file'
    elif isinstance(reason, OSError):
        reason = reason.strerror or reason
    return NotReadableError(f'Cannot read {public_uri(uri)}: {reason}.')


def unwritable(uri: str, reason: object) -> NotWritableError:
    """The error for a URI that cannot be written."""
    if isinstance(reason, OSError):
        reason = _ADVICE.get(reason.errno or 0, reason.strerror or reason)
    return NotWritableError(f'Cannot write {public_uri(uri)}: {reason}.')
