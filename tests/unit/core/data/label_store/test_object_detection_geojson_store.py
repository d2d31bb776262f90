import json

import numpy as np
import pytest
from affine import Affine

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationGeoJSONStore,
    ChipClassificationLabels,
    ClassConfig,
    IdentityCRSTransformer,
    ObjectDetectionGeoJSONStore,
    ObjectDetectionGeoJSONStoreConfig,
    ObjectDetectionLabels,
    RasterioCRSTransformer,
)
from rastervision.pipeline.errors import ConfigError, NotReadableError

CLASSES = ClassConfig(names=['a', 'b', 'c'])
UTM = RasterioCRSTransformer(Affine(0.3, 0, 500_000, 0, -0.3, 5_000_000), 'EPSG:32633')


def random_labels(n: int = 50) -> ObjectDetectionLabels:
    rng = np.random.default_rng(0)
    starts = rng.uniform(0, 100, (n, 2))
    boxes = np.hstack([starts, starts + rng.uniform(1, 20, (n, 2))])
    return ObjectDetectionLabels(boxes, rng.integers(0, 3, n), rng.random(n).astype(np.float32))


@pytest.mark.parametrize('bbox', [None, Box(0, 0, 150, 150), Box(40, 30, 400, 500)])
@pytest.mark.parametrize('transformer', [UTM, IdentityCRSTransformer()])
def test_labels_come_back_as_they_were_saved(tmp_path, transformer, bbox):
    labels = random_labels()
    store = ObjectDetectionGeoJSONStore(str(tmp_path / 'p.json'), CLASSES, transformer, bbox)
    store.save(labels)
    read = store.get_labels()
    # coordinates of UTM are longitude and latitude in the file
    np.testing.assert_allclose(read.get_npboxes(), labels.get_npboxes(), atol=1e-3)
    assert np.array_equal(read.get_class_ids(), labels.get_class_ids())
    assert np.array_equal(read.get_scores(), labels.get_scores().astype(float))


@pytest.mark.parametrize('transformer', [UTM, IdentityCRSTransformer()])
@pytest.mark.parametrize(('suffix', 'head'), [('gpkg', b'SQLite format 3'), ('parquet', b'PAR1')])
def test_other_formats_are_what_their_suffix_says(tmp_path, transformer, suffix, head):
    path = tmp_path / f'p.{suffix}'
    bbox = Box(40, 30, 400, 500)
    boxes = random_labels()
    store = ObjectDetectionGeoJSONStore(str(path), CLASSES, transformer, bbox)
    store.save(boxes, key='abc')
    assert path.read_bytes().startswith(head)
    assert not store.is_predicted('abc')  # which nothing in the file says
    read = store.get_labels()
    np.testing.assert_allclose(read.get_npboxes(), boxes.get_npboxes(), atol=1e-3)
    assert np.array_equal(read.get_class_ids(), boxes.get_class_ids())
    np.testing.assert_allclose(read.get_scores(), boxes.get_scores())
    cells = ChipClassificationLabels.from_predictions(
        [Box(0, 0, 10, 10), Box(0, 10, 10, 20)], np.array([[0.5, 0.25, 0.25], [0, 0.25, 0.75]])
    )
    store = ChipClassificationGeoJSONStore(str(path), CLASSES, transformer, bbox)
    store.save(cells)
    read = store.get_labels()
    assert list(read.class_ids) == [0, 2]
    assert np.asarray(read.get_scores()).tolist() == [[0.5, 0.25, 0.25], [0, 0.25, 0.75]]
    store.save(ChipClassificationLabels({}))
    assert len(store.get_labels()) == 0


@pytest.mark.parametrize('name', ['p.shp', 'p.json.gz', 'p.tif'])
def test_formats_that_are_not_written_are_refused(tmp_path, name):
    path = tmp_path / name
    config = ObjectDetectionGeoJSONStoreConfig(uri=str(path))
    message = rf'{name}: predictions are written as GeoJSON .* but not as'
    with pytest.raises(ConfigError, match=message):
        config.validate_config()
    with pytest.raises(ConfigError, match=message):
        config.build(CLASSES, UTM)
    with pytest.raises(ConfigError, match=message):
        ObjectDetectionGeoJSONStore(str(path), CLASSES, UTM).save(random_labels())
    assert not path.exists()


def test_no_boxes_are_a_file_too(tmp_path):
    store = ObjectDetectionGeoJSONStore(str(tmp_path / 'p.json'), CLASSES, UTM)
    store.save(ObjectDetectionLabels.make_empty())
    assert len(store.get_labels()) == 0
    assert json.loads((tmp_path / 'p.json').read_text()) == {
        'type': 'FeatureCollection',
        'features': [],
    }


def test_the_file_says_what_it_was_made_from(tmp_path):
    store = ObjectDetectionGeoJSONStore(str(tmp_path / 'p.json'), CLASSES, UTM)
    store.save(random_labels(), key='abc')
    assert store.is_predicted('abc')
    assert not store.is_predicted('abd')
    assert len(store.get_labels()) == 50
    store.save(random_labels())
    assert not store.is_predicted('abc')


@pytest.mark.parametrize('count', [0, 1, 50])
def test_a_damaged_file_is_no_finished_prediction(tmp_path, count):
    path = tmp_path / 'p.json'
    store = ObjectDetectionGeoJSONStore(str(path), CLASSES, UTM)
    store.save(random_labels(count), key='abc')
    content = path.read_bytes()
    assert store.is_predicted('abc')
    for size in {*range(len(content) - 400, len(content)), len(content) // 2, 0} & {
        *range(len(content))
    }:
        path.write_bytes(content[:size])
        assert not store.is_predicted('abc'), content[:size][-40:]
    path.write_bytes(content[:-100] + bytes(100))  # as a crash of the machine leaves it
    assert not store.is_predicted('abc')
    path.write_bytes(content + b'\n')
    assert store.is_predicted('abc')


def test_classes_of_files_of_others_are_known_by_name(tmp_path):
    ring = [[1, 2], [5, 2], [5, 9], [1, 9], [1, 2]]
    feature = {
        'type': 'Feature',
        'geometry': {'type': 'Polygon', 'coordinates': [ring]},
        'properties': {'class_name': 'c'},
    }
    path = tmp_path / 'p.json'
    path.write_text(json.dumps({'type': 'FeatureCollection', 'features': [feature]}))
    labels = ObjectDetectionGeoJSONStore(str(path), CLASSES, IdentityCRSTransformer()).get_labels()
    labels.assert_equal(ObjectDetectionLabels([[2, 1, 9, 5]], [2], [1]))


def test_nothing_predicted_yet(tmp_path):
    store = ObjectDetectionGeoJSONStore(str(tmp_path / 'p.json'), CLASSES, UTM)
    with pytest.raises(NotReadableError, match=r'p\.json'):
        store.get_labels()


def test_config():
    with pytest.raises(ConfigError, match='uri of the label store is not set'):
        ObjectDetectionGeoJSONStoreConfig().build(CLASSES, UTM)
    store = ObjectDetectionGeoJSONStoreConfig(uri='x.json').build(CLASSES, UTM, Box(1, 2, 3, 4))
    assert (store.uri, store.bbox) == ('x.json', Box(1, 2, 3, 4))
