"""Cloud Optimized GeoTIFFs: GDAL and rio-cogeo are the judges."""

import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.io import MemoryFile
from rasterio.shutil import copy
from rio_cogeo.cogeo import cog_validate

from rastervision.core.box import Box
from rastervision.core.data.label_store.cog import (
    Layer,
    Pyramid,
    TileFile,
    begin_cog,
    read_tags,
    tiff,
    write_cog,
)

GEO = {'crs': 'EPSG:32633', 'transform': rasterio.Affine(2, 0, 500_000, 0, -2, 5_000_000)}


def tags_of(layer):
    half = layer.dtype == 'float16'
    profile = {
        'driver': 'GTiff',
        'width': 16,
        'height': 16,
        'count': layer.count,
        'dtype': 'float32' if half else layer.dtype,
        'tiled': True,
        'blockxsize': 16,
        'blockysize': 16,
        'interleave': 'band',
        'photometric': 'minisblack',
        **GEO,
        **({'nbits': 16} if half else {}),
        **({'compress': 'deflate'} if layer.deflated else {}),
        **({'predictor': 2} if layer.differenced else {}),
    }
    with MemoryFile() as file:
        file.open(**profile).close()
        return read_tags(bytes(file.getbuffer()))


def random_array(layer, shape, seed=0):
    pixels = np.random.default_rng(seed).random((layer.count, *shape))
    return (pixels * 255).astype('uint8') if layer.dtype == 'uint8' else pixels.astype(layer.dtype)


def write_tiles(pyramid, array, heights):
    y = i = 0
    while y < array.shape[1]:
        pyramid.add(array[:, y : y + heights[i % len(heights)]])
        y, i = y + heights[i % len(heights)], i + 1
    return pyramid.finish()


def write(folder, layer, array, num_levels=None, heights=(13,)):
    """A file made of one part that has some of the resolutions."""
    shape = array.shape[1:]
    tiles, path = TileFile(str(folder / 'tiles')), folder / 'raster.tif'
    with ThreadPoolExecutor(2) as threads, (folder / 'tiles').open('wb') as file:
        shapes = layer.level_shapes(shape)[:num_levels]
        tiles.rasters['x'] = write_tiles(Pyramid(layer, shapes, file, threads), array, heights)
    write_cog(str(path), 'x', layer, shape, tags_of(layer), [(Box(0, 0, *shape), tiles)])
    return path


def halved(layer, array):
    """Oracle: one resolution less, with the last row and column repeated where there is no pair."""
    if not layer.mean:
        return array[:, ::2, ::2]
    count, height, width = array.shape
    even = np.pad(array.astype(float), ((0, 0), (0, height % 2), (0, width % 2)), mode='edge')
    means = even.reshape(count, even.shape[1] // 2, 2, -1, 2).mean((2, 4))
    return np.floor(means + 0.5) if layer.dtype == 'uint8' else means.astype(layer.dtype)


@st.composite
def layers(draw):
    return Layer(
        draw(st.integers(1, 7)),
        draw(st.sampled_from(['uint8', 'float16', 'float32'])),
        draw(st.sampled_from([16, 32, 48, 128, 512])),
        draw(st.booleans()),
    )


@given(
    layers(),
    st.tuples(st.integers(1, 150), st.integers(1, 150)),
    st.sampled_from([1, 2, None]),
    st.lists(st.integers(1, 70), min_size=1, max_size=3),
)
@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_gdal_reads_what_was_written(tmp_path, layer, shape, num_levels, heights):
    array = random_array(layer, shape)
    path = write(tmp_path, layer, array, num_levels, heights)
    valid, errors, _ = cog_validate(path, strict=True, quiet=True)
    # a line of pixels cannot be half as wide
    assert valid or min(shape) < 2 ** len(layer.level_shapes(shape)), errors
    with rasterio.open(path) as raster:
        np.testing.assert_array_equal(raster.read(), array)
        assert set(raster.block_shapes) == {(layer.block, layer.block)}
        assert (raster.crs, raster.transform) == (GEO['crs'], GEO['transform'])
        levels = len(raster.overviews(1))
    expected = array
    tolerance = 2e-3 if layer.dtype == 'float16' else 1e-6
    for level in range(levels):
        expected = halved(layer, expected)
        with rasterio.open(path, overview_level=level) as raster:
            assert max(raster.shape) > layer.block or level == levels - 1
            np.testing.assert_allclose(raster.read(), expected, atol=tolerance)
    assert max(expected.shape[1:]) <= layer.block


@pytest.mark.parametrize('dtype', ['uint8', 'float32'])
def test_the_overviews_are_those_of_gdal(tmp_path, dtype):
    layer = Layer(2, dtype, 128, mean=True)
    path = write(tmp_path, layer, random_array(layer, (1024, 768)))
    theirs = tmp_path / 'theirs.tif'
    options = {'blocksize': 128, 'overview_resampling': 'average', 'compress': 'deflate'}
    copy(path, tmp_path / 'plain.tif', driver='GTiff')
    copy(tmp_path / 'plain.tif', theirs, driver='COG', **options)
    with rasterio.open(path) as a, rasterio.open(theirs) as b:
        assert a.overviews(1) == b.overviews(1) == [2, 4, 8]
    for level in range(3):
        with rasterio.open(path, overview_level=level) as raster:
            ours = raster.read()
        with rasterio.open(theirs, overview_level=level) as raster:
            atol = 2 if dtype == 'uint8' else 1e-6  # halves are rounded at every level
            np.testing.assert_allclose(ours.astype(float), raster.read(), atol=atol)


@pytest.mark.parametrize('dtype', ['float16', 'float32'])
@pytest.mark.parametrize('shape', [(100, 90), (16, 16), (33, 150)])
def test_a_file_written_in_place_is_the_same(tmp_path, dtype, shape):
    layer = Layer(3, dtype, 32, mean=True)
    array = random_array(layer, shape)
    with ThreadPoolExecutor(2) as threads, (tmp_path / 'direct.tif').open('wb') as file:
        starts = begin_cog(file, layer, shape, tags_of(layer))
        pyramid = Pyramid(layer, layer.level_shapes(shape), file, threads, starts)
        write_tiles(pyramid, array, [13])
    joined = write(tmp_path, layer, array)
    assert (tmp_path / 'direct.tif').read_bytes() == joined.read_bytes()


def test_half_floats_are_half_floats(tmp_path):
    layer = Layer(1, 'float16', 16)
    array = np.array([[[0, 1, 0.1, 1e-4, 6e-8, 65504]]], dtype=np.float16)
    path = write(tmp_path, layer, array)
    with rasterio.open(path) as raster:
        np.testing.assert_array_equal(raster.read(), array.astype(np.float32))
    assert path.stat().st_size < 16 * 16 * 2 + 1000
    tags = read_tags(path.read_bytes())
    assert struct.unpack('<H', tags[258][2]) == (16,)  # bits per sample
    assert struct.unpack('<H', tags[339][2]) == (3,)  # IEEE floating point


def test_overviews_have_no_georeference_of_their_own(tmp_path):
    layer = Layer(1, 'uint8', 16)
    data = write(tmp_path, layer, random_array(layer, (40, 40))).read_bytes()
    start = struct.unpack_from('<I', data, 4)[0]
    directories = []
    while start:
        count = struct.unpack_from('<H', data, start)[0]
        entries = [struct.unpack_from('<H', data, start + 2 + 12 * i)[0] for i in range(count)]
        assert entries == sorted(entries)
        directories.append(set(entries))
        start = struct.unpack_from('<I', data, start + 2 + 12 * count)[0]
    assert [33550 in entries for entries in directories] == [True, False, False]
    assert [tiff.SUBFILE in entries for entries in directories] == [False, True, True]


@pytest.mark.parametrize('count', [1, 3])
def test_large_files_are_bigtiffs(tmp_path, monkeypatch, count):
    layer = Layer(count, 'uint8', 16)
    array = random_array(layer, (100, 90))
    small = write(tmp_path, layer, array)
    assert small.read_bytes()[2] == 42
    monkeypatch.setattr(tiff, 'CLASSIC_LIMIT', small.stat().st_size - 1)
    large = write(tmp_path, layer, array)
    assert large.read_bytes()[2] == 43
    assert cog_validate(large, strict=True)[0]
    with rasterio.open(large) as raster:
        np.testing.assert_array_equal(raster.read(), array)
        assert raster.overviews(1) == [2, 4, 8]


def test_more_than_four_gigabytes_need_a_bigtiff():
    def head(tile_bytes):
        sizes = np.full(4, tile_bytes)
        directory = tiff.Directory((32, 32), 16, sizes, np.cumsum(sizes) - sizes)
        return tiff.cog_head({}, [directory])

    assert head(2**30 - 1000)[2] == 42
    big = head(2**30)
    assert big[2] == 43
    last_offset = len(big) + 3 * 2**30
    assert struct.pack('<Q', last_offset) in big
    big = head(2**31)  # a tile beyond 4 GB
    assert struct.pack('<Q', len(big) + 3 * 2**31) in big


def test_only_little_endian_classic_tags_are_read():
    with pytest.raises(ValueError, match='little-endian'):
        read_tags(b'MM\0*' + bytes(8))
