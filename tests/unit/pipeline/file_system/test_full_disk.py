"""Disks that are full: one error that names the file, and nothing left of it."""

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from rastervision.core.box import Box
from rastervision.core.data.utils.rasterio import crop_geotiff, write_bbox
from rastervision.pipeline.file_system import (
    NotWritableError,
    atomic_path,
    download_if_needed,
    extract,
    str_to_file,
    sync_from_dir,
)
from rastervision.pipeline.file_system.object_store import ObjectStoreFileSystem

BIG = os.urandom(1_000_000)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob('*') if p.is_file()
    }


def test_a_full_disk_leaves_the_old_file(tiny_disk):
    target = tiny_disk / 'a.txt'
    target.write_text('old')
    with pytest.raises(NotWritableError, match=r'a\.txt.*disk is full'):
        str_to_file('x' * 1_000_000, str(target))
    assert tree(tiny_disk) == {'a.txt': b'old'}


def test_a_library_that_does_not_say_why_is_put_down_to_the_full_disk(tiny_disk):
    class LibraryError(Exception):
        """As GDAL reports any failed write."""

    def write_half(path: str) -> None:
        try:
            Path(path).write_bytes(bytes(1_000_000))
        except OSError:
            raise LibraryError('write failed') from None

    expected = pytest.raises(NotWritableError, match=r'a\.tif.*disk is full')
    with expected, atomic_path(str(tiny_disk / 'a.tif')) as path:
        write_half(path)
    assert list(tiny_disk.iterdir()) == []


def test_errors_without_a_path_count_only_if_they_are_about_space(tmp_path):
    with pytest.raises(NotWritableError, match='disk quota'), atomic_path(str(tmp_path / 'a')):
        raise OSError(errno.EDQUOT, 'quota')
    with pytest.raises(ConnectionResetError), atomic_path(str(tmp_path / 'a')):
        raise ConnectionResetError(errno.ECONNRESET, 'reset')


@pytest.fixture(params=['web', 's3', 'fsspec'])
def remote(request):
    """URI of a large file; servers that it starts have no limits."""
    if request.param == 'web':
        return request.getfixturevalue('web').put('/d/a.tif', BIG)
    if request.param == 's3':
        uri = f'{request.getfixturevalue("s3")}/d/a.tif'
        ObjectStoreFileSystem.write_bytes(uri, BIG)
        return uri
    pytest.importorskip('fsspec').filesystem('memory').pipe_file('/d/a.tif', BIG)
    return 'memory://d/a.tif'


def test_a_download_that_does_not_fit(remote, tight_place, monkeypatch):
    monkeypatch.setenv('RV_CACHE_DIR', str(tight_place.folder))
    with pytest.raises(NotWritableError, match=rf'd/a\.tif: ({tight_place.words})') as caught:
        download_if_needed(remote)
    assert '.tmp-' not in str(caught.value)
    assert tight_place.files() == tight_place.temporary() == []


def test_a_folder_of_a_store_that_does_not_fit(s3, tight_place):
    ObjectStoreFileSystem.write_bytes(f'{s3}/d/a.tif', BIG)
    with pytest.raises(NotWritableError, match=rf'a\.tif: ({tight_place.words})') as caught:
        sync_from_dir(f'{s3}/d', str(tight_place.folder / 'd'))
    assert '.tmp-' not in str(caught.value)
    assert tight_place.files() == tight_place.temporary() == []


@pytest.mark.parametrize('options', [{}, {'compress': 'deflate'}, {'tiled': True}])
@pytest.mark.parametrize('size', [300, 1500])
def test_a_geotiff_that_does_not_fit(tight_place, options, size):
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    path = tight_place.folder / 'a.tif'
    with pytest.raises(NotWritableError, match=rf'a\.tif: .*({tight_place.words})'):
        write_bbox(str(path), pixels, Box(0, 0, 1, 1), 'EPSG:4326', **options)
    assert tight_place.files() == tight_place.temporary() == []


@pytest.fixture
def raster(tmp_path):
    """A GeoTIFF of 600 x 600 pixels with 3 bands."""
    pixels = np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    write_bbox(str(tmp_path / 'src.tif'), pixels, Box(0, 0, 1, 1), 'EPSG:4326')
    return str(tmp_path / 'src.tif')


def test_a_window_of_a_raster_that_does_not_fit(raster, tight_place):
    path = tight_place.folder / 'a.tif'
    with pytest.raises(NotWritableError, match=rf'a\.tif: .*({tight_place.words})'):
        crop_geotiff(raster, Box(0, 0, 600, 600), str(path))
    assert tight_place.files() == tight_place.temporary() == []


@pytest.fixture(params=['zip', 'tar'])
def archive(tmp_path, request):
    """An archive of a small and of a large file."""
    (tmp_path / 'src').mkdir()
    (tmp_path / 'src' / 'a').write_bytes(b'new')
    (tmp_path / 'src' / 'big').write_bytes(BIG)
    return shutil.make_archive(str(tmp_path / 'x'), request.param, tmp_path / 'src')


def test_an_archive_that_does_not_fit(archive, tight_place):
    (tight_place.folder / 'a').write_text('old')
    with pytest.raises(NotWritableError, match=rf'big: ({tight_place.words})'):
        extract(archive, str(tight_place.folder))
    assert tree(tight_place.folder) == {'a': b'old'}
    assert tight_place.temporary() == []
