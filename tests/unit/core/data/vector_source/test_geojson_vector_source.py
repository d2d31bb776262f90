import pickle

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from rastervision.core.box import Box
from rastervision.core.data import (
    BufferTransformerConfig,
    ClassConfig,
    ClassInferenceTransformer,
    ClassInferenceTransformerConfig,
    GeoJSONVectorSource,
    GeoJSONVectorSourceConfig,
    RasterioCRSTransformer,
    ShiftTransformerConfig,
    VectorSource,
    VectorSourceConfig,
)
from rastervision.core.data.vector_source.geojson_vector_source import (
    geojson_vector_source_config_upgrader,
)
from rastervision.core.data.vector_source.vector_source import vector_source_config_upgrader
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import DataError, NotReadableError

CLASSES = ClassConfig(names=['a', 'b', 'null'])


@pytest.fixture
def crs_transformer():
    from affine import Affine

    return RasterioCRSTransformer(Affine(1, 0, 500_000, 0, -1, 5_000_000), 'EPSG:32633')


@pytest.fixture
def uri(write_geojson, box_ring):
    rings = [box_ring(0, 0, 4, 4), box_ring(10, 10, 14, 14), box_ring(20, 30, 24, 34)]
    rows = [{'class_id': i, 'name': f'n{i}'} for i in range(3)]
    return write_geojson('labels.json', rings, rows, crs='EPSG:32633')


def bounds(geoms):
    return [tuple(int(v) for v in geom.bounds) for geom in geoms]


def test_geometries_are_in_pixels(uri, crs_transformer) -> None:
    source = GeoJSONVectorSource(uri, crs_transformer)
    assert bounds(source.get_geoms()) == [(0, 0, 4, 4), (10, 10, 14, 14), (30, 20, 34, 24)]
    assert source.bbox == Box(0, 0, 24, 34)
    assert source.extent == Box(0, 0, 24, 34)


def test_a_window_gets_whole_features_that_touch_it(uri, crs_transformer) -> None:
    source = GeoJSONVectorSource(uri, crs_transformer)
    assert bounds(source.get_geoms(Box(3, 3, 11, 11))) == [(0, 0, 4, 4), (10, 10, 14, 14)]
    assert source.get_geoms(Box(5, 5, 9, 9)) == []


def test_a_bbox_limits_and_moves_the_results(uri, crs_transformer) -> None:
    source = GeoJSONVectorSource(uri, crs_transformer, bbox=Box(5, 5, 50, 50))
    assert bounds(source.get_geoms()) == [(5, 5, 9, 9), (25, 15, 29, 19)]
    assert bounds(source.get_geoms(Box(0, 0, 10, 10))) == [(5, 5, 9, 9)]
    assert source.extent == Box(0, 0, 45, 45)


def test_dicts_and_tables_hold_the_same(uri, crs_transformer) -> None:
    source = GeoJSONVectorSource(uri, crs_transformer)
    geojson = source.get_geojson()
    table = source.get_dataframe()
    assert [shape(f['geometry']) for f in geojson['features']] == table.geometry.tolist()
    assert [f['properties'] for f in geojson['features']] == (
        table.drop(columns='geometry').to_dict('records')
    )


def test_map_coordinates_are_longitude_and_latitude(uri, crs_transformer) -> None:
    source = GeoJSONVectorSource(uri, crs_transformer, bbox=Box(5, 5, 50, 50))
    (geom, *_) = source.get_geoms(to_map_coords=True)
    lon, lat = crs_transformer.pixel_to_map((10, 14))
    assert geom.bounds[:2] == pytest.approx((lon, lat))
    assert source.get_dataframe(to_map_coords=True).crs == 'EPSG:4326'


def test_several_files_follow_one_another(uri, write_geojson, crs_transformer) -> None:
    lon, lat = crs_transformer.pixel_to_map((50.5, 60.5))
    other = write_geojson('more.json', [{'type': 'Point', 'coordinates': [lon, lat]}])
    source = GeoJSONVectorSource([uri, other], crs_transformer)
    assert len(source.features) == 4
    assert bounds(source.get_geoms())[-1] == (50, 60, 50, 60)


def test_vertices_are_rounded_down_or_kept(write_geojson, box_ring, crs_transformer) -> None:
    uri = write_geojson('labels.json', [box_ring(0.5, 1.75, 4.25, 6.5)], crs='EPSG:32633')
    rounded = GeoJSONVectorSource(uri, crs_transformer).get_geoms()
    assert rounded[0].bounds == (1, 0, 6, 4)
    exact = GeoJSONVectorSource(uri, crs_transformer, round_pixels=False).get_geoms()
    assert exact[0].bounds == pytest.approx((1.75, 0.5, 6.5, 4.25))


def test_the_window_query_finds_what_testing_all_finds(write_geojson, box_ring, crs_transformer):
    rng = np.random.default_rng(0)
    rings = [box_ring(y, x, y + 3, x + 5) for y, x in rng.integers(0, 100, (200, 2)).tolist()]
    source = GeoJSONVectorSource(
        write_geojson('labels.json', rings, crs='EPSG:32633'), crs_transformer
    )
    for y, x in rng.integers(-10, 100, (20, 2)).tolist():
        box = Box(y, x, y + 20, x + 15)
        expected = np.flatnonzero(shapely.intersects(source.features.geoms, box.to_shapely()))
        assert source.query(box).tolist() == expected.tolist()
        assert {*source.near(box).tolist()} >= {*expected.tolist()}


def test_no_features(write_geojson, crs_transformer) -> None:
    source = GeoJSONVectorSource(write_geojson('none.json', []), crs_transformer)
    assert source.get_geoms() == []
    assert source.get_geojson() == {'type': 'FeatureCollection', 'features': []}
    assert len(source.get_dataframe()) == 0
    assert source.bbox == Box(0, 0, 0, 0)
    assert source.features_bbox is None


def test_it_can_be_pickled_after_use(uri, crs_transformer) -> None:
    source = GeoJSONVectorSource(uri, crs_transformer, [ClassInferenceTransformer(0, CLASSES)])
    source.query(Box(0, 0, 5, 5))
    copy = pickle.loads(pickle.dumps(source))
    assert bounds(copy.get_geoms()) == bounds(source.get_geoms())


def test_a_source_of_dicts_is_mended_and_placed(crs_transformer) -> None:
    class Fixed(VectorSource):
        def _get_geojson(self):
            lon, lat = crs_transformer.pixel_to_map((7.5, 8.5))
            return {'type': 'MultiPoint', 'coordinates': [[lon, lat], [lon, lat]]}

    assert bounds(Fixed(crs_transformer).get_geoms()) == [(7, 8, 7, 8)] * 2


def test_a_missing_file_is_named(crs_transformer, tmp_path) -> None:
    with pytest.raises(NotReadableError, match='missing'):
        GeoJSONVectorSource(str(tmp_path / 'missing.json'), crs_transformer).get_geoms()


def test_projected_coordinates_without_crs_name_their_file(
    write_geojson, box_ring, crs_transformer
) -> None:
    uri = write_geojson('labels.json', [box_ring(0, 0, 1, 1)])
    with pytest.raises(DataError, match=r'labels\.json.*states no CRS'):
        GeoJSONVectorSource(uri, crs_transformer).get_geoms()


# ---- config


def test_config_builds_its_transformers(uri, crs_transformer) -> None:
    cfg = GeoJSONVectorSourceConfig(
        uris=uri, transformers=[ClassInferenceTransformerConfig(default_class_id=1)]
    )
    assert Config.from_dict(cfg.to_dict()) == cfg
    source = cfg.build(CLASSES, crs_transformer)
    assert source.vector_transformers[0].class_config == CLASSES
    assert cfg.build(CLASSES, crs_transformer, use_transformers=False).vector_transformers == []


def test_default_transformers_are_those_of_release_0_31() -> None:
    cfg = GeoJSONVectorSourceConfig(
        uris='x', transformers=[ClassInferenceTransformerConfig(default_class_id=0)]
    )
    cfg.add_default_transformers()
    assert [t.to_dict() for t in cfg.transformers] == [
        {
            'type_hint': 'class_inference_transformer',
            'default_class_id': 0,
            'class_id_to_filter': None,
            'class_name_mapping': None,
        },
        *(
            {
                'type_hint': 'buffer_transformer',
                'geom_type': geom_type,
                'class_bufs': {},
                'default_buf': 1.0,
            }
            for geom_type in ('Point', 'LineString')
        ),
    ]
    before = cfg.copy()
    cfg.add_default_transformers()
    assert cfg == before


def test_given_transformers_keep_their_place() -> None:
    shift = ShiftTransformerConfig(x_shift=1)
    roads = BufferTransformerConfig(geom_type='LineString', default_buf=3)
    cfg = GeoJSONVectorSourceConfig(uris='x', transformers=[shift, roads])
    cfg.add_default_transformers()
    inference, *rest = cfg.transformers
    assert isinstance(inference, ClassInferenceTransformerConfig)
    assert rest == [shift, roads, BufferTransformerConfig(geom_type='Point')]


def test_configs_of_release_0_12_are_lifted() -> None:
    old = {
        'type_hint': 'geojson_vector_source',
        'uri': 'labels.json',
        'ignore_crs_field': True,
        'default_class_id': 0,
        'class_id_to_filter': {'1': ['has', 'a']},
        'line_bufs': {'0': 3},
        'point_bufs': None,
    }
    for version in range(14):
        old = geojson_vector_source_config_upgrader(
            vector_source_config_upgrader(old, version), version
        )
    cfg = Config.from_dict(old)
    assert isinstance(cfg, VectorSourceConfig)
    assert cfg == GeoJSONVectorSourceConfig(
        uris='labels.json',
        transformers=[
            ClassInferenceTransformerConfig(
                default_class_id=0, class_id_to_filter={1: ['has', 'a']}
            ),
            BufferTransformerConfig(geom_type='LineString', class_bufs={0: 3}),
            BufferTransformerConfig(geom_type='Point'),
        ],
    )
