import json

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

from rastervision.core.box import Box
from rastervision.core.data import (
    ClassConfig,
    RasterioSource,
    Scene,
    SemanticSegmentationLabels,
    SemanticSegmentationLabelSource,
    SemanticSegmentationLabelStore,
)
from rastervision.core.evaluation import (
    SemanticSegmentationEvaluator,
    SemanticSegmentationEvaluatorConfig,
    semantic_segmentation_evaluator,
)
from rastervision.core.evaluation.confusion import confusion_matrix
from rastervision.pipeline.errors import ConfigError, NotReadableError

SIZE = (70, 90)
EXTENT = Box(0, 0, *SIZE)


@pytest.fixture
def write_raster(tmp_path):
    def write(name, pixels, **profile):
        profile |= {'crs': 'EPSG:32633', 'transform': Affine(1, 0, 500_000, 0, -1, 5_000_000)}
        h, w = pixels.shape
        with rasterio.open(tmp_path / name, 'w', 'GTiff', w, h, 1, dtype='uint8', **profile) as out:
            out.write(pixels, 1)
        return str(tmp_path / name)

    return write


@pytest.fixture
def make_scene(tmp_path, write_raster):
    """A scene from arrays of true and predicted ids, with pixels of 0 as nodata in the image."""

    def make(truth, predicted, classes, image=None, scene_id='s', aoi=None, unlabelled=None):
        image = np.ones(SIZE, np.uint8) if image is None else image
        source = RasterioSource(write_raster(f'{scene_id}.tif', image, nodata=0))
        labels = RasterioSource(write_raster(f'{scene_id}-truth.tif', truth, nodata=unlabelled))
        label_source = SemanticSegmentationLabelSource(labels, classes)
        uri = str(tmp_path / 'predict' / scene_id)
        store = SemanticSegmentationLabelStore(
            uri, source.crs_transformer, classes, bbox=source.bbox
        )
        if predicted is not None:
            in_memory = SemanticSegmentationLabels.make_empty(EXTENT, len(classes))
            in_memory[EXTENT] = predicted
            store.save(in_memory)
        return Scene(scene_id, source, label_source, store, aoi_polygons=aoi)

    return make


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    return rng.integers(0, 3, (2, *SIZE), dtype=np.uint8)


REAL = ClassConfig(names=['a', 'b', 'background'], null_class='background')
WITH_NULL = ClassConfig(names=['a', 'b', 'null'])


def confusion_of(evaluator, scene):
    return evaluator.evaluate_scene(scene).conf_mat


@pytest.mark.parametrize('window_size', [13, 64, 500])
def test_all_pixels_count_for_a_real_null_class(make_scene, maps, monkeypatch, window_size):
    monkeypatch.setattr(semantic_segmentation_evaluator, 'WINDOW_SIZE', window_size)
    scene = make_scene(*maps, REAL)
    expected = confusion_matrix(*maps, 3)
    np.testing.assert_array_equal(
        confusion_of(SemanticSegmentationEvaluator(REAL), scene), expected
    )
    assert expected.sum() == EXTENT.area


def test_null_pixels_of_the_truth_are_left_out(make_scene, maps):
    truth, predicted = maps
    confusion = confusion_of(
        SemanticSegmentationEvaluator(WITH_NULL), make_scene(truth, predicted, WITH_NULL)
    )
    np.testing.assert_array_equal(confusion, confusion_matrix(truth, predicted, 3, truth != 2))
    # a model that says null where there is data is wrong
    assert confusion[:2, 2].sum() > 0


@pytest.mark.parametrize('classes', [REAL, WITH_NULL])
def test_pixels_without_image_data_are_left_out(make_scene, maps, classes):
    truth, predicted = maps
    image = np.random.default_rng(1).integers(0, 2, SIZE, dtype=np.uint8)
    predicted[image == 0] = 2  # as the label store writes them
    keep = image != 0
    if classes is WITH_NULL:
        keep &= truth != 2
    np.testing.assert_array_equal(
        confusion_of(
            SemanticSegmentationEvaluator(classes), make_scene(truth, predicted, classes, image)
        ),
        confusion_matrix(truth, predicted, 3, keep),
    )


@pytest.mark.parametrize('classes', [REAL, WITH_NULL])
def test_pixels_without_a_label_are_left_out(make_scene, maps, classes):
    truth, predicted = maps
    truth[20:30] = 255
    scene = make_scene(truth, predicted, classes, unlabelled=255)
    keep = truth != 255
    if classes is WITH_NULL:
        keep &= truth != 2
    np.testing.assert_array_equal(
        confusion_of(SemanticSegmentationEvaluator(classes), scene),
        confusion_matrix(truth, predicted, 3, keep),
    )


@pytest.mark.parametrize('unlabelled', [None, 255])
def test_beyond_the_label_raster_is_the_null_class(make_scene, maps, unlabelled):
    truth, predicted = maps
    scene = make_scene(truth[:40, :60], predicted, REAL, unlabelled=unlabelled)
    truth[40:], truth[:, 60:] = 2, 2
    np.testing.assert_array_equal(
        confusion_of(SemanticSegmentationEvaluator(REAL), scene),
        confusion_matrix(truth, predicted, 3),
    )


def test_classes_of_an_evaluator_need_no_null_class(make_scene, maps):
    truth, predicted = maps % 2
    image = np.ones(SIZE, np.uint8)
    image[:30], predicted[:30] = 0, 2
    scene = make_scene(truth, predicted, ClassConfig(names=['a', 'b', 'null']), image)
    evaluator = SemanticSegmentationEvaluator(ClassConfig(names=['a', 'b']))
    np.testing.assert_array_equal(
        confusion_of(evaluator, scene), confusion_matrix(truth, predicted, 2, image != 0)
    )


@pytest.mark.parametrize('classes', [REAL, WITH_NULL])
@pytest.mark.parametrize('window_size', [16, 500])
def test_pixels_outside_of_the_aoi_are_left_out(
    make_scene, maps, monkeypatch, classes, window_size
):
    monkeypatch.setattr(semantic_segmentation_evaluator, 'WINDOW_SIZE', window_size)
    scene = make_scene(
        *maps, classes, aoi=[shapely.box(10, 20, 50, 60), shapely.box(80, 0, 200, 5)]
    )
    keep = np.zeros(SIZE, bool)
    keep[20:60, 10:50] = keep[:5, 80:] = True
    if classes is WITH_NULL:
        keep &= maps[0] != 2
    np.testing.assert_array_equal(
        confusion_of(SemanticSegmentationEvaluator(classes), scene),
        confusion_matrix(*maps, 3, keep),
    )


def test_labels_in_memory_give_the_same(make_scene, maps):
    scene = make_scene(*maps, WITH_NULL)
    evaluator = SemanticSegmentationEvaluator(WITH_NULL)
    in_memory = evaluator.evaluate_predictions(
        scene.label_source.get_labels(), scene.label_store.get_labels()
    )
    assert in_memory.to_json() == evaluator.evaluate_scene(scene).to_json()


def test_process_writes_overall_and_per_scene(make_scene, maps, tmp_path):
    scenes = [
        make_scene(*maps, REAL, scene_id='one'),
        make_scene(*maps[::-1], REAL, scene_id='two'),
    ]
    uri = str(tmp_path / 'eval' / 'eval.json')
    SemanticSegmentationEvaluator(REAL, uri).process(scenes)
    written = json.loads((tmp_path / 'eval' / 'eval.json').read_text())
    assert list(written['per_scene']) == ['one', 'two']
    assert [item['class_name'] for item in written['overall']] == [*REAL.names, 'average']
    expected = confusion_matrix(*maps, 3)
    assert written['overall'][-1]['conf_mat'] == (expected + expected.T).tolist()
    assert written['per_scene']['one'][-1]['conf_mat'] == expected.tolist()


def test_a_scene_that_was_not_predicted_leaves_no_scores(make_scene, maps, tmp_path):
    scene = make_scene(maps[0], None, REAL)
    with pytest.raises(NotReadableError, match=r'predict/s/labels\.tif'):
        SemanticSegmentationEvaluator(REAL, str(tmp_path / 'eval.json')).process([scene])
    assert not (tmp_path / 'eval.json').exists()


def test_a_scene_needs_truth_and_predictions(make_scene, maps):
    scene = make_scene(*maps, REAL, scene_id='bare')
    scene.label_store = None
    with pytest.raises(ConfigError, match="Scene 'bare' has no label_store"):
        SemanticSegmentationEvaluator(REAL).evaluate_scene(scene)


def test_config_places_scores_by_scene_group():
    class Pipeline:
        eval_uri = 'out/eval'

    config = SemanticSegmentationEvaluatorConfig()
    with pytest.raises(ConfigError, match='output_uri'):
        config.build(REAL)
    config.update(pipeline=Pipeline())
    uris = [config.build(REAL, group).output_uri for group in (None, 'g', ('h', {'scene-1'}))]
    assert uris == ['out/eval/eval.json', 'out/eval/g/eval.json', 'out/eval/h/eval.json']
    config.update(pipeline=None)
    assert config.output_uri == 'out/eval'


def test_a_config_of_an_older_release_loads():
    upgrade = semantic_segmentation_evaluator.ss_evaluator_config_upgrader
    old = {'output_uri': 'x', 'vector_output_uri': None}
    assert upgrade(upgrade(old, 2), 3) == {'output_uri': 'x'}
