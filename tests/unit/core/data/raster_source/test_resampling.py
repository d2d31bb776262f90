"""Positions of pixels in another grid, and sampling there."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from rastervision.core.box import Box
from rastervision.core.chip import Chip
from rastervision.core.data.raster_source import RasterioSource
from rastervision.core.data.raster_source.resampling import TOLERANCE, PlacedSource, sample
from rastervision.core.grid import apply_affine

UTM = Affine(10, 0, 500_000, 0, -10, 5_200_000)
DEGREES = Affine(2e-4, 0, 14.0, 0, -1e-4, 47.5)


@pytest.fixture(scope='module')
def grids(tmp_path_factory):
    """A raster in UTM, and one in degrees that is read on its grid."""
    import rasterio

    folder = tmp_path_factory.mktemp('grids')
    sources = []
    for name, crs, transform in [('utm', 'EPSG:32633', UTM), ('lon_lat', 'EPSG:4326', DEGREES)]:
        path = folder / f'{name}.tif'
        with rasterio.open(path, 'w', 'GTiff', 20, 20, 1, crs, transform, 'uint8', SPARSE_OK=True):
            pass
        sources.append(RasterioSource(str(path)))
    return PlacedSource.on(*sources)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(-3000, 3000),
    st.integers(-3000, 3000),
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(1, 3),
)
def test_positions_are_those_of_proj(grids, ymin, xmin, height, width, scale):
    window = Box(ymin, xmin, ymin + height * scale, xmin + width * scale)
    x, y = grids._positions(window, height, width)
    columns, rows = np.meshgrid(
        xmin + (np.arange(width) + 0.5) * scale, ymin + (np.arange(height) + 0.5) * scale
    )
    lon_lat = Transformer.from_crs('EPSG:32633', 'EPSG:4326', always_xy=True)
    points = lon_lat.transform(*apply_affine(UTM, np.stack([columns, rows], axis=-1)))
    expected_x, expected_y = apply_affine(~DEGREES, np.stack(points, axis=-1))
    assert np.abs(x - expected_x).max() <= 2 * TOLERANCE
    assert np.abs(y - expected_y).max() <= 2 * TOLERANCE


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_sampling_at_the_middles_of_pixels_gives_the_pixels(height, width, seed):
    rng = np.random.default_rng(seed)
    valid = rng.random((height, width)) < 0.7
    pixels = rng.integers(0, 256, (height, width, 2), dtype=np.uint8)
    chip = Chip(pixels, valid).zeroed()
    rows, columns = np.mgrid[:height, :width].astype(float)
    inside = np.ones((height, width), dtype=bool)
    for interpolate in (True, False):
        seen = sample(chip, rows, columns, inside, interpolate=interpolate)
        assert np.array_equal(seen.pixels, chip.pixels)
        assert np.array_equal(seen.valid, valid)


def test_nan_in_one_band_stays_there():
    pixels = np.ones((3, 3, 2), np.float32)
    pixels[1, 1, 0] = np.nan
    chip = Chip(pixels, np.ones((3, 3), dtype=bool))
    rows, columns = np.array([[1.0, 1.5]]), np.array([[1.0, 1.5]])
    seen = sample(chip, rows, columns, np.ones((1, 2), dtype=bool), interpolate=True).pixels
    assert np.isnan(seen[0, 0, 0])
    assert np.array_equal(seen[0, :, 1], [1, 1])
    assert seen[0, 1, 0] == 1
