"""GeoGrid against rasterio and pyproj."""

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.warp import transform as warp_transform

from rastervision.core.grid import GeoGrid, to_crs

WGS84 = pyproj.CRS('EPSG:4326')
GRIDS = {
    'utm': GeoGrid(Affine(0.5, 0, 300000, 0, -0.5, 4000000), to_crs('EPSG:32633')),
    'south-up': GeoGrid(Affine(2, 0, 300000, 0, 2, 4000000), to_crs(32733)),
    'rotated': GeoGrid(
        Affine.translation(9520518, 3201201) @ Affine.rotation(20) @ Affine.scale(0.15, -0.15),
        to_crs('EPSG:3857'),
    ),
    'degrees': GeoGrid(Affine(1e-6, 0, 85.5, 0, -1e-6, 27.6), WGS84),
}
points = st.lists(
    st.tuples(st.floats(-100, 600), st.floats(-100, 600)), min_size=1, max_size=20
).map(np.array)


@pytest.mark.parametrize('name', GRIDS)
@given(xy=points)
@settings(max_examples=20, deadline=None)
def test_there_and_back(name, xy):
    grid = GRIDS[name]
    back = grid.map_to_pixel(grid.pixel_to_map(xy, WGS84), WGS84)
    np.testing.assert_allclose(back, xy, atol=1e-4)


@pytest.mark.parametrize('name', GRIDS)
def test_agrees_with_rasterio(name):
    grid = GRIDS[name]
    xy = np.random.default_rng(0).uniform(0, 400, (50, 2))
    ours = grid.pixel_to_map(xy)
    xs, ys = rasterio.transform.xy(grid.transform, xy[:, 1], xy[:, 0], offset='ul')
    np.testing.assert_allclose(ours, np.stack([xs, ys], 1), rtol=1e-12)
    lon, lat = warp_transform(rasterio.crs.CRS.from_wkt(grid.crs.to_wkt()), 'EPSG:4326', xs, ys)
    np.testing.assert_allclose(grid.pixel_to_map(xy, WGS84), np.stack([lon, lat], 1), atol=1e-9)


def test_x_is_longitude_and_y_latitude():
    ((lon, lat),) = GRIDS['degrees'].pixel_to_map([[0, 0]], WGS84)
    assert (lon, lat) == pytest.approx((85.5, 27.6))


def test_forms_of_a_crs():
    expected = pyproj.CRS('EPSG:32633')
    for form in (
        expected,
        'EPSG:32633',
        32633,
        expected.to_wkt(),
        rasterio.crs.CRS.from_epsg(32633),
    ):
        assert to_crs(form) == expected
    assert to_crs(None) is None
    assert to_crs(rasterio.crs.CRS()) is None


def test_what_cannot_be_placed_is_refused():
    with pytest.raises(ValueError, match='inverted'):
        GeoGrid(Affine(0, 0, 0, 0, 0, 0))
    with pytest.raises(ValueError, match='WGS 84'):
        GeoGrid(Affine.identity()).pixel_to_map([[0, 0]], WGS84)
