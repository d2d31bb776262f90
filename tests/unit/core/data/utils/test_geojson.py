import json
from copy import deepcopy

import geopandas
import pytest
import shapely
from affine import Affine
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box, mapping

from rastervision.core.box import Box
from rastervision.core.data.crs_transformer import IdentityCRSTransformer, RasterioCRSTransformer
from rastervision.core.data.utils import geojson as gj
from rastervision.pipeline.errors import ConfigError, DataError

GEOMS = [Point(1, 2), LineString([(0, 0), (3, 4)]), box(1, 1, 3, 5)]
ROWS = [{'class_id': i} for i in range(3)]


@pytest.fixture
def collection():
    return gj.geoms_to_geojson(GEOMS, ROWS)


def geoms(geojson):
    return list(gj.geojson_to_geoms(geojson))


def test_there_and_back(collection) -> None:
    assert geoms(collection) == GEOMS
    assert [f['properties'] for f in collection['features']] == ROWS
    assert json.loads(json.dumps(collection))['type'] == 'FeatureCollection'
    same = gj.geometries_to_geojson([mapping(g) for g in GEOMS])
    assert geoms(same) == GEOMS
    assert gj.geometries_to_geojson(collection['features'])['features'] == collection['features']


def test_mapping_leaves_the_input_and_other_types_alone(collection) -> None:
    before = deepcopy(collection)
    moved = gj.map_geoms(
        lambda g, _: shapely.transform(g, lambda xy: xy + 1), collection, ['Point']
    )
    assert geoms(moved) == [Point(2, 3), *GEOMS[1:]]
    tagged = gj.map_features(
        lambda f: {**f, 'properties': {}}, collection, progressbar_kw={'desc': 'tagging'}
    )
    assert all(f['properties'] == {} for f in tagged['features'])
    assert collection == before


def test_filtering(collection) -> None:
    kept = gj.filter_features(lambda f: f['properties']['class_id'] > 0, collection)
    assert geoms(kept) == GEOMS[1:]
    near = gj.filter_geojson_to_window(collection, Box(4, 2, 10, 10))
    assert geoms(near) == [GEOMS[1], GEOMS[2]]


def test_empty_features_are_removed(collection) -> None:
    collection['features'] += [
        {'type': 'Feature', 'geometry': None, 'properties': {}},
        {'type': 'Feature', 'geometry': {'type': 'Polygon', 'coordinates': []}, 'properties': {}},
        {'type': 'Feature', 'geometry': {'type': 'GeometryCollection', 'geometries': []}},
    ]
    assert geoms(gj.remove_empty_features(collection)) == GEOMS


def test_splitting_keeps_properties() -> None:
    multi = MultiPolygon([box(0, 0, 1, 1), box(5, 5, 6, 6)])
    nested = shapely.GeometryCollection([Point(0, 0), shapely.GeometryCollection([multi])])
    split = gj.split_multi_geometries(gj.geoms_to_geojson([multi, nested], [{'a': 1}, {'a': 2}]))
    assert [f['properties']['a'] for f in split['features']] == [1, 1, 2, 2, 2]
    assert {g.geom_type for g in geoms(split)} == {'Polygon', 'Point'}


def test_pixel_coordinates_there_and_back(collection) -> None:
    class Double(IdentityCRSTransformer):
        def _map_to_pixel(self, point):
            return point[0] * 2, point[1] * 2

        def _pixel_to_map(self, point):
            return point[0] / 2, point[1] / 2

    pixels = gj.map_to_pixel_coords(collection, Double())
    assert geoms(pixels)[0] == Point(2, 4)
    assert geoms(gj.pixel_to_map_coords(pixels, Double())) == GEOMS


def test_buffers_are_by_class(collection) -> None:
    assert geoms(gj.buffer_geoms(collection, 'Point'))[0].area == pytest.approx(3.14, abs=0.05)
    untouched = gj.buffer_geoms(collection, 'Point', {0: None}, default_buf=5)
    assert geoms(untouched) == GEOMS
    assert geoms(gj.buffer_geoms(collection, 'LineString', {1: 2}))[1].geom_type == 'Polygon'


def test_validity() -> None:
    bow_tie = gj.geoms_to_geojson([Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])])
    assert not gj.all_geoms_valid(bow_tie)
    assert gj.all_geoms_valid(gj.simplify_polygons(bow_tie))


def test_extents_and_tables(collection) -> None:
    assert gj.get_geojson_extent(collection) == Box(0, 0, 5, 3)
    table = gj.geojson_to_geodataframe(collection)
    assert table['class_id'].tolist() == [0, 1, 2]
    assert gj.get_geodataframe_extent(table) == Box(0, 0, 5, 3)
    assert len(gj.geojson_to_geodataframe(gj.features_to_geojson([]))) == 0


def test_merging(collection) -> None:
    merged = gj.merge_geojsons([collection, gj.features_to_geojson([]), collection])
    assert geoms(merged) == GEOMS * 2


def test_bbox_coords() -> None:
    (moved,) = gj.geoms_to_bbox_coords([box(5, 7, 6, 8)], Box(7, 5, 20, 20))
    assert moved.equals(box(0, 0, 1, 1))


def test_polygons_from_uris_are_snapped_to_pixel_corners(
    write_geojson, box_ring, write_tif
) -> None:
    import numpy as np

    from rastervision.core.data import RasterioSource

    image = RasterioSource(write_tif('image.tif', np.zeros((10, 10), dtype=np.uint8)))
    rings = [box_ring(0.4, 0.6, 7.6, 9.4)]
    uri = write_geojson('aoi.json', rings, crs='EPSG:32633')
    (polygon,) = gj.get_polygons_from_uris(uri, image.crs_transformer)
    assert polygon.equals(box(1, 0, 9, 8))
    (local,) = gj.get_polygons_from_uris([uri], image.crs_transformer, bbox=Box(2, 3, 10, 10))
    assert local.equals(box(-2, -2, 6, 6))
    (on_map,) = gj.get_polygons_from_uris(uri, image.crs_transformer, map_coords=True)
    lon, lat = image.crs_transformer.pixel_to_map((0.6, 0.4))
    assert on_map.bounds[0] == pytest.approx(lon, abs=1e-7)
    assert on_map.bounds[3] == pytest.approx(lat, abs=1e-7)


def test_other_geometries_are_no_areas_of_interest(write_geojson) -> None:
    uri = write_geojson('aoi.json', [{'type': 'Point', 'coordinates': [0, 0]}])
    with pytest.raises(DataError, match=r'aoi\.json must hold polygons only'):
        gj.get_polygons_from_uris(uri, IdentityCRSTransformer())


def write_layers(path, **layers) -> str:
    for name, geom in layers.items():
        table = geopandas.GeoDataFrame(geometry=[geom], crs='EPSG:32633')
        table.to_file(path, layer=name)
    return str(path)


def test_areas_are_the_only_layer_of_polygons(tmp_path) -> None:
    transformer = RasterioCRSTransformer(Affine(1, 0, 500_000, 0, -1, 5_000_000), 'EPSG:32633')
    box, point = shapely.box(500_002, 4_999_990, 500_004, 4_999_996), shapely.Point(0, 0)
    uri = write_layers(tmp_path / 'a.gpkg', areas=box, places=point)
    (polygon,) = gj.get_polygons_from_uris(uri, transformer)
    assert polygon.bounds == (2, 4, 4, 10)
    uri = write_layers(tmp_path / 'b.gpkg', areas=box, others=box)
    with pytest.raises(ConfigError, match=r'2 layers of polygons.*ogr2ogr'):
        gj.get_polygons_from_uris(uri, transformer)


def test_areas_on_the_other_side_of_the_earth_are_not_near(tmp_path) -> None:
    transformer = RasterioCRSTransformer(Affine(1, 0, -500, 0, -1, 500), '+proj=ortho')
    paths = []
    for lon in (0, 180):
        box = shapely.box(lon - 0.001, -0.001, lon + 0.001, 0.001)
        paths.append(str(tmp_path / f'{lon}.json'))
        geopandas.GeoSeries([box], crs='EPSG:4326').to_file(paths[-1])
    near = Box(0, 0, 1000, 1000)
    assert len(gj.get_polygons_from_uris(paths, transformer, near=near)) == 1
