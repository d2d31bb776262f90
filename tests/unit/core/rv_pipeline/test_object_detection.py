"""The object detection pipeline: chips with boxes, windows in parts, seams, splits, scores."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image
from unit.core.rv_pipeline.box_pipeline import (
    BOXES,
    SIZE,
    BrightBackend,
    BrightBackendConfig,
    pipelines_of_boxes,
)

from rastervision.core.data import (
    ObjectDetectionGeoJSONStoreConfig,
    ObjectDetectionLabels,
)
from rastervision.core.evaluation import ObjectDetectionEvaluatorConfig
from rastervision.core.rv_pipeline import (
    ObjectDetection,
    ObjectDetectionConfig,
    ObjectDetectionPredictOptions,
    preview,
)
from rastervision.pipeline.errors import ConfigError, StageError


@pytest.fixture
def make_pipeline(tmp_path):
    """Return a function that makes a pipeline over the scene, below a root of its own."""
    return pipelines_of_boxes(tmp_path)


def outputs(pipeline):
    root = Path(pipeline.config.root_uri)
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob('*') if p.is_file()}


def predicted(pipeline) -> ObjectDetectionLabels:
    return pipeline.build_scene(
        pipeline.config.dataset.validation_scenes[0]
    ).label_store.get_labels()


def test_defaults(make_pipeline):
    config = make_pipeline().config
    assert config.predict_options.stride == 20
    assert (config.predict_options.merge_thresh, config.predict_options.score_thresh) == (0.5, 0.5)
    assert config.evaluators == [ObjectDetectionEvaluatorConfig(output_uri=config.eval_uri)]
    store = config.dataset.validation_scenes[0].label_store
    assert store == ObjectDetectionGeoJSONStoreConfig(uri=f'{config.predict_uri}/v.json')
    assert ObjectDetectionConfig.from_dict(config.to_dict()) == config


def test_objects_that_windows_cut_are_found_whole_and_once(make_pipeline):
    pipeline = make_pipeline()
    pipeline.predict()
    pipeline.eval()
    boxes = sorted(predicted(pipeline).get_npboxes().round(3).tolist())
    assert boxes == sorted(BOXES)
    scores = json.loads(outputs(pipeline)['eval/validation_scenes/eval.json'])
    item = scores['overall'][0]
    assert item['metrics']['f1'] == item['metrics']['ap'] == 1
    assert 'ap50' in pipeline.summary()


def test_the_picture_shows_outlines_on_the_image(make_pipeline):
    pipeline = make_pipeline()
    pipeline.predict()
    pipeline.eval()
    uri = f'{pipeline.config.eval_uri}/validation_scenes/preview.png'
    picture = np.asarray(Image.open(uri))
    height, width = SIZE
    left, top = preview.GAP, preview.GAP + preview.CAPTION
    image, truth, found = (
        picture[top : top + height, left + i * (width + preview.GAP) :][:, :width] for i in range(3)
    )
    np.testing.assert_array_equal(truth, found)
    color = pipeline.config.dataset.class_config.rgb_colors[0]
    outlines = np.zeros(SIZE, dtype=bool)
    for y0, x0, y1, x1 in BOXES:
        outlines[y0:y1, x0:x1] = True
        outlines[y0 + 1 : y1 - 1, x0 + 1 : x1 - 1] = False
    np.testing.assert_array_equal(truth[outlines], [color] * outlines.sum())
    np.testing.assert_array_equal(truth[~outlines], image[~outlines])


def test_outputs_are_the_same_whatever_the_splits(make_pipeline):
    found = []
    for num_splits in (1, 2, 5):
        pipeline = make_pipeline(str(num_splits))
        for command in ('predict', 'eval'):
            for i in range(num_splits):
                getattr(pipeline, command)(i, num_splits)
            if num_splits > 1:
                getattr(pipeline, f'finish_{command}')(num_splits)
        found.append(outputs(pipeline))
    evaluated = {f'eval/validation_scenes/{name}' for name in ('eval.json', 'preview.png')}
    assert set(found[0]) == {'predict/v.json', *evaluated}
    assert all(other == found[0] for other in found[1:])


def test_a_scene_without_windows_is_written_by_one_split(make_pipeline, tmp_path):
    document = json.loads((tmp_path / 'labels.json').read_text())
    document['features'] = document['features'][1:2]  # between the windows of this stride
    (tmp_path / 'aoi.json').write_text(json.dumps(document))
    found = []
    for num_splits in (1, 2, 5):
        pipeline = make_pipeline(str(num_splits), aoi_only=True)
        pipeline.config.predict_options.chip_sz = 20
        pipeline.config.predict_options.stride = 60
        scene = pipeline.config.dataset.validation_scenes[0]
        scene.aoi_uris = [str(tmp_path / 'aoi.json')]
        for i in range(num_splits):
            pipeline.predict(i, num_splits)
        if num_splits > 1:
            pipeline.finish_predict(num_splits)
        found.append(outputs(pipeline))
        assert len(predicted(pipeline)) == 0
    assert set(found[0]) == {'predict/v.json'}
    assert all(other == found[0] for other in found[1:])


@pytest.fixture
def aoi_only(make_pipeline, tmp_path):
    """Return a function that makes a pipeline for the part of the scene with three of the boxes."""
    area = shapely.box(20, 35, 110, 80)  # one of the boxes lies within, two touch it
    on_map = shapely.transform(area, lambda xy: np.array([5e5, 5e6]) + xy * np.array([1, -1]))
    document = json.loads(shapely.to_geojson(on_map))
    document['crs'] = {'type': 'name', 'properties': {'name': 'EPSG:32633'}}
    (tmp_path / 'aoi.json').write_text(json.dumps(document))

    def make(name):
        pipeline = make_pipeline(name, stride=5, aoi_only=True)
        scene = pipeline.config.dataset.validation_scenes[0]
        scene.aoi_uris = [str(tmp_path / 'aoi.json')]
        assert len(pipeline.scene_plan(pipeline.build_scene(scene)).parts) > 2
        return pipeline

    return make


def run(pipeline, command, num_splits):
    for i in range(num_splits):
        getattr(pipeline, command)(i, num_splits)
    if num_splits > 1:
        getattr(pipeline, f'finish_{command}')(num_splits)


def test_boxes_that_touch_areas_of_interest_are_found_whole(aoi_only):
    pipeline = aoi_only('root')
    pipeline.predict()
    boxes = sorted(predicted(pipeline).get_npboxes().round(3).tolist())
    assert boxes == sorted(BOXES[1:4])


def test_splits_change_no_byte_of_areas_of_interest(aoi_only):
    found = []
    for num_splits in (1, 2, 5):
        pipeline = aoi_only(str(num_splits))
        for command in ('predict', 'eval'):
            run(pipeline, command, num_splits)
        found.append(outputs(pipeline))
    assert all(other == found[0] for other in found[1:])


@pytest.mark.parametrize('num_splits', [1, 2])
def test_areas_of_interest_go_on_where_they_stopped(aoi_only, monkeypatch, num_splits):
    whole, resumed = aoi_only('whole'), aoi_only('resumed')
    whole.predict()
    find, seen = BrightBackend.predict_windows, []

    def cut_off(self, scene, windows, predict_options):
        for result in find(self, scene, windows, predict_options):
            if len(seen) == 100:
                raise StageError('power cut')
            seen.append(result.window)
            yield result

    with monkeypatch.context() as patch:
        patch.setattr(BrightBackend, 'predict_windows', cut_off)
        with pytest.raises(StageError, match='power cut'):
            run(resumed, 'predict', num_splits)
    again = []
    monkeypatch.setattr(
        BrightBackend,
        'predict_windows',
        lambda *args: (again.append(result) or result for result in find(*args)),
    )
    run(resumed, 'predict', num_splits)
    assert outputs(resumed) == outputs(whole)
    (scene,) = whole.config.dataset.validation_scenes
    total = len(whole.scene_plan(whole.build_scene(scene)).windows)
    assert total <= len(seen) + len(again) < total + 70  # a part is lost


def test_options_decide_what_is_kept(make_pipeline):
    none = make_pipeline('none', score_thresh=1.0)
    none.predict()
    assert len(predicted(none)) == 0
    unmerged = make_pipeline('unmerged', merge_thresh=1.0)
    unmerged.predict()
    assert len(predicted(unmerged)) > 2 * len(BOXES)


def test_windows_without_data_have_no_objects(make_pipeline, tmp_path):
    pipeline = make_pipeline()
    with rasterio.open(tmp_path / 'image.tif', 'r+') as dataset:
        dataset.nodata = 200  # what is bright is no data, but seen by the model
        dataset.write(np.full((1, *SIZE), 200, dtype=np.uint8))
    pipeline.predict()
    assert len(predicted(pipeline)) == 0


class WholeBackend(BrightBackend):
    """Gives what it finds in all windows, without joining it, as backends of 0.31 did."""

    def predict_scene(self, scene, predict_options):
        windows = scene.extent.get_windows(predict_options.chip_sz, predict_options.stride)
        found = self.predict_windows(scene, windows, predict_options)
        return ObjectDetectionLabels.from_predictions(
            windows,
            [{name: getattr(r, name) for name in ('boxes', 'class_ids', 'scores')} for r in found],
        )


class Hooked(ObjectDetection):
    """Keeps two boxes."""

    def post_process_predictions(self, labels, scene):
        return super().post_process_predictions(labels, scene).take(slice(2))


def test_backends_that_predict_whole_scenes(make_pipeline, monkeypatch):
    pipeline = make_pipeline()
    pipeline.backend = WholeBackend(None)
    monkeypatch.setattr(BrightBackendConfig, 'build', lambda self, *_: WholeBackend(self))
    pipeline.predict()
    found = predicted(pipeline)
    assert len(BOXES) <= len(found) < 3 * len(BOXES)
    pruned = ObjectDetectionLabels.prune_duplicates(found, 0.5, 0.5)
    assert len(pruned) == len(found)
    hooked = Hooked(pipeline.config, pipeline.tmp_dir)
    hooked.predict()
    assert len(predicted(pipeline)) == 2


@pytest.mark.parametrize(
    ('field', 'value'), [('merge_thresh', 1.5), ('score_thresh', -0.1), ('stride', 0)]
)
def test_options_that_make_no_sense(field, value):
    with pytest.raises(ConfigError, match=field):
        ObjectDetectionPredictOptions(**{field: value}).validate_config()
