"""Functions on rasterio datasets."""

import json

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from rastervision.core.box import Box
from rastervision.core.data.raster_source import RasterioSource
from rastervision.core.data.utils.rasterio import (
    build_vrt,
    crop_geotiff,
    download_and_build_vrt,
    get_channel_order_from_dataset,
    is_masked,
    read_window,
    write_bbox,
    write_geotiff_like_geojson,
    write_window,
)
from rastervision.pipeline.errors import DataError


def test_write_bbox(tmp_path, rgb):
    path = str(tmp_path / 'a' / 'out.tif')
    write_bbox(path, rgb.transpose(1, 2, 0), Box(10, 20, 15, 27), 'EPSG:4326', compress='deflate')
    with rasterio.open(path) as dataset:
        assert tuple(dataset.bounds) == (20, 10, 27, 15)
        assert np.array_equal(dataset.read(), rgb)


def test_write_geotiff_like_geojson(tmp_path, rgb):
    path, geojson = str(tmp_path / 'out.tif'), tmp_path / 'a.json'
    points = [{'type': 'Point', 'coordinates': xy} for xy in ([1, 2], [5, 7])]
    features = [{'type': 'Feature', 'properties': {}, 'geometry': p} for p in points]
    geojson.write_text(json.dumps({'type': 'FeatureCollection', 'features': features}))
    write_geotiff_like_geojson(path, rgb[0], str(geojson))
    with rasterio.open(path) as dataset:
        assert tuple(dataset.bounds) == (1, 2, 5, 7)
        assert dataset.count == 1
    geojson.write_text(json.dumps({'type': 'FeatureCollection', 'features': []}))
    with pytest.raises(DataError, match=r'a\.json'):
        write_geotiff_like_geojson(path, rgb[0], str(geojson))


def test_crop(write_raster, rgb, tmp_path, monkeypatch):
    monkeypatch.setattr('rastervision.core.data.utils.rasterio.COPY_BYTES', 1000)
    src, dst = write_raster(rgb, nodata=3), str(tmp_path / 'crop.tif')
    crop_geotiff(src, Box(10, 20, 60, 60), dst)
    a, b = RasterioSource(src, bbox=Box(10, 20, 50, 60)), RasterioSource(dst)
    assert np.array_equal(a[:], b[:])
    assert a.crs_transformer.pixel_to_map((0, 0), a.bbox) == b.crs_transformer.pixel_to_map((0, 0))
    with pytest.raises(DataError, match=r'image\.tif'):
        crop_geotiff(src, Box(50, 0, 60, 10), dst)


def test_vrts(write_raster, rgb, tmp_path):
    path = write_raster(rgb)
    build_vrt(str(tmp_path / 'a.vrt'), [path])
    for vrt in (str(tmp_path / 'a.vrt'), download_and_build_vrt([path], str(tmp_path))):
        assert np.array_equal(RasterioSource(vrt)[:], rgb.transpose(1, 2, 0))


def test_reading_and_writing_windows(write_raster, rgb):
    rgb[:, :5, :5] = 9
    with rasterio.open(write_raster(rgb, nodata=9), 'r+') as dataset:
        assert is_masked(dataset)
        write_window(dataset, np.full((2, 3, 3), 7, np.uint8), Box(10, 10, 12, 13))
        chip = read_window(dataset, window=((5, 20), (6, 30)))
        assert chip.shape == (15, 24, 3)
        assert (chip[5:7, 4:7] == 7).all()
        assert np.array_equal(chip[:5], rgb.transpose(1, 2, 0)[5:10, 6:30])
        assert not read_window(dataset, bands=[1, 2], is_masked=True)[:5, :5].any()
        assert read_window(dataset, bands=1, out_shape=(4, 6)).shape == (4, 6)
        assert read_window(dataset, out_shape=(4, 6)).shape == (4, 6, 3)


def test_channel_order_leaves_alpha_out(write_raster, rgb):
    colors = [ColorInterp.red, ColorInterp.alpha, ColorInterp.blue]
    with rasterio.open(write_raster(rgb, colors=colors)) as dataset:
        assert get_channel_order_from_dataset(dataset) == [0, 2]
        assert is_masked(dataset)
    with rasterio.open(write_raster(rgb)) as dataset:
        assert not is_masked(dataset)
