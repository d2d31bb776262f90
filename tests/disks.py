"""Places that large files do not fit in, for tests."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class TightPlace:
    """A folder for files of no more than 256 KB, and what a message says of larger ones."""

    folder: Path
    words: str

    def files(self) -> list[str]:
        """Names of what is in it but empty directories and locks."""
        below = self.folder.rglob('*')
        return sorted(path.name for path in below if path.is_file() and path.suffix != '.lock')

    def temporary(self) -> list[str]:
        """Names of temporary directories in it."""
        return [path.name for path in self.folder.rglob('.tmp-*')]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', str(folder)]
    if (
        not shutil.which('mount')
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip('file systems cannot be mounted here')
    yield folder
    subprocess.run(['umount', str(folder)], check=True)


@pytest.fixture
def limited_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder, while this process may write files of no more than 256 KB."""
    resource = pytest.importorskip('resource')
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256_000, limits[1]))
    (tmp_path / 'limited').mkdir()
    yield tmp_path / 'limited'
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture(params=['disk', 'limit'])
def tight_place(request: pytest.FixtureRequest) -> TightPlace:
    """A full disk, where one can be mounted, and a limit on the size of files."""
    if request.param == 'disk':
        return TightPlace(request.getfixturevalue('tiny_disk'), 'the disk is full')
    folder = request.getfixturevalue('limited_folder')
    return TightPlace(folder, 'the file is larger than the limit|limits on the size of files')
