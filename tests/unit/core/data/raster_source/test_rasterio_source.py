"""RasterioSource against rasterio, over the kinds of files there are."""

import os
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest
import rasterio
import rasterio.control
import rasterio.warp
from affine import Affine
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window
from waiting import in_fork, started

from rastervision.core.box import Box
from rastervision.core.data.crs_transformer import IdentityCRSTransformer
from rastervision.core.data.raster_source import (
    RasterioSource,
    RasterioSourceConfig,
)
from rastervision.core.data.raster_transformer import CastTransformerConfig, MinMaxTransformer
from rastervision.pipeline.config import build_config
from rastervision.pipeline.errors import ConfigError, DataError, NotReadableError

ALL = Box(0, 0, 50, 70)
NAN = float('nan')


@pytest.mark.parametrize(
    'dtype', ['uint8', 'int8', 'uint16', 'int16', 'int32', 'float32', 'complex64']
)
@pytest.mark.parametrize('layout', [{}, {'tiled': True, 'blockxsize': 16, 'blockysize': 16}])
def test_pixels_are_those_of_rasterio(write_raster, rgb, dtype, layout):
    path = write_raster((rgb // 2).astype(dtype), **layout)
    source = RasterioSource(path)
    assert source.shape == (50, 70, 3)
    assert source.dtype == dtype
    window = Box(13, 7, 41, 60)
    with rasterio.open(path) as dataset:
        expected = dataset.read(window=Window(7, 13, 53, 28)).transpose(1, 2, 0)
    chip = source.read(window)
    assert np.array_equal(chip.pixels, expected)
    assert chip.valid.all()
    assert np.array_equal(source[window], expected)


def test_channels_and_bbox(write_raster, rgb):
    source = RasterioSource(write_raster(rgb), channel_order=[2, 0], bbox=Box(10, 20, 30, 60))
    expected = rgb[[2, 0], 10:30, 20:60].transpose(1, 2, 0)
    assert source.shape == (20, 40, 2)
    assert np.array_equal(source.get_chip(source.extent), expected)
    assert np.array_equal(source.get_chip(source.extent, bands=[1]), expected[..., [1]])
    assert np.array_equal(source[..., 1:], expected[..., 1:])
    assert np.array_equal(source[..., 0], expected[..., 0])
    assert source.get_raw_chip(source.extent).shape == (20, 40, 3)


def test_bands_are_chosen_after_the_transformers(write_raster, rgb):
    source = RasterioSource(write_raster(rgb), raster_transformers=[MinMaxTransformer()])
    assert np.array_equal(source.get_chip(ALL, bands=[2]), source.get_chip(ALL)[..., [2]])


def test_bbox_may_reach_out_of_the_raster_but_not_miss_it(write_raster, rgb):
    path = write_raster(rgb)
    source = RasterioSource(path, bbox=Box(-10, -10, 60, 80))
    chip = source.read(source.extent)
    assert np.array_equal(chip.pixels, np.pad(rgb, ((0, 0), (10, 10), (10, 10))).transpose(1, 2, 0))
    assert chip.valid.sum() == 50 * 70
    with pytest.raises(DataError, match=r'\(50, 0, 60, 10\).*image\.tif.*50 rows'):
        RasterioSource(path, bbox=Box(50, 0, 60, 10))


# ---- validity


def masked(source):
    chip = source.read(source.extent)
    assert not chip.pixels[~chip.valid].any()
    return chip.valid


def test_nodata_needs_all_bands(write_raster, rgb):
    rgb[:, :10] = 7
    rgb[0, 10:20] = 7
    source = RasterioSource(write_raster(rgb, nodata=7))
    valid = masked(source)
    assert not valid[:10].any()
    assert valid[10:20].all()
    # elements with the nodata value are 0, as in release 0.31
    assert not source[10:20, :, 0].any()
    assert not masked(RasterioSource(write_raster(rgb, nodata=7), channel_order=[0]))[:20].any()


def test_nodata_of_the_config_takes_the_place_of_the_files(write_raster, rgb):
    rgb[:, :10], rgb[:, 10:20] = 7, 9
    for declared in (None, 7):
        source = RasterioSource(write_raster(rgb, nodata=declared), nodata=9)
        assert np.array_equal(masked(source)[:, 0], np.repeat([True, False, True], [10, 10, 30]))
        half = source.read(source.extent, out_shape=(25, 35))
        assert np.array_equal(half.valid[:, 0], np.repeat([True, False, True], [5, 5, 15]))


@pytest.mark.parametrize('nodata', [None, NAN, -9999.0])
def test_nan_is_never_valid(write_raster, nodata):
    array = np.ones((2, 20, 20), np.float32)
    array[:, :5] = NAN
    array[0, 5:10] = NAN
    source = RasterioSource(write_raster(array, nodata=nodata))
    valid = masked(source)
    assert not valid[:5].any()
    assert valid[5:].all()
    assert np.isnan(source[5:10, :, 0]).all() == (nodata is not NAN)


def test_complex_integers_are_read_as_complex_numbers(write_raster):
    array = np.arange(6, dtype=np.complex64).reshape(1, 2, 3) * (1 + 2j)
    source = RasterioSource(write_raster(array, dtype='complex_int16'))
    assert source.dtype == np.complex64
    assert np.array_equal(source[:], array.transpose(1, 2, 0))


def test_alpha_band_is_a_mask_and_no_channel(write_raster, rgb):
    alpha = np.zeros((1, 50, 70), np.uint8)
    alpha[:, 20:] = 255
    colors = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
    path = write_raster(np.concatenate([rgb, alpha]), colors=colors)
    source = RasterioSource(path)
    assert source.num_channels == 3
    assert source.num_channels_raw == 4
    assert np.array_equal(masked(source), alpha[0] > 0)
    named = RasterioSource(path, channel_order=[3, 0])
    assert np.array_equal(named[20:, :, 0], alpha[0, 20:])
    half = source.read(ALL, out_shape=(25, 35))
    assert np.array_equal(half.valid, alpha[0, ::2, ::2] > 0)


@pytest.mark.parametrize('internal', [True, False])
def test_mask_bands(write_raster, rgb, tmp_path, internal):
    mask = np.random.default_rng(1).random((50, 70)) > 0.5
    if internal:
        path = write_raster(rgb, mask=mask)
    else:
        path = write_raster(rgb)
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, 'r+') as dataset:
            dataset.write_mask(mask)
        assert Path(path + '.msk').exists()
    assert np.array_equal(masked(RasterioSource(path)), mask)


def test_resampling_is_bilinear_and_leaves_nodata_out(write_raster):
    array = np.full((1, 40, 40), 100, np.uint16)
    array[:, :, 20:] = 65535
    source = RasterioSource(write_raster(array, nodata=65535))
    chip = source.read(source.extent, out_shape=(13, 13))
    assert set(np.unique(chip.pixels[chip.valid])) == {100}
    ramp = np.tile(np.arange(40, dtype=np.float32), (1, 40, 1))
    pixels = RasterioSource(write_raster(ramp)).get_chip(Box(0, 0, 40, 40), out_shape=(80, 80))
    np.testing.assert_allclose(pixels[0, 2:-2, 0], (np.arange(80) + 0.5)[2:-2] / 2 - 0.5, atol=1e-4)


# ---- georeference


def test_no_georeference(write_raster, rgb):
    source = RasterioSource(write_raster(rgb, crs=None, transform=None))
    assert isinstance(source.crs_transformer, IdentityCRSTransformer)
    assert np.array_equal(source[:], rgb.transpose(1, 2, 0))


@pytest.mark.parametrize(
    'transform',
    [
        Affine.translation(300000, 4000000) @ Affine.rotation(20) @ Affine.scale(0.5, -0.5),
        Affine(0.5, 0, 300000, 0, 0.5, 4000000),
        Affine(1, 0, 300000, 0, -0.5, 4000000),
    ],
)
def test_the_pixel_grid_of_the_file_is_kept(write_raster, rgb, transform):
    path = write_raster(rgb, transform=transform)
    source = RasterioSource(path)
    assert np.array_equal(source[:], rgb.transpose(1, 2, 0))
    with rasterio.open(path) as dataset:
        x, y = dataset.xy(5, 9)
        lon, lat = rasterio.warp.transform(dataset.crs, 'EPSG:4326', [x], [y])
    assert source.crs_transformer.map_to_pixel((lon[0], lat[0])) == (9, 5)


def test_ground_control_points_are_warped_to_a_north_up_grid(write_raster, rgb):
    path = write_raster(rgb, crs=None, transform=None)
    corners = [(0, 0), (0, 70), (50, 0), (50, 70)]
    grid = Affine(0.5, 0, 300000, 0, -0.5, 4000000)
    points = [
        rasterio.control.GroundControlPoint(row, col, *(grid @ (col, row))) for row, col in corners
    ]
    with pytest.warns(NotGeoreferencedWarning), rasterio.open(path, 'r+') as dataset:
        dataset.gcps = points, rasterio.crs.CRS.from_epsg(32633)
    source = RasterioSource(path)
    assert source.num_channels == 3
    assert source.shape == (50, 70, 3)
    chip = source.read(source.extent)
    assert np.array_equal(chip.pixels, rgb.transpose(1, 2, 0))
    lon, lat = source.crs_transformer.pixel_to_map((0, 0))
    east, north = rasterio.warp.transform('EPSG:4326', 'EPSG:32633', [lon], [lat])
    assert (east[0], north[0]) == pytest.approx((300000, 4000000), abs=1e-3)


# ---- threads, processes, remote files


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork on this system')
def test_forked_sources_open_anew(write_raster, rgb):
    source = RasterioSource(write_raster(rgb))
    before = source[:]
    chips = in_fork(lambda: [source[:] for _ in range(3)])
    assert all(np.array_equal(chip, before) for chip in chips)
    assert np.array_equal(source[:], before)


def test_threads_read_the_same(write_raster, rgb):
    source = RasterioSource(write_raster(rgb, tiled=True, blockxsize=16, blockysize=16))
    windows = source.extent.get_windows(8, 8) * 5
    with ThreadPoolExecutor(4) as pool:
        chips = list(pool.map(source.get_chip, windows))
    assert all(np.array_equal(c, source[w]) for c, w in zip(chips, windows, strict=True))


def test_pickled_sources_open_anew(write_raster, rgb):
    for uris in (write_raster(rgb), [write_raster(rgb)]):
        source = RasterioSource(uris, nodata=3)
        copy = pickle.loads(pickle.dumps(source))
        assert np.array_equal(copy[:], source[:])
        assert copy.crs_transformer.pixel_to_map((1, 1)) == source.crs_transformer.pixel_to_map(
            (1, 1)
        )


@pytest.fixture
def server(tmp_path):
    """URL of a web server for tmp_path, and its log."""
    script, log = Path(__file__).with_name('range_server.py'), tmp_path / 'log'
    command = [sys.executable, script, tmp_path, log]
    with started(command, 300, stdout=PIPE, text=True) as process:
        yield f'http://127.0.0.1:{process.stdout.readline().strip()}', log


def test_no_log_has_a_signature(write_raster, tmp_path, server, caplog):
    (tmp_path / 'text.tif').write_text('no raster')
    write_raster(np.zeros((1, 8, 8), np.uint8))
    caplog.set_level('DEBUG')
    with pytest.raises(NotReadableError, match=r'/text\.tif\?\.\.\. cannot be read'):
        RasterioSource(f'{server[0]}/text.tif?sig=SECRET', allow_streaming=True)
    RasterioSource(f'{server[0]}/image.tif?sig=SECRET', allow_streaming=True)[:]
    told = [record.getMessage() for record in caplog.records]
    assert any('/vsicurl/' in text and 'text.tif?...' in text for text in told)
    assert 'SECRET' not in '\n'.join(told)


def test_remote_files_are_streamed_or_downloaded(write_raster, tmp_path, server):
    url, log = server
    array = np.random.default_rng(0).integers(0, 255, (1, 2048, 2048), dtype=np.uint8)
    path = write_raster(array, tiled=True, blockxsize=256, blockysize=256)
    window = Box(300, 300, 310, 310)
    streamed = RasterioSource(f'{url}/image.tif', allow_streaming=True)
    assert np.array_equal(streamed[window], array[0, 300:310, 300:310, None])
    assert sum(map(int, log.read_text().split())) < Path(path).stat().st_size / 4
    tmp_dir = tmp_path / 'downloads'
    local = RasterioSource(f'{url}/image.tif', tmp_dir=str(tmp_dir))
    assert np.array_equal(local[window], streamed[window])
    assert [p.name for p in tmp_dir.rglob('*.tif')] == ['image.tif']


# ---- config


def test_config_builds_the_source(write_raster, rgb):
    config = RasterioSourceConfig(
        uris=write_raster(rgb),
        channel_order=[1],
        bbox=(10, 20, 30, 60),
        transformers=[CastTransformerConfig(to_dtype='float32')],
        nodata=5,
    )
    source = build_config(config.dict()).build()
    assert source.shape == (20, 40, 1)
    assert source.dtype == np.float32
    assert source.nodata == 5
    assert config.build(use_transformers=False).dtype == np.uint8


def test_config_needs_a_file():
    with pytest.raises(ConfigError, match='uris'):
        RasterioSourceConfig(uris=[])
    with pytest.raises(ConfigError, match='uris'):
        RasterioSourceConfig()


def test_config_upgrades():
    from rastervision.core.data.raster_source.rasterio_source import (
        rasterio_source_config_upgrader,
    )

    assert rasterio_source_config_upgrader({'uris': 'a', 'x_shift': 0.0}, 5) == {'uris': 'a'}
    with pytest.raises(ConfigError, match='shift_transformer'):
        rasterio_source_config_upgrader({'uris': 'a', 'x_shift': 2.0, 'y_shift': 0}, 5)
