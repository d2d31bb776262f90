"""Points of classes are drawn evenly, inside the region alone."""

import pickle

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize
from scipy.stats import chisquare
from shapely.geometry import Polygon, box

from rastervision.core.box import Box
from rastervision.core.data import ClassConfig, SemanticSegmentationLabelSource
from rastervision.core.data.utils.features import as_geoms
from rastervision.core.sampling import class_places
from rastervision.core.sampling.class_places import PolygonPlaces, RasterPlaces, cut_to

REGION = as_geoms([box(0, 0, 20, 30), box(20, 0, 40, 15)])
EXTENT = Box(0, 0, 30, 40)
TRIANGLE = Polygon([(-10, 0), (30, 0), (30, 30)])


def places_of(polygons, class_ids, **kwargs):
    return PolygonPlaces(as_geoms(polygons), np.array(class_ids), REGION, **kwargs)


def drawn(places, class_id, n):
    rng = np.random.default_rng(0)
    boxes = [places.sample(class_id, rng) for _ in range(n)]
    assert {b.size for b in boxes} == {(1, 1)}
    return np.array([[b.ymin, b.xmin] for b in boxes])


SPANS = st.tuples(st.integers(-10, 45), st.integers(1, 40))


@given(st.lists(st.tuples(SPANS, SPANS), max_size=8))
@settings(deadline=None)
def test_polygons_are_cut_to_the_region(spans) -> None:
    polygons = as_geoms([box(x, y, x + width, y + height) for (x, width), (y, height) in spans])
    parts, index = cut_to(polygons, REGION)
    areas = np.bincount(index, shapely.area(parts), minlength=len(polygons))
    expected = shapely.area(shapely.intersection(polygons, shapely.union_all(REGION)))
    assert areas == pytest.approx(expected)
    assert not shapely.overlaps(parts, polygons[index]).any()


def test_every_pixel_of_polygons_is_as_likely_as_any_other() -> None:
    squares = [box(2, 2, 6, 6), box(30, 5, 34, 9), box(18, 0, 22, 2)]
    places = places_of([*squares, box(0, 20, 20, 25)], [1, 1, 1, 2])
    assert places.areas == pytest.approx({1: 40, 2: 100})
    counts = np.zeros(EXTENT.size, dtype=int)
    np.add.at(counts, tuple(drawn(places, 1, 4000).T), 1)
    inside = rasterize(squares, out_shape=EXTENT.size).astype(bool)
    assert not counts[~inside].any()
    assert chisquare(counts[inside]).pvalue > 0.001


def test_points_of_a_polygon_are_spread_over_what_is_in_the_region() -> None:
    places = places_of([TRIANGLE], [0])
    inside = shapely.intersection(TRIANGLE, shapely.union_all(REGION))
    assert places.areas == {0: pytest.approx(inside.area)}
    points = drawn(places, 0, 4000) + 0.5
    assert points.mean(axis=0)[::-1] == pytest.approx(
        [inside.centroid.x, inside.centroid.y], abs=0.5
    )
    assert shapely.distance(inside, shapely.points(points[:, ::-1])).max() < 1


def test_classes_outside_of_the_region_have_no_places() -> None:
    assert places_of([box(25, 20, 30, 25), box(0, 0, 1, 1)], [3, 4]).areas == {4: 1}
    assert places_of([], []).areas == {}


def test_many_polygons_do_not_fill_the_memory(monkeypatch) -> None:
    monkeypatch.setattr(class_places, 'CACHED_POLYGONS', 3)
    places = places_of([box(x, 0, x + 1, 1) for x in range(20)], [0] * 20)
    assert len({tuple(yx) for yx in drawn(places, 0, 200)}) == 20
    assert len(places._samplers) <= 3


def test_a_rare_background_has_the_places_that_are_left() -> None:
    most = [box(0, 0, 20, 29), box(20, 0, 40, 15)]
    places = places_of(most, [1, 2], background=0)
    assert places.areas == pytest.approx({0: 20, 1: 580, 2: 300})
    assert (drawn(places, 0, 50)[:, 0] == 29).all()
    own = places_of([*most, box(5, 29, 6, 30)], [1, 2, 0], background=0)
    assert own.areas == pytest.approx(places.areas)


def test_a_common_background_is_everywhere_else() -> None:
    assert set(places_of([box(0, 0, 20, 20)], [1], background=0).areas) == {1}


@pytest.fixture
def labels(tmp_path):
    """30 x 40 class ids; class 2 in two corners, 3 nowhere."""
    from rastervision.core.data import RasterioSource

    ids = np.random.default_rng(0).integers(0, 2, (30, 40), dtype=np.uint8)
    ids[:2, 38:] = ids[28:, :3] = 2
    path = str(tmp_path / 'labels.tif')
    with rasterio.open(
        path,
        'w',
        driver='GTiff',
        height=30,
        width=40,
        count=1,
        dtype='uint8',
        crs='EPSG:3857',
        transform=rasterio.Affine(2, 0, 0, 0, -2, 0),
    ) as raster:
        raster.write(ids[None])
    classes = ClassConfig(names=['a', 'b', 'c', 'd'])
    return SemanticSegmentationLabelSource(RasterioSource(path), classes), ids


def test_every_pixel_of_a_raster_is_as_likely_as_any_other(labels, monkeypatch) -> None:
    monkeypatch.setattr(class_places, 'BLOCK', 8)
    source, ids = labels
    places = RasterPlaces(source, EXTENT, as_geoms([EXTENT.to_shapely()]))
    assert places.areas == {c: (ids == c).sum() for c in range(3)}
    counts = np.zeros(EXTENT.size, dtype=int)
    np.add.at(counts, tuple(drawn(places, 2, 1000).T), 1)
    assert not counts[ids != 2].any()
    assert chisquare(counts[ids == 2]).pvalue > 0.001


def test_nothing_is_found_in_no_region(labels) -> None:
    assert RasterPlaces(labels[0], EXTENT, as_geoms([])).areas == {}
    assert PolygonPlaces(as_geoms([TRIANGLE]), np.array([1]), as_geoms([])).areas == {}


def test_pixels_outside_of_the_region_do_not_count(labels, monkeypatch) -> None:
    monkeypatch.setattr(class_places, 'BLOCK', 8)
    source, ids = labels
    region = as_geoms([box(0, 15, 2, 30), box(10, 10, 30, 13)])
    inside = rasterize(region, out_shape=EXTENT.size).astype(bool)
    places = RasterPlaces(source, EXTENT, region)
    assert places.areas == {c: ((ids == c) & inside).sum() for c in range(3)}
    assert {tuple(yx) for yx in drawn(places, 2, 100)} == {(28, 0), (28, 1), (29, 0), (29, 1)}


def test_draws_follow_the_generator(labels) -> None:
    source, _ = labels
    for places in (RasterPlaces(source, EXTENT, REGION), places_of([TRIANGLE], [1])):
        again = pickle.loads(pickle.dumps(places))
        assert (drawn(places, 1, 20) == drawn(again, 1, 20)).all()
