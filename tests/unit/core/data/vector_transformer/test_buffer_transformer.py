import numpy as np
import pytest
import shapely

from rastervision.core.data import BufferTransformer, BufferTransformerConfig
from rastervision.core.data.utils.features import Features, as_geoms
from rastervision.core.data.utils.geojson import geoms_to_geojson
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError

POINT, LINE, SQUARE = (
    shapely.Point(5, 5),
    shapely.LineString([(0, 0), (10, 0)]),
    shapely.box(0, 0, 4, 4),
)


def features() -> Features:
    geoms = [POINT, POINT, LINE, SQUARE]
    return Features(as_geoms(geoms), [{'class_id': i} for i in range(4)])


def test_distances_are_by_class_and_in_the_units_of_the_geometry() -> None:
    grown = BufferTransformer('Point', {0: 3.0}, default_buf=1).apply(features())
    assert grown.geoms[0].equals(POINT.buffer(3))
    assert grown.geoms[1].equals(POINT.buffer(1))
    assert list(grown.geoms[2:]) == [LINE, SQUARE]


def test_none_leaves_geometries_alone() -> None:
    grown = BufferTransformer('Point', {0: None}, default_buf=2).apply(features())
    assert grown.geoms[0] == POINT
    assert grown.geoms[1].geom_type == 'Polygon'
    unchanged = features()
    assert BufferTransformer('LineString').apply(unchanged) is unchanged


def test_what_shrinks_to_nothing_drops_out_and_what_breaks_is_split() -> None:
    dumbbell = shapely.union_all(
        [shapely.box(0, 0, 10, 10), shapely.box(10, 4, 20, 6), shapely.box(20, 0, 30, 10)]
    )
    geoms = as_geoms([dumbbell, shapely.box(0, 0, 2, 2)])
    shrunk = BufferTransformer('Polygon', default_buf=-2).apply(
        Features(geoms, [{'class_id': 0}, {'class_id': 1}])
    )
    assert shrunk.column('class_id') == [0, 0]
    assert np.allclose(shapely.area(shrunk.geoms), 36, atol=0.5)


def test_dicts_go_through_the_same_code() -> None:
    geojson = BufferTransformer('LineString', default_buf=1)(geoms_to_geojson([LINE], [{'a': 1}]))
    (feature,) = geojson['features']
    assert feature['properties'] == {'a': 1}
    assert feature['geometry']['type'] == 'Polygon'


def test_config_has_the_default_of_one_pixel() -> None:
    cfg = BufferTransformerConfig(geom_type='Point')
    assert cfg.default_buf == 1
    assert Config.from_dict(cfg.to_dict()) == cfg
    assert cfg.build().default_buf == 1


def test_other_geometry_types_are_refused() -> None:
    with pytest.raises(ConfigError, match='geom_type'):
        BufferTransformerConfig(geom_type='MultiPoint')
    with pytest.raises(ConfigError, match="'Circle'"):
        BufferTransformer('Circle')
