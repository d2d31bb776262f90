from shapely.geometry import mapping, shape
from shapely.geometry.polygon import Polygon

from rastervision.core.data import IdentityCRSTransformer
from rastervision.core.data.vector_source import sanitize_geojson
from rastervision.core.data.vector_transformer import create_filter

BOW_TIE = mapping(Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]))


def feature(geometry, **properties):
    return {'type': 'Feature', 'geometry': geometry, 'properties': properties}


def collection(*features):
    return {'type': 'FeatureCollection', 'features': list(features)}


def test_parts_are_split_and_repaired():
    points = {'type': 'MultiPoint', 'coordinates': [[0, 1], [2, 3]]}
    clean = sanitize_geojson(
        collection(feature(points, a=1), feature(BOW_TIE, b=2)), IdentityCRSTransformer()
    )
    geoms = [shape(f['geometry']) for f in clean['features']]
    assert [g.geom_type for g in geoms] == ['Point', 'Point', 'Polygon', 'Polygon']
    assert all(g.is_valid for g in geoms)
    assert [f['properties'] for f in clean['features']] == [{'a': 1}, {'a': 1}, {'b': 2}, {'b': 2}]


def test_coordinates_are_of_the_map_or_of_pixels():
    class Doubled(IdentityCRSTransformer):
        def _map_to_pixel(self, point):
            return point[0] * 2, point[1] * 2

    point = collection(feature({'type': 'Point', 'coordinates': [1, 2]}))
    in_map = sanitize_geojson(point, IdentityCRSTransformer(), to_map_coords=True)
    in_pixels = sanitize_geojson(point, Doubled())
    assert shape(in_map['features'][0]['geometry']).coords[0] == (1, 2)
    assert shape(in_pixels['features'][0]['geometry']).coords[0] == (2, 4)


def test_filters_look_into_features():
    tall = create_filter(['all', ['>', 'height', 3], ['==', '$type', 'Polygon']])
    assert tall(feature(BOW_TIE, height=4))
    assert tall(feature({**BOW_TIE, 'type': 'MultiPolygon'}, height=4))
    assert not tall(feature(BOW_TIE, height=2))
    assert not tall(feature({'type': 'Point', 'coordinates': [0, 0]}, height=4))
    assert create_filter(None)(feature(None))
