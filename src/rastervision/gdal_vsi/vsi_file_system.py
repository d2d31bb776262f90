"""VsiFileSystem: files by the names that GDAL has for them."""

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from typing import IO, cast

from rastervision.gdal_vsi.names import VirtualFile, from_vsi, is_virtual, to_vsi
from rastervision.pipeline.file_system.cache import download_if_needed
from rastervision.pipeline.file_system.file_system import FileSystem, unreadable, unwritable
from rastervision.pipeline.file_system.local_file_system import (
    LocalFileSystem,
    atomic_local_path,
)
from rastervision.pipeline.file_system.local_names import local_name, with_digest
from rastervision.pipeline.file_system.utils import get_tmp_dir

_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)


class VsiFileSystem(FileSystem):
    """`/vsis3/…`, `/vsigs/…`, `/vsiaz/…`, `/vsicurl/…`, `/vsizip/…`, `/vsitar/…`, `/vsigzip/…`.

    The names stand for files of our other file systems, or for members of archives there. So it
    needs no GDAL, and credentials, settings, retries and messages are those of other URIs. Archives
    are downloaded to the cache, and only read.
    """

    @staticmethod
    def uri_to_vsi_path(uri: str) -> str:
        """The name that GDAL has for a URI, see `to_vsi`.

        Raises:
            ValueError: The URI is not complete.
        """
        return to_vsi(uri)

    @staticmethod
    def parse_archive_format(uri: str) -> dict[str, str] | None:
        """Parts of `zip+s3://bucket/a.zip!b.tif`; None for a URI of another form."""
        archive, plus, rest = uri.partition('+')
        outer, mark, member = rest.partition('!')
        if not plus or not mark:
            return None
        return {'archive_scheme': archive, 'archive_uri': outer, 'file_path': member}

    @staticmethod
    def matches_uri(uri: str, mode: str) -> bool:  # noqa: ARG004 (writing is refused in words)
        return is_virtual(uri)

    @staticmethod
    def file_exists(uri: str, include_dir: bool = True) -> bool:
        file = _find(uri)
        fs = FileSystem.get_file_system(file.uri)
        if not file.archive:
            return fs.file_exists(file.uri, include_dir)
        if not fs.file_exists(file.uri, include_dir=False):
            return False
        names = _members(uri, file)
        below = any(name.startswith(f'{file.member}/') for name in names)
        return file.member in names or (include_dir and (below or not file.member))

    @staticmethod
    def read_bytes(uri: str) -> bytes:
        file = _find(uri)
        if not file.archive:
            return FileSystem.get_file_system(file.uri).read_bytes(file.uri)
        with _open(uri, file) as data:
            return data.read()

    @staticmethod
    def write_bytes(uri: str, data: bytes) -> None:
        target = _writable(uri)
        FileSystem.get_file_system(target, 'w').write_bytes(target, data)

    @classmethod
    def create(cls, uri: str, data: bytes) -> bool:
        target = _writable(uri)
        return FileSystem.get_file_system(target, 'w').create(target, data)

    @classmethod
    def remove(cls, uri: str) -> None:
        target = _writable(uri)
        FileSystem.get_file_system(target, 'w').remove(target)

    @staticmethod
    def sync_to_dir(src_dir: str, dst_dir_uri: str, delete: bool = False) -> None:
        target = _writable(dst_dir_uri)
        FileSystem.get_file_system(target, 'w').sync_to_dir(src_dir, target, delete)

    @staticmethod
    def sync_from_dir(src_dir_uri: str, dst_dir: str, delete: bool = False) -> None:
        file = _find(src_dir_uri)
        if not file.archive:
            FileSystem.get_file_system(file.uri).sync_from_dir(file.uri, dst_dir, delete)
            return
        start = _start(file)
        names = [name for name in _members(src_dir_uri, file) if name.startswith(start)]
        if not names:
            raise unreadable(src_dir_uri, 'no such directory')
        with get_tmp_dir() as folder:
            for name in names:
                target = Path(folder, *_inner_parts(src_dir_uri, name.removeprefix(start)))
                _extract(src_dir_uri, replace(file, member=name), str(target))
            LocalFileSystem.sync_to_dir(folder, dst_dir, delete)

    @staticmethod
    def copy_to(src_path: str, dst_uri: str) -> None:
        target = _writable(dst_uri)
        FileSystem.get_file_system(target, 'w').copy_to(src_path, target)

    @staticmethod
    def copy_from(src_uri: str, dst_path: str) -> None:
        file = _find(src_uri)
        if file.archive:
            _extract(src_uri, file, dst_path)
        else:
            FileSystem.get_file_system(file.uri).copy_from(file.uri, dst_path)

    @staticmethod
    def local_path(uri: str, download_dir: str) -> str:
        """That of the file; of one in an archive, `<download_dir>/vsi/<archive>/<member>`."""
        file = _find(uri)
        if not file.archive:
            return FileSystem.get_file_system(file.uri).local_path(file.uri, download_dir)
        archive = PurePosixPath(file.uri.replace('\\', '/')).name
        member = file.member or PurePosixPath(archive).stem
        names = [local_name(part) for part in member.split('/')]
        return str(Path(download_dir, 'vsi', with_digest(local_name(archive), file.uri), *names))

    @staticmethod
    def last_modified(uri: str) -> datetime | None:
        file = _find(uri)
        return FileSystem.get_file_system(file.uri).last_modified(file.uri)

    @classmethod
    def stamp(cls, uri: str) -> str | None:
        file = _find(uri)
        return FileSystem.get_file_system(file.uri).stamp(file.uri)

    @classmethod
    def size_if_ranged(cls, uri: str) -> int | None:
        file = _find(uri)
        fs = FileSystem.get_file_system(file.uri)
        return None if file.archive else fs.size_if_ranged(file.uri)

    @staticmethod
    def list_paths(uri: str, ext: str = '') -> list[str]:
        """Names of the entries of a directory, those of directories with a slash at the end."""
        file = _find(uri)
        if file.archive:
            return [f'{uri.rstrip("/")}/{name}' for name in _entries(uri, file, ext)]
        found = FileSystem.get_file_system(file.uri).list_paths(file.uri, ext)
        return [to_vsi(path) for path in found]

    @staticmethod
    def list_children(uri: str, ext: str = '') -> list[str]:
        """Names of the entries of a directory, without that of the directory."""
        names = VsiFileSystem.list_paths(uri, ext)
        return [name.rstrip('/').rpartition('/')[2] for name in names]


def _find(uri: str) -> VirtualFile:
    try:
        file = from_vsi(uri)
    except ValueError as error:
        raise unreadable(uri, error) from None
    if file is None:
        raise unreadable(uri, 'only GDAL knows files of this kind, so it can only be an image')
    return file


def _writable(uri: str) -> str:
    """The URI that a name stands for, which may be written to."""
    try:
        file = from_vsi(uri)
    except ValueError as error:
        raise unwritable(uri, error) from None
    if file is None or file.archive:
        raise unwritable(uri, 'archives are not written to; write to another place')
    return file.uri


def _start(file: VirtualFile) -> str:
    """How the names of members below a directory begin."""
    return f'{file.member}/' if file.member else ''


def _entries(uri: str, file: VirtualFile, ext: str) -> list[str]:
    """Names of the entries of a directory in an archive."""
    start = _start(file)
    below = [name.removeprefix(start) for name in _members(uri, file) if name.startswith(start)]
    entries = {head + slash for head, slash, _ in (name.partition('/') for name in below)}
    return sorted(entry for entry in entries if entry.endswith(ext))


@contextmanager
def _archive(uri: str, file: VirtualFile) -> Iterator[zipfile.ZipFile | tarfile.TarFile]:
    """A zip or tar file; errors name `uri`."""
    path = download_if_needed(file.uri)
    try:
        with zipfile.ZipFile(path) if file.archive == 'zip' else tarfile.open(path) as archive:
            yield archive
    except _DAMAGED as error:
        raise unreadable(uri, f'the archive is damaged ({error})') from error


def _members(uri: str, file: VirtualFile) -> list[str]:
    """Paths of the files in an archive."""
    if file.archive == 'gzip':
        return ['']
    with _archive(uri, file) as archive:
        if isinstance(archive, zipfile.ZipFile):
            return [item.filename for item in archive.infolist() if not item.is_dir()]
        return [item.name.removeprefix('./') for item in archive if item.isfile()]


@contextmanager
def _open(uri: str, file: VirtualFile) -> Iterator[IO[bytes]]:
    """A member of an archive; errors name `uri`."""
    if file.archive == 'gzip':
        try:
            with gzip.open(download_if_needed(file.uri)) as content:
                yield cast('IO[bytes]', content)
        except _DAMAGED as error:
            raise unreadable(uri, f'the archive is damaged ({error})') from error
        return
    with _archive(uri, file) as archive:
        try:
            data = _open_member(archive, file.member)
        except KeyError:
            raise unreadable(uri, 'no such file in the archive') from None
        with data:
            yield data


def _open_member(archive: zipfile.ZipFile | tarfile.TarFile, name: str) -> IO[bytes]:
    """A file in an archive. Raises KeyError if there is none."""
    if isinstance(archive, zipfile.ZipFile):
        return archive.open(name)
    for spelling in (name, f'./{name}'):
        with suppress(KeyError):
            if data := archive.extractfile(spelling):
                return data
    raise KeyError(name)


def _extract(uri: str, file: VirtualFile, path: str) -> None:
    """Make a local file of a member of an archive, all or nothing."""
    with (
        _open(uri, file) as data,
        atomic_local_path(path) as tmp_path,
        Path(tmp_path).open('wb') as out,
    ):
        copyfileobj(data, out)


def _inner_parts(uri: str, name: str) -> list[str]:
    """Parts of the name of a member that is to lie in a directory."""
    parts = name.replace('\\', '/').split('/')
    if '..' in parts or not all(parts) or ':' in parts[0]:
        raise unreadable(uri, f'its member {name!r} lies outside of the target directory')
    return parts
