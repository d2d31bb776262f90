import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rasterio.features import shapes

from rastervision.core.data.utils import polygonize
from rastervision.core.data.utils.polygonize import PolygonTracer

masks = hnp.arrays(
    np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 1)
)


def as_set(polygons):
    return {shapely.normalize(p).wkb for p in polygons}


def gdal(mask):
    found = shapes(mask, mask=mask.astype(bool), connectivity=4)
    return [shapely.geometry.shape(geometry) for geometry, _ in found]


def traced(mask, heights):
    """Polygons of a mask that comes in bands of the given heights, over and over."""
    tracer, polygons, y, i = PolygonTracer(mask.shape[1]), [], 0, 0
    while y < len(mask):
        band = mask[y : y + heights[i % len(heights)]]
        polygons += list(tracer.add(band))
        y, i = y + len(band), i + 1
    return polygons + list(tracer.finish())


@given(masks, st.lists(st.integers(1, 5), min_size=1, max_size=4), st.sampled_from([1, 20, 10**6]))
@settings(deadline=None, max_examples=150)
def test_bands_give_the_polygons_of_the_whole_mask(mask, heights, flush_size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polygonize, 'FLUSH_SIZE', flush_size)
        polygons = traced(mask, heights)
    expected = gdal(mask)
    assert as_set(polygons) == as_set(expected)
    assert len(polygons) == len(expected)
    assert shapely.is_valid(polygons).all()


@pytest.mark.parametrize('density', [0.1, 0.5, 0.6, 0.9])
def test_noise(density):
    mask = (np.random.default_rng(0).random((300, 211)) < density).astype(np.uint8)
    assert as_set(traced(mask, [64])) == as_set(gdal(mask))


def test_finished_polygons_come_before_the_end(monkeypatch):
    monkeypatch.setattr(polygonize, 'FLUSH_SIZE', 1)
    tracer = PolygonTracer(10)
    square = np.zeros((4, 10), np.uint8)
    square[1:3, 2:5] = 1
    assert [p.bounds for p in tracer.add(square)] == [(2, 1, 5, 3)]
    # one that goes on waits for its end
    square[:, 7] = 1
    assert [p.bounds for p in tracer.add(square)] == [(2, 5, 5, 7)]
    assert [p.bounds for p in tracer.add(np.zeros((1, 10), np.uint8))] == [(7, 4, 8, 8)]
    assert not len(tracer.finish())


def test_orientation_is_that_of_geojson_on_a_north_up_map():
    mask = np.ones((5, 5), np.uint8)
    mask[2, 2] = 0
    (polygon,) = traced(mask, [5])
    north_up = shapely.transform(polygon, lambda xy: xy * [1, -1])
    assert north_up.exterior.is_ccw
    assert not north_up.interiors[0].is_ccw


def test_nothing_gives_nothing():
    assert traced(np.zeros((3, 3), np.uint8), [1]) == []
