"""Stacks and time series: one grid for sources of any resolution, extent and CRS."""

import pickle

import numpy as np
import pytest
import rasterio
import rasterio.warp
from affine import Affine
from pyproj import Transformer

from rastervision.core.box import Box
from rastervision.core.data.raster_source import (
    ChannelOrderError,
    MultiRasterSource,
    MultiRasterSourceConfig,
    RasterioSource,
    RasterioSourceConfig,
    TemporalMultiRasterSource,
)
from rastervision.core.data.raster_source.multi_raster_source import multi_rs_config_upgrader
from rastervision.core.data.raster_transformer import (
    CastTransformer,
    CastTransformerConfig,
    StatsTransformer,
)
from rastervision.core.grid import apply_affine
from rastervision.pipeline.config import build_config
from rastervision.pipeline.errors import ConfigError, DataError

WINDOWS = [Box(0, 0, 50, 70), Box(7, 11, 31, 60), Box(-5, 40, 20, 90), Box(200, 200, 210, 210)]
WEST, NORTH = 300_000, 4_000_000


def plane(transform: Affine, height: int, width: int) -> np.ndarray:
    """A tilted plane over the map, (1, H, W): any linear resampling gives it again."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    east, north = apply_affine(transform, np.stack([x, y], axis=-1))
    return (3 * (east - WEST) - 2 * (north - NORTH) + 500)[None].astype(np.float64)


@pytest.fixture
def rgb_and_bands(write_raster, rgb):
    """A file with nodata, and files of its single bands."""
    rgb[:, 5:20, 30:60] = 0
    rgb[1, 40:, :] = 0
    whole = RasterioSource(write_raster(rgb, nodata=0))
    bands = [
        RasterioSource(write_raster(band[None], f'band{i}.tif', nodata=0))
        for i, band in enumerate(rgb)
    ]
    return whole, bands


@pytest.mark.parametrize('window', WINDOWS)
@pytest.mark.parametrize('order', [None, [2, 0], [1], [1, 1, 0]])
@pytest.mark.parametrize('out_shape', [None, (10, 12)])
def test_a_stack_of_bands_is_one_file_with_these_bands(rgb_and_bands, window, order, out_shape):
    whole, bands = rgb_and_bands
    expected = RasterioSource(whole.uris, channel_order=order).read(window, out_shape)
    stack = MultiRasterSource(bands, channel_order=order)
    chip = stack.read(window, out_shape)
    assert np.array_equal(chip.pixels, expected.pixels)
    assert np.array_equal(chip.valid, expected.valid)
    assert stack.dtype == np.uint8
    assert stack.shape == (50, 70, len(order or bands))


def test_bbox_is_in_pixels_of_the_primary_source(rgb_and_bands):
    whole, bands = rgb_and_bands
    stack = MultiRasterSource(bands, primary_source_idx=1, bbox=Box(10, 20, 40, 60))
    assert stack.shape == (30, 40, 3)
    assert np.array_equal(stack[:], whole[10:40, 20:60])
    stack.set_bbox(Box(0, 0, 5, 5))
    assert np.array_equal(stack[:], whole[:5, :5])
    assert np.array_equal(stack[1:4, :, 1], whole[1:4, :5, 1])


@pytest.mark.parametrize(
    ('transform', 'size'),
    [
        (Affine(1.5, 0, WEST - 30, 0, -1.5, NORTH + 30), (60, 70)),
        (Affine(0.1, 0, WEST - 2, 0, -0.1, NORTH + 2), (500, 600)),
        (Affine(0.5, 0, WEST - 9.8, 0, -0.5, NORTH + 10.3), (100, 120)),
        (Affine(0.5, 0, WEST - 10, 0, 0.5, NORTH - 40), (110, 120)),
        (
            Affine.translation(WEST - 40, NORTH) @ Affine.rotation(30) @ Affine.scale(0.7, -0.7),
            (150, 200),
        ),
    ],
    ids=['coarser', 'finer', 'shifted', 'south-up', 'rotated'],
)
@pytest.mark.parametrize('out_shape', [None, (20, 35), (100, 140)])
def test_another_grid_in_the_same_crs(write_raster, transform, size, out_shape):
    own = Affine(0.5, 0, WEST, 0, -0.5, NORTH)
    primary = RasterioSource(write_raster(np.ones((1, 50, 70), np.uint8)))
    other = write_raster(plane(transform, *size), 'other.tif', transform=transform)
    chip = MultiRasterSource([primary, RasterioSource(other)]).read(Box(0, 0, 50, 70), out_shape)
    height, width = out_shape or (50, 70)
    expected = plane(own @ Affine.scale(70 / width, 50 / height), height, width)[0]
    assert chip.pixels.shape == (height, width, 2)
    assert np.allclose(chip.pixels[..., 0], 1)
    assert np.abs(chip.pixels[..., 1] - expected).max() < 0.3  # the plane falls by 3 a metre


def test_another_crs_agrees_with_gdal(write_raster, rgb):
    lon_lat = Transformer.from_crs('EPSG:32633', 'EPSG:4326', always_xy=True)
    west, north = lon_lat.transform(WEST - 20, NORTH + 20)
    transform = Affine(8e-6, 0, west, 0, -8e-6, north)
    y, x = np.mgrid[:150, :200]
    waves = (1000 + 500 * np.sin(x / 20) * np.cos(y / 25))[None].astype(np.float32)
    path = write_raster(waves, 'waves.tif', crs='EPSG:4326', transform=transform)
    stack = MultiRasterSource([RasterioSource(write_raster(rgb)), RasterioSource(path)])
    with rasterio.open(path) as dataset:
        expected, _ = rasterio.warp.reproject(
            rasterio.band(dataset, 1),
            np.zeros((50, 70), np.float32),
            dst_crs='EPSG:32633',
            dst_transform=Affine(0.5, 0, WEST, 0, -0.5, NORTH),
            resampling=rasterio.warp.Resampling.bilinear,
            tolerance=0,
        )
    assert np.abs(stack[:][..., 3] - expected).max() < 1
    # a window is the same part of the same pixels
    assert np.allclose(stack[10:30, 20:50, 3], stack[:][10:30, 20:50, 3], atol=0.1)


def test_what_a_source_does_not_cover_is_zero_and_the_rest_counts(write_raster):
    primary = RasterioSource(write_raster(np.full((1, 40, 40), 7, np.uint8)))
    east = Affine(1, 0, WEST + 10, 0, -1, NORTH)
    other = RasterioSource(
        write_raster(np.full((1, 20, 20), 9, np.uint8), 'east.tif', transform=east)
    )
    chip = MultiRasterSource([primary, other]).read(Box(0, 0, 40, 40))
    assert chip.valid.all()
    assert np.array_equal(np.unique(chip.pixels[:, :20, 1]), [0])
    assert np.array_equal(np.unique(chip.pixels[:, 20:, 1]), [9])
    alone = MultiRasterSource([primary, other], channel_order=[1]).read(Box(0, 0, 40, 40))
    assert not alone.valid[:, :20].any()
    assert alone.valid[:, 20:].all()


def test_missing_pixels_do_not_darken_their_neighbours(write_raster):
    primary = RasterioSource(write_raster(np.ones((1, 40, 40), np.uint8)))
    values = np.full((1, 30, 30), 100, np.uint8)
    values[0, :, 11:] = 0
    coarse = write_raster(
        values, 'coarse.tif', nodata=0, transform=Affine(0.7, 0, WEST, 0, -0.7, NORTH)
    )
    seen = MultiRasterSource([primary, RasterioSource(coarse)])[:][..., 1]
    assert set(np.unique(seen)) == {0, 100}


def test_indices_of_a_palette_are_not_averaged(write_raster):
    primary = RasterioSource(write_raster(np.ones((1, 40, 40), np.uint8)))
    ids = np.random.default_rng(0).choice(np.array([3, 200], np.uint8), (1, 30, 30))
    path = write_raster(
        ids,
        'ids.tif',
        transform=Affine(0.7, 0, WEST, 0, -0.7, NORTH),
        photometric='palette',
        colors=[rasterio.enums.ColorInterp.palette],
    )
    with rasterio.open(path, 'r+') as dataset:
        dataset.write_colormap(1, {3: (255, 0, 0), 200: (0, 0, 255)})
    seen = MultiRasterSource([primary, RasterioSource(path)])[:][..., 1]
    assert set(np.unique(seen)) == {3, 200}


def test_dtypes_are_joined_and_transformers_come_at_both_levels(write_raster, rgb):
    one = RasterioSource(write_raster(rgb), raster_transformers=[CastTransformer('uint16')])
    two = RasterioSource(write_raster(rgb.astype(np.int16) - 300, 'two.tif'))
    stack = MultiRasterSource([one, two])
    assert stack.dtype == np.int32
    assert stack[:].dtype == np.int32
    assert stack[:].min() < 0
    floats = MultiRasterSource([one, two], raster_transformers=[CastTransformer('float32')])
    assert floats.dtype == np.float32
    assert np.array_equal(floats[:], stack[:])
    assert floats.get_raw_chip(Box(0, 0, 5, 5)).dtype == np.int32


def test_only_what_is_needed_is_read(write_raster, rgb, monkeypatch):
    read = []
    plain = RasterioSource.read

    def note(source, window, out_shape=None):
        read.append((source.uris[0], window.size))
        return plain(source, window, out_shape)

    monkeypatch.setattr(RasterioSource, 'read', note)
    fine = write_raster(
        plane(Affine(0.25, 0, WEST, 0, -0.25, NORTH), 100, 140),
        'fine.tif',
        transform=Affine(0.25, 0, WEST, 0, -0.25, NORTH),
    )
    sources = [RasterioSource(write_raster(rgb)), RasterioSource(fine)]
    MultiRasterSource(sources)[10:20, 10:20]
    (_, first), (_, second) = read
    assert first == (10, 10)
    assert max(second) <= 2 * 10 + 4
    read.clear()
    MultiRasterSource(sources, channel_order=[0, 2])[10:20, 10:20]
    assert [size for _, size in read] == [(10, 10)]


def test_sources_that_do_not_fit(write_raster, rgb):
    placed = RasterioSource(write_raster(rgb))
    unplaced = RasterioSource(
        write_raster(rgb, 'plain.tif', crs=None, transform=Affine(1, 0, 0, 0, 1, 0))
    )
    with pytest.raises(DataError, match=r'plain\.tif.*georeference'):
        MultiRasterSource([placed, unplaced])
    assert MultiRasterSource([unplaced, unplaced])[:].shape == (50, 70, 6)
    with pytest.raises(ConfigError, match='primary_source_idx 2'):
        MultiRasterSource([placed, placed], primary_source_idx=2)
    with pytest.raises(ConfigError, match='primary_source_idx'):
        MultiRasterSource([])
    with pytest.raises(ChannelOrderError, match=r'0\.\.5'):
        MultiRasterSource([placed, placed], channel_order=[6])


def test_time_series(rgb_and_bands):
    whole, bands = rgb_and_bands
    two = RasterioSource(whole.uris, channel_order=[2, 1, 0])
    series = TemporalMultiRasterSource([whole, two], primary_source_idx=1, bbox=Box(5, 5, 45, 65))
    assert series.shape == (2, 40, 60, 3)
    assert series.num_channels == 3
    everything = series[:]
    assert everything.shape == (2, 40, 60, 3)
    assert np.array_equal(everything[0], whole[5:45, 5:65])
    assert np.array_equal(everything[1], everything[0][..., ::-1])
    assert np.array_equal(series[1, 2:7, 3:9], everything[1, 2:7, 3:9])
    assert np.array_equal(series[:, 2:7, 3:9, [0, 2]], everything[:, 2:7, 3:9][..., [0, 2]])
    assert np.array_equal(series[[1], :4, :4, 0], everything[[1], :4, :4, 0])
    assert np.array_equal(series[Box(2, 3, 7, 9)], everything[:, 2:7, 3:9])
    assert series[:, ::2, ::4].shape == (2, 20, 15, 3)
    reread = pickle.loads(pickle.dumps(series))
    assert np.array_equal(reread[:], everything)
    with pytest.raises(DataError, match='same channels'):
        TemporalMultiRasterSource([whole, bands[0]])
    with pytest.raises(DataError, match='themselves'):
        TemporalMultiRasterSource([series, series])
    with pytest.raises(DataError, match='numbers of times'):
        MultiRasterSource([series, whole])
    assert MultiRasterSource([series, series])[:].shape == (2, 40, 60, 6)


def test_each_time_has_its_own_mask(write_raster, rgb):
    cloudy = rgb.copy()
    cloudy[:, :10] = 0
    series = TemporalMultiRasterSource(
        [
            RasterioSource(write_raster(rgb)),
            RasterioSource(write_raster(cloudy, 'b.tif', nodata=0)),
        ],
        raster_transformers=[CastTransformer('float32')],
    )
    chip = series.read(Box(-5, 0, 50, 70))
    assert chip.pixels.shape == (2, 55, 70, 3)
    assert chip.pixels.dtype == np.float32
    assert not chip.valid[:, :5].any()
    assert chip.valid[0, 5:].all()
    assert np.array_equal(chip.valid[1, 5:].all(axis=1), np.arange(50) >= 10)
    assert not series.read(Box(100, 100, 110, 120)).valid.any()


def test_statistics_of_a_time_series_leave_nodata_out(write_raster, rgb):
    cloudy = rgb.copy()
    cloudy[:, :10] = 0
    uris = [write_raster(rgb), write_raster(cloudy, 'b.tif', nodata=0)]
    series = TemporalMultiRasterSource([RasterioSource(uri) for uri in uris])
    stats = StatsTransformer.from_raster_sources([series], sample_prob=None).stats
    values = np.concatenate([rgb.reshape(3, -1), cloudy[:, 10:].reshape(3, -1)], axis=1)
    assert np.allclose(stats.means, values.mean(axis=1))
    assert np.allclose(stats.stds, values.std(axis=1))


def test_config(write_raster, rgb):
    uris = [write_raster(rgb), write_raster(rgb, 'b.tif')]
    config = MultiRasterSourceConfig(
        raster_sources=[RasterioSourceConfig(uris=uri, channel_order=[1, 0]) for uri in uris],
        primary_source_idx=1,
        channel_order=[3, 0],
        bbox=(5, 5, 25, 35),
        transformers=[CastTransformerConfig(to_dtype='float32')],
    )
    config = build_config(config.to_dict())
    source = config.build()
    assert np.array_equal(source[:], rgb[[0, 1], 5:25, 5:35].transpose(1, 2, 0))
    assert source.dtype == np.float32
    assert config.build(use_transformers=False).dtype == np.uint8
    assert source.uris == uris
    config.temporal, config.channel_order = True, [1]
    assert config.build().shape == (2, 20, 30, 1)


@pytest.mark.parametrize(
    ('changes', 'match'),
    [
        ({'primary_source_idx': 1}, 'none of the 1 raster_sources'),
        ({'primary_source_idx': -1}, 'primary_source_idx'),
        ({'raster_sources': []}, 'raster_sources'),
    ],
)
def test_bad_configs(changes, match):
    sources = [RasterioSourceConfig(uris='a.tif')]
    with pytest.raises(ConfigError, match=match):
        MultiRasterSourceConfig(**{'raster_sources': sources, **changes})


def test_config_upgrades():
    config = {'crs_source': 1, 'raster_sources': []}
    assert multi_rs_config_upgrader(config, 1) == {'primary_source_idx': 1, 'raster_sources': []}
    assert multi_rs_config_upgrader({'force_same_dtype': True, 'bbox': None}, 13) == {'bbox': None}
