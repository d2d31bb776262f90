"""Tiny scenes, made afresh for every test."""

import json

import numpy as np
import pytest
import rasterio
from affine import Affine

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.utils.factory import make_ss_scene

WEST, NORTH, PIXEL = 10.0, 50.0, 0.001


@pytest.fixture
def write_raster(tmp_path):
    """Writes (C, H, W) pixels as a GeoTIFF in EPSG:4326, under a name, and returns its path."""

    def write(name, bands, nodata=None):
        count, height, width = bands.shape
        with rasterio.open(
            tmp_path / name,
            'w',
            driver='GTiff',
            height=height,
            width=width,
            count=count,
            dtype=bands.dtype,
            crs='EPSG:4326',
            transform=Affine(PIXEL, 0, WEST, 0, -PIXEL, NORTH),
            nodata=nodata,
        ) as raster:
            raster.write(bands)
        return str(tmp_path / name)

    return write


@pytest.fixture
def write_sparse(tmp_path):
    """Writes an empty GeoTIFF of one band and many pixels, under a name, and returns its path."""

    def write(name, size):
        options = {'sparse_ok': True, 'tiled': True, 'blockxsize': 4096, 'blockysize': 4096}
        transform = Affine(PIXEL / 100, 0, WEST, 0, -PIXEL / 100, NORTH)
        with rasterio.open(
            tmp_path / name,
            'w',
            driver='GTiff',
            height=size,
            width=size,
            count=1,
            dtype='uint8',
            crs='EPSG:4326',
            transform=transform,
            **options,
        ):
            return str(tmp_path / name)

    return write


@pytest.fixture
def write_square(tmp_path):
    """Writes a GeoJSON file with one rectangle, given in pixels, and returns its path."""

    def write(name, ymin, xmin, ymax, xmax):
        corners = [(ymin, xmin), (ymin, xmax), (ymax, xmax), (ymax, xmin), (ymin, xmin)]
        ring = [[WEST + x * PIXEL, NORTH - y * PIXEL] for y, x in corners]
        geometry = {'type': 'Polygon', 'coordinates': [ring]}
        feature = {'type': 'Feature', 'properties': {}, 'geometry': geometry}
        path = tmp_path / name
        path.write_text(json.dumps({'type': 'FeatureCollection', 'features': [feature]}))
        return str(path)

    return write


@pytest.fixture
def pixels():
    """(3, 60, 80) uint8 pixels, none of which is 0."""
    return np.random.default_rng(0).integers(1, 255, (3, 60, 80), dtype=np.uint8)


@pytest.fixture
def labels():
    """(60, 80) class ids 0 and 1."""
    return np.random.default_rng(1).integers(0, 2, (60, 80), dtype=np.uint8)


@pytest.fixture
def classes():
    return ClassConfig(names=['field', 'water'], colors=['green', 'blue'])


@pytest.fixture
def scene(write_raster, pixels, labels, classes):
    """A scene of 60 x 80 pixels with labels and no AOI, of which the null class is no. 2."""
    return make_ss_scene(
        write_raster('image.tif', pixels),
        label_raster_uri=write_raster('labels.tif', labels[None]),
        class_config=classes,
        scene_id='tiny',
    )
