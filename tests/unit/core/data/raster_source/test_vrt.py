"""Mosaics against rasterio.merge."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.merge import merge

from rastervision.core.box import Box
from rastervision.core.data.raster_source import RasterioSource
from rastervision.pipeline.errors import DataError, NotReadableError


def grid(x, y, size=0.5):
    return Affine(size, 0, 300000 + x, 0, -size, 4000000 - y)


@pytest.fixture
def tiles(write_raster, rgb):
    """Two tiles: they overlap by 10 columns, and the second one lies 20 rows lower."""
    return [
        write_raster(rgb, 'a.tif', transform=grid(0, 0)),
        write_raster(255 - rgb // 2, 'b.tif', transform=grid(30, 10)),
    ]


@pytest.mark.filterwarnings('ignore::PendingDeprecationWarning:rasterio')
def test_mosaic_agrees_with_rasterio(tiles):
    source = RasterioSource(tiles)
    expected, transform = merge(tiles, method='last')
    assert source.shape == (70, 130, 3)
    assert np.array_equal(source[:], expected.transpose(1, 2, 0))
    assert source.crs_transformer.transform == transform


def test_what_no_tile_covers_is_not_valid(tiles):
    chip = RasterioSource(tiles).read(Box(0, 0, 70, 130))
    expected = np.zeros((70, 130), bool)
    expected[:50, :70] = expected[20:, 60:] = True
    assert np.array_equal(chip.valid, expected)


def test_the_dtype_holds_the_values_of_all_tiles(write_raster, rgb):
    large = rgb.astype(np.uint16) * 200
    tiles = [
        write_raster(rgb, 'a.tif', transform=grid(0, 0)),
        write_raster(large, 'b.tif', transform=grid(35, 0)),
    ]
    source = RasterioSource(tiles)
    assert source.dtype == np.uint16
    assert np.array_equal(source[:], np.concatenate([rgb, large], axis=2).transpose(1, 2, 0))


def test_tiles_in_a_row_are_all_valid(write_raster, rgb):
    parts = [
        write_raster(rgb[:, :, :30], 'a.tif', transform=grid(0, 0)),
        write_raster(rgb[:, :, 30:], 'b.tif', transform=grid(15, 0)),
    ]
    source = RasterioSource(parts)
    assert np.array_equal(source[:], rgb.transpose(1, 2, 0))
    assert not source._reader.info.has_mask


def test_nodata_shows_what_lies_below(write_raster, rgb):
    top = rgb.copy()
    top[:, :25] = 9
    rgb[rgb == 9] = 8
    paths = [
        write_raster(rgb, 'a.tif', transform=grid(0, 0), nodata=9),
        write_raster(top, 'b.tif', transform=grid(0, 0), nodata=9),
        write_raster(top[:, :, :10], 'c.tif', transform=grid(35, 0), nodata=9),
    ]
    chip = RasterioSource(paths).read(Box(0, 0, 50, 80))
    assert np.array_equal(chip.pixels[:25, :70], rgb.transpose(1, 2, 0)[:25])
    assert not chip.valid[:25, 70:].any()
    assert chip.valid[:25, :70].all()


def test_masks_of_the_tiles_are_kept(write_raster, rgb):
    mask = np.zeros((50, 70), bool)
    mask[10:] = True
    paths = [
        write_raster(rgb, 'a.tif', transform=grid(0, 0), mask=mask),
        write_raster(rgb, 'b.tif', transform=grid(35, 0)),
    ]
    valid = RasterioSource(paths).read(Box(0, 0, 50, 140)).valid
    assert np.array_equal(valid[:, :70], mask)
    assert valid[:, 70:].all()


def test_the_finest_resolution_is_taken(write_raster, rgb):
    coarse = write_raster(rgb, 'a.tif', transform=grid(0, 0, 1.0))
    fine = write_raster(rgb, 'b.tif', transform=grid(70, 0, 0.5))
    source = RasterioSource([coarse, fine])
    assert source.shape == (100, 210, 3)
    assert np.array_equal(source[:50, 140:], rgb.transpose(1, 2, 0))
    assert np.array_equal(source[0:100, 0:140], rgb.repeat(2, 1).repeat(2, 2).transpose(1, 2, 0))


def test_names_may_hold_anything(write_raster, rgb, tmp_path, monkeypatch):
    a = write_raster(rgb, 'ä & <b>.tif', transform=grid(0, 0))
    b = write_raster(rgb, "it's.tif", transform=grid(35, 0))
    monkeypatch.chdir(tmp_path)
    source = RasterioSource([Path(a).name, b])
    monkeypatch.chdir('/')
    assert np.array_equal(source[:, :70], rgb.transpose(1, 2, 0))


def test_vrt_file(tiles, tmp_path):
    source = RasterioSource(tiles)
    path = source.download_data(vrt_dir=str(tmp_path))
    with rasterio.open(path) as dataset:
        assert np.array_equal(dataset.read().transpose(1, 2, 0), source[:])


@pytest.mark.parametrize(
    ('profile', 'message'),
    [
        ({'crs': 'EPSG:32634'}, 'EPSG:32634.*EPSG:32633'),
        ({'crs': None, 'transform': None}, 'no georeference'),
        ({'transform': Affine.rotation(10) @ grid(0, 0)}, 'rotated'),
        ({'transform': Affine(0.5, 0, 0, 0, 0.5, 0)}, 'north-up'),
    ],
)
def test_tiles_that_do_not_fit(write_raster, rgb, profile, message):
    a = write_raster(rgb, 'a.tif')
    b = write_raster(rgb, 'b.tif', **profile)
    with pytest.raises(DataError, match=f'b.tif.*{message}'):
        RasterioSource([a, b])


def test_tiles_with_other_bands(write_raster, rgb):
    with pytest.raises(DataError, match=r'b\.tif has 2 bands.*a\.tif has 3'):
        RasterioSource([write_raster(rgb, 'a.tif'), write_raster(rgb[:2], 'b.tif')])


def test_missing_tile(write_raster, rgb, tmp_path):
    with pytest.raises(NotReadableError, match=r'nothing\.tif'):
        RasterioSource([write_raster(rgb), str(tmp_path / 'nothing.tif')])
