"""Zip and tar files: written in sorted order, extracted without leaving the target directory."""

import lzma
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

from rastervision.pipeline.file_system.cache import download_if_needed, set_use
from rastervision.pipeline.file_system.file_system import unreadable, unwritable
from rastervision.pipeline.file_system.local_file_system import (
    TMP_PREFIX,
    LocalFileSystem,
    atomic_local_path,
    make_dir,
)

_TAR = ('.tar', '.tar.gz', '.tgz', '.tar.bz2', '.tbz2', '.tar.xz', '.txz')
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


def zipdir(dir: str, zip_path: str) -> None:  # noqa: A002 (the name of 0.31)
    """Make a zip file of all files below a directory, named relative to it, in sorted order.

    Args:
        dir: Local directory.
        zip_path: Local path of the zip file; it may lie in `dir`, and is left out then.
    """
    folder, target = Path(dir), Path(zip_path).resolve()
    if not folder.is_dir():
        raise unreadable(dir, 'no such directory')
    files = sorted(p for p in folder.rglob('*') if p.is_file() and p.resolve() != target)
    with (
        atomic_local_path(zip_path) as tmp_path,
        zipfile.ZipFile(tmp_path, 'w', zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive,
    ):
        for path in files:
            archive.write(path, path.relative_to(folder).as_posix())


def unzip(zip_path: str, target_dir: str) -> None:
    """Extract a zip file.

    Args:
        zip_path: Local path of the zip file.
        target_dir: Local directory; made if need be.

    Raises:
        NotReadableError: It is no zip file, is damaged or encrypted, or has a member that lies
            outside `target_dir` or is a link. Nothing is extracted in the last case.
        NotWritableError: `target_dir` cannot be written.
    """
    try:
        with zipfile.ZipFile(LocalFileSystem.local_path(zip_path, '')) as archive:
            members = archive.infolist()
            _check_names(zip_path, (member.filename for member in members))
            for member in members:
                if stat.S_ISLNK(member.external_attr >> 16):
                    raise unreadable(zip_path, f'it holds a link ({member.filename!r})')
                if member.flag_bits & 1:
                    raise unreadable(zip_path, 'it is encrypted; extract it by hand')
            with _new_files(target_dir) as folder:
                for member in members:
                    with _naming(f'{target_dir}/{member.filename}'):
                        archive.extract(member, folder)
    except _BROKEN as error:
        raise unreadable(zip_path, f'not a zip file, or damaged ({error})') from error
    except OSError as error:
        raise unreadable(zip_path, error) from error


@contextmanager
def _new_files(target_dir: str) -> Iterator[str]:
    """A folder for what goes to `target_dir` when the block ends well, and is deleted if not."""
    make_dir(target_dir)
    with _naming(target_dir), tempfile.TemporaryDirectory(prefix=TMP_PREFIX, dir=target_dir) as own:
        yield own
        _move_below(Path(own), Path(target_dir))


def _move_below(src: Path, dst: Path) -> None:
    dst.mkdir(exist_ok=True)
    for path in src.iterdir():
        if path.is_dir() and not path.is_symlink():
            _move_below(path, dst / path.name)
        else:
            path.replace(dst / path.name)


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Turn an error of writing into one that names the file."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


def _check_names(uri: str, names: Iterable[str]) -> None:
    """Refuse absolute paths, drive letters and '..' in the names of members."""
    for name in names:
        windows = PureWindowsPath(name)
        if name.startswith(('/', '\\')) or windows.drive or '..' in windows.parts:
            raise unreadable(uri, f'its member {name!r} lies outside of the target directory')


def is_archive(uri: str) -> bool:
    """Whether the name is that of a zip file or a (compressed) tar file."""
    return uri.lower().endswith(('.zip', *_TAR))


def extract(uri: str, target_dir: str | None = None, download_dir: str | None = None) -> str:
    """Extract an archive.

    Args:
        uri: URI of a zip or (compressed) tar file.
        target_dir: Local directory to extract to. Defaults to a directory beside the local copy,
            named like the archive without its extensions.
        download_dir: Where to put the archive if it is remote; defaults to the cache.

    Returns:
        The directory extracted to.

    Raises:
        NotReadableError: No such file, not an archive, damaged, or with members that lie outside.
        NotWritableError: `target_dir` cannot be written.
    """
    if not is_archive(uri):
        raise unreadable(uri, f'not an archive; known are .zip, {", ".join(_TAR)}')
    path = download_if_needed(uri, download_dir)
    if target_dir is None:
        target_dir = str(Path(path).with_suffix('')).removesuffix('.tar')
    if path.lower().endswith('.zip'):
        unzip(path, target_dir)
    else:
        _untar(path, target_dir)
    return target_dir


def _untar(tar_path: str, target_dir: str) -> None:
    try:
        with tarfile.open(tar_path) as archive:
            _check_names(tar_path, archive.getnames())
            with _new_files(target_dir) as folder:
                for member in archive:
                    with _naming(f'{target_dir}/{member.name}'):
                        archive.extract(member, folder, filter='data')
                    if member.isfile():  # it has the time of the original, but is new in the cache
                        set_use(str(Path(folder, member.name)))
    except (tarfile.TarError, *_BROKEN) as error:
        raise unreadable(tar_path, f'not a tar file, damaged, or unsafe ({error})') from error
    except OSError as error:
        raise unreadable(tar_path, error) from error
