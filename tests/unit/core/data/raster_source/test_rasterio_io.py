import pickle

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data.raster_source import rasterio_io
from rastervision.core.data.raster_source.raster_reader import RasterReader
from rastervision.core.data.raster_source.rasterio_io import CACHE_BYTES, open_raster


def write_empty(path, width, height, **options):
    profile = {'driver': 'GTiff', 'count': 3, 'dtype': 'uint8', 'SPARSE_OK': True, **options}
    with rasterio.open(path, 'w', width=width, height=height, **profile):
        pass
    return str(path)


@pytest.fixture
def caches(monkeypatch):
    """Sizes that GDAL's block cache is set to, as if nothing had been opened yet."""
    sizes = []
    set_gdal_config = rasterio._env.set_gdal_config

    def note(key, value, *args):
        if key == 'GDAL_CACHEMAX':
            sizes.append(value)
        else:
            set_gdal_config(key, value, *args)

    monkeypatch.setattr(rasterio._env, 'set_gdal_config', note)
    monkeypatch.setattr(rasterio_io, '_cache_bytes', 0)
    return sizes


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
def test_the_block_cache_holds_two_rows_of_the_widest_raster(tmp_path, caches) -> None:
    small = write_empty(tmp_path / 'small.tif', 100, 100)
    wide = write_empty(tmp_path / 'wide.tif', 50_000, 100)
    tall_blocks = write_empty(tmp_path / 'blocks.tif', 30_000, 3000, blockysize=1000)
    huge = write_empty(tmp_path / 'huge.tif', 200_000, 100)
    for uri in (small, wide, tall_blocks, small, huge):
        open_raster(uri).close()
    expected = [2 * 512 * 50_000 * 3, 2 * 1000 * 30_000 * 3]
    assert caches == [CACHE_BYTES[0], *expected, CACHE_BYTES[1]]


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
def test_a_cache_size_in_the_environment_stays(tmp_path, caches, monkeypatch) -> None:
    monkeypatch.setenv('GDAL_CACHEMAX', '32')
    open_raster(write_empty(tmp_path / 'wide.tif', 50_000, 100)).close()
    assert caches == []


@pytest.mark.filterwarnings('ignore::rasterio.errors.NotGeoreferencedWarning')
@pytest.mark.parametrize('in_order', [True, False])
def test_the_block_cache_is_large_for_windows_in_no_order(tmp_path, caches, in_order) -> None:
    uri = write_empty(tmp_path / 'scene.tif', 512, 10_000, tiled=True)
    windows = Box(0, 0, 10_000, 512).get_windows(256, 256, padding=0)
    if not in_order:
        np.random.default_rng(0).shuffle(windows)
    # a pickled reader, as in the processes of a DataLoader
    reader = pickle.loads(pickle.dumps(RasterReader(uri)))
    for window in windows:
        reader.read(window, [0])
    assert caches == ([CACHE_BYTES[0]] if in_order else [*CACHE_BYTES])


@pytest.fixture(scope='module')
def image(tmp_path_factory):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 90, 120), dtype=np.uint8)
    path = tmp_path_factory.mktemp('image') / 'image.tif'
    options = {'tiled': True, 'blockxsize': 16, 'blockysize': 32, 'compress': 'deflate'}
    grid = {'crs': 'EPSG:32633', 'transform': rasterio.Affine(1, 0, 5e5, 0, -1, 5e6)}
    profile = {'driver': 'GTiff', 'count': 3, 'dtype': 'uint8', **options, **grid}
    with rasterio.open(path, 'w', width=120, height=90, **profile) as ds:
        ds.write(pixels)
    return RasterReader(str(path)), pixels


@settings(max_examples=50)
@given(st.data())
def test_any_window_and_bands_are_those_of_the_file(image, data) -> None:
    reader, pixels = image
    y0, y1 = sorted(data.draw(st.lists(st.integers(0, 90), min_size=2, max_size=2, unique=True)))
    x0, x1 = sorted(data.draw(st.lists(st.integers(0, 120), min_size=2, max_size=2, unique=True)))
    bands = data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=4))
    chip = reader.read(Box(y0, x0, y1, x1), bands)
    assert np.array_equal(chip.pixels, pixels[bands, y0:y1, x0:x1].transpose(1, 2, 0))
    assert chip.valid.all()
