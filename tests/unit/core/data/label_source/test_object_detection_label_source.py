import json

import numpy as np
import pytest
import shapely

from rastervision.core.box import Box
from rastervision.core.data import (
    ClassConfig,
    ClassInferenceTransformerConfig,
    GeoJSONVectorSource,
    GeoJSONVectorSourceConfig,
    IdentityCRSTransformer,
    ObjectDetectionLabelSource,
    ObjectDetectionLabelSourceConfig,
    RasterioSource,
    Scene,
)
from rastervision.pipeline.errors import DataError

CLASSES = ClassConfig(names=['a', 'b'])


@pytest.fixture
def source(tmp_path):
    """Function that writes (geometry, properties) and makes a label source of them."""

    def make(features, **kwargs):
        path = tmp_path / 'labels.json'
        document = {
            'type': 'FeatureCollection',
            'features': [
                {'type': 'Feature', 'geometry': shapely.geometry.mapping(g), 'properties': row}
                for g, row in features
            ],
        }
        path.write_text(json.dumps(document))
        vectors = GeoJSONVectorSource(str(path), IdentityCRSTransformer())
        return ObjectDetectionLabelSource(vectors, **kwargs)

    return make


TWO = [
    (shapely.box(1, 2, 6, 9), {'class_id': 1}),
    (shapely.Polygon([(10, 2), (30, 2), (30, 9)]), {'class_id': 0, 'score': 0.5}),
]


def test_all_boxes_of_the_extent(source):
    labels = source(TWO, bbox=Box(0, 0, 20, 30)).get_labels()
    assert labels.get_npboxes().tolist() == [[2, 1, 9, 6], [2, 10, 9, 30]]
    assert labels.get_class_ids().tolist() == [1, 0]
    assert len(source(TWO, bbox=Box(10, 0, 20, 20)).get_labels()) == 0
    assert len(source(TWO, bbox=Box(9, 0, 20, 20)).get_labels()) == 0  # an edge is no area


def test_objects_over_the_edge_of_the_extent(source):
    """As release 0.31 gives them for these features."""
    squares = [(10, 10), (30, -1), (50, -2), (70, -3), (10, 95), (200, 200)]
    features = [(shapely.box(x, y, x + 10, y + 10), {'class_id': 0}) for x, y in squares]
    labels = source(features, bbox=Box(0, 0, 100, 100))
    kept = [[10, 10, 20, 20], [0, 30, 9, 40], [0, 50, 8, 60]]
    assert labels.get_labels().get_npboxes().tolist() == kept
    assert labels[Box(0, 20, 30, 60)][0].tolist() == [[0, 10, 9, 20], [0, 30, 8, 40]]
    labels.set_bbox(Box(5, 0, 100, 38))
    assert labels.get_labels().get_npboxes().tolist() == [[5, 10, 15, 20]]
    labels.set_bbox(Box(-2, 9, 100, 100))
    kept = [[12, 1, 22, 11], [1, 21, 11, 31], [0, 41, 10, 51], [0, 61, 9, 71]]
    assert labels.get_labels().get_npboxes().tolist() == kept
    labels.set_bbox(Box(0, 0, 100, 100))
    assert len(labels.get_labels()) == 3
    assert len(source(features).get_labels()) == 6  # without bbox, the extent is around all


def test_boxes_of_a_window(source):
    labels = source(TWO, bbox=Box(0, 0, 20, 40))
    window = Box(0, 0, 8, 12)
    assert labels.get_labels(window).get_npboxes().tolist() == [[2, 1, 9, 6], [2, 10, 9, 30]]
    assert len(labels.get_labels(window, ioa_thresh=0.5)) == 1
    clipped = labels.get_labels(window, clip=True).get_npboxes()
    assert clipped.tolist() == [[2, 1, 8, 6], [2, 10, 8, 12]]


def test_indexing_gives_boxes_from_the_corner_of_the_window(source):
    labels = source(TWO, bbox=Box(1, 1, 20, 40))
    boxes, class_ids, order = labels[Box(1, 0, 9, 8)]
    assert boxes.tolist() == [[0, 0, 7, 5]]
    assert class_ids.tolist() == [1]
    assert order == 'yxyx'
    assert np.array_equal(labels[1:9, :8][0], boxes)
    assert labels[1:9:2, 0:8:4][0].tolist() == [[0, 0, 3.5, 1.25]]
    strict = source(TWO, bbox=Box(0, 0, 20, 40), ioa_thresh=0.7, clip=True)
    assert strict[Box(0, 0, 8, 12)][0].tolist() == [[2, 1, 8, 6]]
    assert strict[Box(0, 20, 8, 40)][0].shape == (0, 4)


def test_without_bbox_the_labels_say_where_they_are(source):
    labels = source(TWO)
    assert labels.bbox == Box(2, 1, 9, 30)
    assert labels.extent == Box(0, 0, 7, 29)
    assert labels.get_labels().get_npboxes().tolist() == [[0, 0, 7, 5], [0, 9, 7, 29]]


def test_every_feature_needs_a_class(source):
    with pytest.raises(DataError, match=r'labels\.json: there are features without class_id'):
        source([(shapely.box(0, 0, 1, 1), {})])


def test_points_and_lines_are_no_objects(source):
    features = [(shapely.Point(1, 1), {'class_id': 0}), *TWO]
    with pytest.raises(DataError, match='features of type POINT; turn them into polygons by a buf'):
        source(features)
    labels = source(TWO)
    for geometry in ({'type': 'Point', 'coordinates': [1, 2]}, None):
        feature = {'type': 'Feature', 'geometry': geometry, 'properties': {'class_id': 0}}
        document = {'type': 'FeatureCollection', 'features': [feature]}
        if geometry is None:
            labels.validate_geojson(document)
        else:
            with pytest.raises(DataError, match='POINT'):
                labels.validate_geojson(document)


def test_a_scene_without_objects(source):
    labels = source([], bbox=Box(0, 0, 9, 9))
    assert len(labels.get_labels()) == 0
    assert labels[Box(0, 0, 5, 5)][0].shape == (0, 4)


def test_config_builds_boxes_on_the_pixels_of_a_scene(write_tif, write_geojson, box_ring):
    image = RasterioSource(write_tif('image.tif', np.ones((3, 40, 50), dtype=np.uint8)))
    image.set_bbox(Box(10, 20, 40, 50))
    point = {'type': 'Point', 'coordinates': [500_000 + 45.5, 5_000_000 - 35.5]}
    uri = write_geojson('l.json', [box_ring(12, 25, 18, 31), point], crs='EPSG:32633')
    config = ObjectDetectionLabelSourceConfig(
        vector_source=GeoJSONVectorSourceConfig(
            uris=uri, transformers=[ClassInferenceTransformerConfig(default_class_id=1)]
        )
    )
    config.update()
    labels = config.build(CLASSES, image.crs_transformer, image.bbox)
    scene = Scene('s', image, labels)
    chip, (boxes, class_ids, _) = scene[Box(0, 0, 20, 20)]
    assert chip.shape == (20, 20, 3)
    assert boxes.tolist() == [[2, 5, 8, 11]]
    assert class_ids.tolist() == [1]
    (around_point,) = scene.label_source[Box(20, 20, 30, 30)][0].tolist()
    assert around_point == [4, 4, 6, 6]  # a buffer of one pixel is the default
