import shapely
from shapely.geometry import shape

from rastervision.core.box import Box
from rastervision.core.data import (
    ClassConfig,
    IdentityCRSTransformer,
    boxes_to_geojson,
    geojson_to_geoms,
)

CLASSES = ClassConfig(names=['a', 'b'])
BOXES = [Box(0, 0, 2, 2), Box(1, 1, 2, 4)]


def test_boxes_become_polygons_with_classes():
    geojson = boxes_to_geojson(BOXES, [0, 1], IdentityCRSTransformer(), CLASSES)
    for geom, box in zip(geojson_to_geoms(geojson), BOXES, strict=True):
        assert geom.equals(box.to_shapely())
    assert [f['properties'] for f in geojson['features']] == [
        {'class_id': 0, 'class_name': 'a'},
        {'class_id': 1, 'class_name': 'b'},
    ]


def test_scores_and_frames():
    geojson = boxes_to_geojson(
        BOXES,
        [0, 1],
        IdentityCRSTransformer(),
        CLASSES,
        scores=[0.5, [0.25, 0.75]],
        bbox=Box(10, 20, 100, 100),
    )
    first, second = geojson['features']
    assert shape(first['geometry']).equals(shapely.box(20, 10, 22, 12))
    assert first['properties']['score'] == 0.5
    assert second['properties']['scores'] == [0.25, 0.75]


def test_no_boxes():
    assert boxes_to_geojson([], [], IdentityCRSTransformer(), CLASSES)['features'] == []
