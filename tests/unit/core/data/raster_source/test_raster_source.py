"""The base class: frames, padding, indexing, hooks."""

import numpy as np
import pytest

from rastervision.core.box import Box
from rastervision.core.chip import Chip
from rastervision.core.data.crs_transformer import IdentityCRSTransformer
from rastervision.core.data.raster_source import (
    ChannelOrderError,
    RasterSource,
    RasterSourceConfig,
)
from rastervision.core.data.raster_transformer import CastTransformer, MinMaxTransformer
from rastervision.pipeline.errors import ConfigError, DataError

PIXELS = np.random.default_rng(0).integers(1, 256, (40, 60, 4), dtype=np.uint8)


EXTENT = Box(0, 0, 40, 60)


class ArraySource(RasterSource):
    """A third party's source, with the hook of release 0.31."""

    def __init__(self, bbox=EXTENT, channel_order=None, raster_transformers=()):
        super().__init__(
            channel_order=channel_order,
            num_channels_raw=4,
            dtype_raw=np.uint8,
            bbox=bbox,
            raster_transformers=raster_transformers,
        )

    @property
    def crs_transformer(self):
        return IdentityCRSTransformer()

    def _get_chip(self, window, out_shape=None):
        chip = PIXELS[window.to_global_coords(self.bbox).to_slices()]
        return self.resize(chip, out_shape)


def test_facts():
    source = ArraySource(Box(5, 10, 25, 50), [2, 0], [CastTransformer('float32')])
    assert source.shape == (20, 40, 2)
    assert source.extent == Box(0, 0, 20, 40)
    assert source.bbox == Box(5, 10, 25, 50)
    assert source.dtype == np.float32
    assert source.num_channels == 2


def test_windows_are_in_the_extent_frame():
    source = ArraySource(Box(5, 10, 25, 50), [2, 0])
    chip = source.get_chip(Box(1, 2, 4, 8))
    assert np.array_equal(chip, PIXELS[6:9, 12:18][..., [2, 0]])
    source.set_bbox(Box(0, 0, 10, 10))
    assert np.array_equal(source[1:3, 2:4], PIXELS[1:3, 2:4][..., [2, 0]])


def test_raw_chips_have_all_bands_and_no_transformers():
    source = ArraySource(channel_order=[1], raster_transformers=[CastTransformer('float64')])
    raw = source.get_raw_chip(Box(0, 0, 5, 5))
    assert raw.dtype == np.uint8
    assert np.array_equal(raw, PIXELS[:5, :5])


@pytest.mark.parametrize(
    'window',
    [Box(-5, -5, 10, 10), Box(30, 50, 45, 70), Box(-3, 0, 50, 60), Box(100, 100, 110, 120)],
)
def test_outside_is_zero_and_not_valid(window):
    chip = ArraySource().read(window)
    padded = np.pad(PIXELS, ((50, 100), (50, 100), (0, 0)))
    inside = np.pad(np.ones((40, 60), bool), ((50, 100), (50, 100)))
    slices = window.translate(50, 50).to_slices()
    assert np.array_equal(chip.pixels, padded[slices])
    assert np.array_equal(chip.valid, inside[slices])


def test_nothing_beyond_the_bbox_is_read():
    chip = ArraySource(Box(0, 0, 10, 10)).read(Box(5, 5, 15, 15))
    assert chip.valid[:5, :5].all()
    assert not chip.valid[5:].any()
    assert not chip.pixels[:, 5:].any()


def test_out_shape_scales_the_padding_too():
    chip = ArraySource().read(Box(-20, 0, 20, 40), out_shape=(20, 10))
    assert chip.pixels.shape == (20, 10, 4)
    assert not chip.valid[:10].any()
    assert chip.valid[10:].all()


def test_indexing():
    source = ArraySource(channel_order=[3, 2, 1])
    full = PIXELS[..., [3, 2, 1]]
    assert np.array_equal(source[Box(1, 2, 3, 4)], full[1:3, 2:4])
    assert np.array_equal(source[:], full)
    assert np.array_equal(source[2:4, -10:], full[2:4, -10:])
    assert np.array_equal(source[..., 0:2], full[..., :2])
    assert np.array_equal(source[:5, :5, 1], full[:5, :5, 1])
    assert np.array_equal(source[:5, :5, [2, 0]], full[:5, :5, [2, 0]])
    assert source[0:40:2, 0:60:4].shape == (20, 15, 3)
    assert source[30:50, 50:70].shape == (20, 20, 3)


def test_chip_by_map_window():
    source = ArraySource(Box(5, 10, 25, 50))
    chip = source.get_chip_by_map_window(Box(6, 12, 9, 18))
    assert np.array_equal(chip, PIXELS[6:9, 12:18])


@pytest.mark.parametrize('order', [[0, 4], [-1], []])
def test_channel_order_beyond_the_bands(order):
    with pytest.raises(ChannelOrderError, match=r'0\.\.3') as caught:
        ArraySource(channel_order=order)
    assert isinstance(caught.value, ConfigError)
    assert 'ArraySource' in str(caught.value)
    assert caught.value.num_channels_raw == 4


def test_transformers_that_cannot_use_the_dtype():
    chain = [CastTransformer('complex64'), MinMaxTransformer()]
    with pytest.raises(DataError, match='ArraySource: A min_max_transformer cannot use complex'):
        ArraySource(raster_transformers=chain)


def test_masks_from_a_source_that_knows_them():
    class Masked(ArraySource):
        def _read(self, window, out_shape, bands):
            chip = super()._read(window, out_shape, bands)
            return Chip(chip.pixels, chip.pixels[..., 0] > 128)

    chip = Masked().read(Box(0, 0, 40, 60))
    assert not chip.pixels[~chip.valid].any()
    assert np.array_equal(chip.pixels[chip.valid], PIXELS[chip.valid])
    assert np.array_equal(chip.valid, PIXELS[..., 0] > 128)


def test_source_without_hook_says_so():
    class Empty(ArraySource):
        _get_chip = RasterSource._get_chip

    with pytest.raises(NotImplementedError, match='Empty'):
        Empty().get_chip(Box(0, 0, 1, 1))


def test_config_upgrades():
    old = {'type_hint': 'raster_source', 'extent': [0, 0, 5, 5], 'plugin_versions': {}}
    from rastervision.core.data.raster_source.raster_source import rs_config_upgrader

    assert rs_config_upgrader(dict(old), 9)['bbox'] == [0, 0, 5, 5]
    assert 'extent_crop' not in rs_config_upgrader({'extent_crop': None}, 6)
    with pytest.raises(ConfigError, match='extent_crop'):
        rs_config_upgrader({'extent_crop': {'skip_top': 0.5}}, 6)


def test_base_config_builds_nothing():
    with pytest.raises(NotImplementedError, match='RasterSourceConfig'):
        RasterSourceConfig().build()


@pytest.mark.parametrize(
    'field', [{'bbox': (5, 0, 5, 10)}, {'bbox': (0, 9, 5, 1)}, {'channel_order': []}]
)
def test_senseless_fields(field):
    with pytest.raises(ConfigError, match=next(iter(field))):
        RasterSourceConfig(**field)
