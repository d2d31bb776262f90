import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import mapping, shape

from rastervision.core.data.utils.features import Features, as_geoms, explode
from rastervision.core.data.utils.geojson_parsing import crs_member, parse_geojson
from rastervision.pipeline.errors import DataError

NUMBERS = st.floats(-180, 180, allow_nan=False, width=32)
POSITIONS = st.lists(NUMBERS, min_size=2, max_size=3)
RINGS = st.lists(POSITIONS, min_size=3, max_size=6, unique_by=lambda p: (p[0], p[1])).map(
    lambda ring: [*ring, ring[0]]
)
POLYGONS = st.lists(RINGS, min_size=1, max_size=3)
LINES = st.lists(POSITIONS, min_size=2, max_size=5)


def geometry(kind, coords):
    return st.fixed_dictionaries({'type': st.just(kind), 'coordinates': coords})


SIMPLE = st.one_of(
    geometry('Point', POSITIONS),
    geometry('MultiPoint', st.lists(POSITIONS, min_size=1, max_size=3)),
    geometry('LineString', LINES),
    geometry('MultiLineString', st.lists(LINES, min_size=1, max_size=3)),
    geometry('Polygon', POLYGONS),
    geometry('MultiPolygon', st.lists(POLYGONS, min_size=1, max_size=3)),
)
GEOMETRIES = st.recursive(
    SIMPLE,
    lambda parts: st.fixed_dictionaries(
        {
            'type': st.just('GeometryCollection'),
            'geometries': st.lists(parts, min_size=1, max_size=3),
        }
    ),
    max_leaves=5,
)


def flat(thing):
    """The same geometry without third dimension; shapely refuses mixed ones."""
    if isinstance(thing, dict):
        return {key: flat(value) for key, value in thing.items()}
    if isinstance(thing, list):
        return thing[:2] if isinstance(thing[0], float) else [flat(item) for item in thing]
    return thing


def collection(*geometries):
    features = [
        {'type': 'Feature', 'geometry': g, 'properties': {'i': i}} for i, g in enumerate(geometries)
    ]
    return {'type': 'FeatureCollection', 'features': features}


@settings(max_examples=50)
@given(st.lists(GEOMETRIES, max_size=6))
def test_parts_are_those_of_shapely(geometries) -> None:
    parsed, dropped = parse_geojson(collection(*geometries), 'x')
    properties = [{'i': i} for i in range(len(geometries))]
    expected = explode(Features(as_geoms(shape(flat(g)) for g in geometries), properties))
    assert parsed.column('i') == expected.column('i')
    assert [g.wkt for g in parsed.geoms] == [g.wkt for g in expected.geoms]
    assert not dropped.total()


@pytest.mark.parametrize('wrap', ['feature', 'geometry', 'collection'])
def test_bare_features_and_geometries_are_accepted(wrap) -> None:
    point = {'type': 'Point', 'coordinates': [1, 2]}
    document = collection(point)
    if wrap == 'feature':
        document = {'type': 'Feature', 'geometry': point, 'properties': None}
    if wrap == 'geometry':
        document = point
    parsed, _ = parse_geojson(document, 'x')
    assert [mapping(g) for g in parsed.geoms] == [{'type': 'Point', 'coordinates': (1.0, 2.0)}]


def test_geometries_without_coordinates_or_area_are_dropped_and_counted() -> None:
    square = [[0, 0], [1, 0], [1, 1], [0, 0]]
    parsed, dropped = parse_geojson(
        collection(
            None,
            {'type': 'Polygon', 'coordinates': []},
            {'type': 'Polygon', 'coordinates': [[]]},
            {'type': 'Point', 'coordinates': []},
            {'type': 'LineString', 'coordinates': [[1, 1]]},
            {'type': 'Polygon', 'coordinates': [[[0, 0], [1, 1], [0, 0]]]},
            {'type': 'Polygon', 'coordinates': [square, [[0, 0], [1, 1]]]},
            {'type': 'Polygon', 'coordinates': [square[:3]]},
        ),
        'x',
    )
    assert parsed.column('i') == [6, 7]
    assert [g.wkt for g in parsed.geoms] == ['POLYGON ((0 0, 1 0, 1 1, 0 0))'] * 2
    assert dropped == {'without geometry': 1, 'empty': 4, 'without area': 1}


def test_no_features_are_no_error() -> None:
    assert len(parse_geojson({'type': 'FeatureCollection', 'features': []}, 'x')[0]) == 0


@pytest.mark.parametrize(
    ('document', 'message'),
    [
        ([], 'a JSON list'),
        (3, 'a JSON int'),
        ({}, 'a JSON dict'),
        ({'type': 'Topology'}, "'Topology'"),
        ({'type': 'FeatureCollection'}, "'FeatureCollection'"),
        (collection(1), r'features\[0\] cannot'),
        (collection(None, {'type': 'Circle', 'coordinates': [0, 0]}), r"features\[1\].*'Circle'"),
        (collection('a point'), r'features\[0\].*its geometry is no object'),
        (collection({'type': 'Point'}), r"features\[0\].*no member 'coordinates'"),
        (collection({'type': 'Point', 'coordinates': ['a', 'b']}), r'features\[0\]'),
        (collection({'type': 'Point', 'coordinates': [1]}), 'two finite numbers'),
        (collection({'type': 'Point', 'coordinates': [1, float('nan')]}), 'two finite numbers'),
        (collection({'type': 'Polygon', 'coordinates': [[1, 2, 3, 4]]}), r'features\[0\]'),
        (collection({'type': 'Polygon', 'coordinates': 'abc'}), r'features\[0\]'),
        ({'type': 'FeatureCollection', 'features': [{'type': 'Feature'}]}, 'no geometry member'),
        ({'type': 'FeatureCollection', 'features': ['a']}, 'no geometry member'),
        (
            {'type': 'Feature', 'geometry': None, 'properties': [1]},
            r'features\[0\].*properties',
        ),
    ],
)
def test_what_is_not_geojson_is_refused_with_its_place(document, message) -> None:
    with pytest.raises(DataError, match=rf'labels\.json is not GeoJSON.*{message}'):
        parse_geojson(document, 'labels.json')


@pytest.mark.parametrize(
    ('member', 'code'),
    [
        ({'type': 'name', 'properties': {'name': 'urn:ogc:def:crs:EPSG::32645'}}, 32645),
        ({'type': 'name', 'properties': {'name': 'EPSG:3857'}}, 3857),
        ({'type': 'EPSG', 'properties': {'code': 4326}}, 4326),
        ('EPSG:32633', 32633),
    ],
)
def test_crs_member(member, code) -> None:
    crs = crs_member({'type': 'FeatureCollection', 'crs': member}, 'x')
    assert crs is not None
    assert crs.to_epsg() == code


def test_crs84_is_known() -> None:
    member = {'type': 'name', 'properties': {'name': 'urn:ogc:def:crs:OGC:1.3:CRS84'}}
    assert crs_member({'crs': member}, 'x') is not None


@pytest.mark.parametrize('document', [{}, {'crs': None}, []])
def test_no_crs_member(document) -> None:
    assert crs_member(document, 'x') is None


@pytest.mark.parametrize(
    'member',
    [
        {'type': 'name', 'properties': {'name': 'EPSG:99999999'}},
        {'type': 'link', 'properties': {'href': 'x'}},
        {'type': 'name', 'properties': 'EPSG:32633'},
        {},
        7,
        [],
    ],
)
def test_an_unknown_crs_is_refused(member) -> None:
    with pytest.raises(DataError, match=r'labels\.json: PROJ does not know the CRS') as e:
        crs_member(json.loads(json.dumps({'crs': member})), 'labels.json')
    assert str(member) in str(e.value)
