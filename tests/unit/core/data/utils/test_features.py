import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import shape

from rastervision.core.data.utils.features import Features, as_geoms, explode, repair

WKT = [
    'POINT (1 2)',
    'MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))',
    'GEOMETRYCOLLECTION (POINT (3 4), GEOMETRYCOLLECTION (MULTIPOINT (5 6, 7 8)))',
    'POLYGON EMPTY',
    'LINESTRING (0 0, 1 1)',
]


def features(*wkt: str) -> Features:
    return Features(as_geoms(shapely.from_wkt(w) for w in wkt), [{'i': i} for i in range(len(wkt))])


def test_explode_gives_single_parts_in_order_with_their_properties() -> None:
    exploded = explode(features(*WKT))
    kinds = [geom.geom_type for geom in exploded.geoms]
    assert kinds == ['Point', 'Polygon', 'Polygon', 'Point', 'Point', 'Point', 'LineString']
    assert exploded.column('i') == [0, 1, 1, 2, 2, 2, 4]


def test_geojson_round_trip_keeps_geometries_and_properties() -> None:
    exploded = explode(features(*WKT))
    geojson = exploded.to_geojson()
    assert json.loads(json.dumps(geojson)) == geojson
    assert [shape(f['geometry']) for f in geojson['features']] == list(exploded.geoms)
    assert [f['properties'] for f in geojson['features']] == exploded.properties


def test_empty_collections() -> None:
    assert len(Features.empty()) == 0
    assert Features.empty().to_geojson() == {'type': 'FeatureCollection', 'features': []}
    assert len(Features.concat([])) == 0
    assert len(explode(Features.empty())) == 0
    assert len(repair(Features.empty())[0]) == 0


def test_concat_take_and_filter() -> None:
    a, b = features('POINT (0 0)', 'POINT (1 1)'), features('POINT (2 2)')
    both = Features.concat([a, b])
    assert both.column('i') == [0, 1, 0]
    assert list(both.take([2, 0]).geoms) == [b.geoms[0], a.geoms[0]]
    assert both.filter(np.array([True, True, True])) is both
    assert both.filter(np.array([False, True, False])).column('i') == [1]


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match='do not go with'):
        Features(as_geoms([None]), [])


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=8, unique=True)
)
def test_repaired_polygons_are_valid_and_stay_within_their_hull(points) -> None:
    polygon = shapely.Polygon(points)
    fixed, repairs = repair(Features(as_geoms([polygon]), [{}]))
    assert all(geom.geom_type == 'Polygon' and geom.is_valid for geom in fixed.geoms)
    assert repairs.repaired + repairs.without_area == (not polygon.is_valid)
    hull = polygon.convex_hull.buffer(1e-9)
    assert all(hull.covers(geom) for geom in fixed.geoms)


def test_both_wings_of_a_bow_tie_stay() -> None:
    fixed, repairs = repair(features('POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))'))
    assert shapely.area(fixed.geoms).sum() == pytest.approx(2.0)
    assert fixed.column('i') == [0] * len(fixed)
    assert repairs.repaired == 1


def test_polygons_without_area_are_counted_and_dropped() -> None:
    given_features = features('POLYGON ((0 0, 1 1, 2 2, 0 0))', 'POLYGON ((0 0, 4 0, 4 4, 0 0))')
    fixed, repairs = repair(given_features)
    assert fixed.column('i') == [1]
    assert (repairs.repaired, repairs.without_area) == (0, 1)
