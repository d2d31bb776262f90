"""CRS transformers against rasterio and pyproj."""

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data.crs_transformer import (
    IdentityCRSTransformer,
    RasterioCRSTransformer,
)
from rastervision.pipeline.errors import NotReadableError

GRID = Affine(0.5, 0, 300000, 0, -0.5, 4000000)
BBOX = Box(100, 200, 300, 500)
TO_WGS84 = pyproj.Transformer.from_crs('EPSG:32633', 'EPSG:4326', always_xy=True)


def transformer(**kwargs):
    return RasterioCRSTransformer(GRID, 'EPSG:32633', **kwargs)


def test_map_coordinates_are_longitude_and_latitude_of_pixel_corners():
    x, y = transformer().pixel_to_map((10, 20))
    assert (x, y) == pytest.approx(TO_WGS84.transform(300005, 3999990))
    assert isinstance(x, float)


def test_pixels_are_rounded_down_as_rasterio_does():
    xs, ys = np.random.default_rng(0).uniform(0, 1000, (2, 200))
    lon, lat = TO_WGS84.transform(300000 + xs / 2, 4000000 - ys / 2)
    px, py = transformer().map_to_pixel((lon, lat))
    east, north = TO_WGS84.transform(lon, lat, direction='INVERSE')
    rows, cols = rasterio.transform.rowcol(GRID, east, north)
    assert px.dtype == py.dtype == np.int64
    assert px.tolist() == list(cols)
    assert py.tolist() == list(rows)


def test_rounding_can_be_left_out():
    exact = transformer(round_pixels=False)
    assert exact.map_to_pixel(exact.pixel_to_map((10.25, 20.5))) == pytest.approx((10.25, 20.5))


@given(st.integers(-2000, 2000), st.integers(-2000, 2000))
@settings(deadline=None)
def test_whole_pixels_come_back_exactly(x, y):
    t = transformer()
    assert t.map_to_pixel(t.pixel_to_map((x, y))) == (x, y)
    assert t.map_to_pixel(t.pixel_to_map((x, y), bbox=BBOX), bbox=BBOX) == (x, y)


def test_bbox_moves_the_pixel_side():
    t = transformer()
    assert t.pixel_to_map((0, 0), bbox=BBOX) == t.pixel_to_map((200, 100))
    assert t.map_to_pixel(t.pixel_to_map((200, 100)), bbox=BBOX) == (0, 0)


@pytest.mark.parametrize(
    'geom',
    [
        shapely.Point(3, 4),
        shapely.LineString([(0, 0), (5, 9)]),
        shapely.box(0, 0, 10, 10).difference(shapely.box(2, 2, 4, 4)),
        shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 2, 3, 3)]),
        shapely.GeometryCollection([shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)])]),
    ],
)
def test_geometries_keep_their_kind(geom):
    t = transformer()
    on_map = t.pixel_to_map(geom)
    assert on_map.geom_type == geom.geom_type
    expected = shapely.transform(
        geom, lambda p: np.stack(TO_WGS84.transform(300000 + p[:, 0] / 2, 4000000 - p[:, 1] / 2), 1)
    )
    assert on_map.equals_exact(expected, 1e-9)
    assert t.map_to_pixel(on_map).equals(geom)


def test_many_geometries_at_once():
    t = transformer()
    geoms = [shapely.Point(i, 2 * i) for i in range(5)]
    for form in (geoms, np.array(geoms)):
        on_map = t.pixel_to_map(form)
        assert [g.equals(t.pixel_to_map(p)) for g, p in zip(on_map, geoms, strict=True)] == [
            True
        ] * 5


def test_a_box_becomes_the_bounds_of_its_corners():
    t = transformer()
    box = Box(10, 20, 30, 40)
    on_map = t.pixel_to_map(box)
    assert on_map == Box.from_shapely(t.pixel_to_map(box.to_shapely()))
    pixels = t.map_to_pixel(on_map)
    assert pixels.intersection(box) == box
    assert all(isinstance(side, int) for side in pixels)


def test_the_rasters_own_crs_as_map_crs():
    t = transformer(map_crs=None)
    assert t.pixel_to_map((2, 4)) == (300001, 3999998)
    assert t.map_to_pixel((300001.7, 3999998)) == (3, 4)


def test_points_outside_of_the_projection_are_not_finite():
    x, y = transformer().map_to_pixel((np.array([15.0, 15.0]), np.array([45.0, 100.0])))
    assert np.isfinite(x[0])
    assert np.isfinite(y[0])
    assert not np.isfinite(x[1])


def test_identity_leaves_everything_as_it_is():
    t = IdentityCRSTransformer()
    assert t.map_to_pixel((1.5, 2.5)) == (1.5, 2.5)
    assert t.pixel_to_map((1, 2), bbox=BBOX) == (201, 102)
    assert t.map_to_pixel(Box(101, 201, 103, 203), bbox=BBOX) == Box(1, 1, 3, 3)
    point = shapely.Point(1.5, 2)
    assert t.pixel_to_map(point).equals(point)


def test_from_a_file(write_raster, rgb):
    path = write_raster(rgb)
    t = RasterioCRSTransformer.from_uri(path)
    assert t.transform == GRID
    assert t.pixel_to_map((0, 0)) == pytest.approx(TO_WGS84.transform(300000, 4000000))
    bare = write_raster(rgb, 'bare.tif', crs=None, transform=None)
    assert isinstance(RasterioCRSTransformer.from_uri(bare), IdentityCRSTransformer)


def test_missing_file(tmp_path):
    with pytest.raises(NotReadableError, match=r'nothing\.tif'):
        RasterioCRSTransformer.from_uri(str(tmp_path / 'nothing.tif'))
