"""Pipelines whose results are cells: windows in parts, resume, splits, bundles."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from PIL import Image
from unit.core.rv_pipeline.cell_pipeline import (
    COMMANDS,
    counted,
    num_windows,
    outputs,
    outputs_of_splits,
    pipeline_of_values,
    pipelines_of_cells,
)
from unit.core.rv_pipeline.split_pipeline import run

from rastervision.core.data import (
    ChipClassificationLabels,
    ClassConfig,
)
from rastervision.core.predictor import Predictor, ScenePredictor
from rastervision.core.rv_pipeline import (
    ChipClassification,
    preview,
)
from rastervision.pipeline.cli import main
from rastervision.pipeline.errors import ConfigError, StageError


@pytest.fixture
def make_pipeline(make_scene, tmp_path):
    """Return a function that makes a pipeline over two scenes, below a root of its own."""
    return pipelines_of_cells(make_scene, tmp_path)


def test_outputs_are_the_same_whatever_the_splits(make_pipeline):
    assert set(outputs_of_splits(make_pipeline)) == {
        'predict/tall.json',
        'predict/b.json',
        'eval/validation_scenes/eval.json',
        'eval/validation_scenes/preview.png',
    }


def test_cells_are_found_and_scored(make_pipeline):
    pipeline = make_pipeline()
    for command in COMMANDS:
        run(pipeline, command)
    scores = json.loads(Path(pipeline.config.eval_uri, 'validation_scenes/eval.json').read_text())
    building, ground, _ = scores['overall']
    assert building['gt_count'] > 5
    assert min(building['metrics']['f1'], ground['metrics']['f1']) > 0.6
    assert set(scores['per_scene']) == {'tall', 'b'}
    labels = pipeline.build_scene(pipeline.config.dataset.validation_scenes[0])
    assert len(labels.label_store.get_labels()) == 125 * 3
    assert 'building' in pipeline.summary()


def test_the_picture_shows_the_image_through_the_colours_of_cells(make_pipeline):
    pipeline = make_pipeline()
    pipeline.predict()
    pipeline.eval()
    scene = pipeline.build_scene(pipeline.config.dataset.validation_scenes[1])
    picture = np.asarray(Image.open(f'{pipeline.config.eval_uri}/validation_scenes/preview.png'))
    labels = scene.label_store.get_labels()
    colors = np.array(pipeline.config.dataset.class_config.rgb_colors)
    top = 2 * (preview.GAP + preview.CAPTION) + preview.MAX_SIDE  # below the other scene
    left = preview.GAP + 2 * (90 + preview.GAP)
    for cell in labels:
        image = picture[top + cell.ymin, preview.GAP + cell.xmin].astype(float)
        ours = picture[top + cell.ymin, left + cell.xmin]
        mixed = (image + colors[labels.get_cell_class_id(cell)]) / 2
        np.testing.assert_array_equal(ours, np.rint(mixed))


def test_a_prediction_goes_on_where_it_stopped(make_pipeline, caplog):
    whole, resumed = make_pipeline('whole'), make_pipeline('resumed', fail_at=300)
    whole.predict()
    with pytest.raises(StageError, match='2 of 2 scenes:\n  tall: power cut'):
        resumed.predict()
    assert 'predict/tall.json' not in outputs(resumed)
    resumed.config.backend.fail_at = 0
    before = counted(resumed)
    with caplog.at_level('INFO'):
        resumed.predict()
    assert 'tall, continuing: 4 of 6 parts are there' in caplog.text
    assert counted(resumed) - before == 125 * 3 - 4 * 70 + 9 * 12
    assert outputs(resumed) == outputs(whole)


def test_finished_scenes_are_skipped_and_others_not(make_pipeline, tmp_path):
    pipeline = make_pipeline()
    pipeline.predict()
    count = counted(pipeline)
    for num_splits in (1, 2):
        run(pipeline, 'predict', num_splits)
    assert counted(pipeline) == count
    os.utime(tmp_path / 'b.tif')
    pipeline.predict()
    assert counted(pipeline) == count + 9 * 12
    pipeline.config.backend.weights = 'two'
    pipeline.predict()
    assert counted(pipeline) == 2 * count + 9 * 12


def test_a_file_of_somebody_else_is_no_finished_prediction(make_pipeline):
    pipeline = make_pipeline()
    pipeline.predict()
    for uri in ('tall.json', 'b.json'):
        path = Path(pipeline.config.predict_uri, uri)
        collection = json.loads(path.read_text())
        del collection['prediction']
        path.write_text(json.dumps(collection))
    scenes = [pipeline.build_scene(s) for s in pipeline.config.dataset.validation_scenes]
    assert not any(map(pipeline.is_predicted, scenes))


class Hooked(ChipClassification):
    """Turns all predictions around."""

    def post_process_predictions(self, labels, scene):
        return ChipClassificationLabels.from_arrays(labels.cells, 1 - labels.class_ids)


@pytest.mark.parametrize('num_splits', [1, 2])
def test_whole_predictions_can_be_changed(make_pipeline, num_splits):
    pipeline, hooked = make_pipeline('ours'), make_pipeline('hooked', Hooked)
    run(pipeline, 'predict', num_splits)
    run(hooked, 'predict', num_splits)
    for config, hooked_config in zip(
        pipeline.config.dataset.validation_scenes,
        hooked.config.dataset.validation_scenes,
        strict=True,
    ):
        labels = pipeline.build_scene(config).label_store.get_labels()
        turned = pipeline.build_scene(hooked_config).label_store.get_labels()
        np.testing.assert_array_equal(turned.class_ids, 1 - labels.class_ids)


class Kept(ChipClassification):
    """Looks at predictions without changing them."""

    def post_process_predictions(self, labels, scene):
        return labels


def remove_data(path):
    """Let 16 rows of an image be nodata."""
    with rasterio.open(path, 'r+') as dataset:
        dataset.nodata = 0
        pixels = dataset.read()
        pixels[:, :16] = 0
        dataset.write(pixels)


def test_predictions_in_memory_are_those_in_parts(make_pipeline, tmp_path):
    remove_data(tmp_path / 'b.tif')
    found = []
    for name, cls in (('ours', ChipClassification), ('kept', Kept)):
        pipeline = make_pipeline(name, cls)
        pipeline.predict()
        scenes = pipeline.config.dataset.validation_scenes
        found.append([pipeline.build_scene(s).label_store.get_labels() for s in scenes])
    assert found[0] == found[1]
    assert found[0][1].nodata.any()


@pytest.mark.parametrize('null_class', [None, 'null', 'ground'])
def test_cells_without_data(make_pipeline, tmp_path, null_class):
    remove_data(tmp_path / 'b.tif')
    pipeline = make_pipeline()
    classes = pipeline.config.dataset.class_config
    if null_class == 'null':
        classes.names.append('null')
        classes.colors = None
    pipeline.config.dataset.class_config = ClassConfig(names=classes.names, null_class=null_class)
    pipeline.predict()
    pipeline.eval()
    scene = pipeline.build_scene(pipeline.config.dataset.validation_scenes[1])
    labels = scene.label_store.get_labels()
    empty = labels.cells[:, 2] <= 16
    assert empty.sum() == 24
    np.testing.assert_array_equal(labels.nodata, empty)
    if null_class is not None:
        null_id = pipeline.config.dataset.class_config.null_class_id
        assert set(labels.class_ids[empty]) == {null_id}
    scores = json.loads(Path(pipeline.config.eval_uri, 'validation_scenes/eval.json').read_text())
    assert sum(item['gt_count'] for item in scores['per_scene']['b'][:-1]) == 9 * 12 - 24


def test_regression_of_cells(make_scene, tmp_path):
    pipeline = pipeline_of_values(make_scene('b', 2), tmp_path, 'brightness', 'rest')
    found = []
    for num_splits in (1, 2):
        for command in COMMANDS:
            run(pipeline, command, num_splits)
        found.append(outputs(pipeline))
    assert found[0] == found[1]
    scores = json.loads(found[0]['eval/validation_scenes/eval.json'])
    brightness = scores['overall'][0]
    scene = pipeline.build_scene(pipeline.config.dataset.validation_scenes[0])
    predicted = scene.label_store.get_labels()
    truth = scene.label_source.values_at(predicted.cells)
    known = ~np.isnan(truth[:, 0])
    assert brightness['count'] == known.sum() > 5
    error = (predicted.values - truth)[known, 0]
    assert brightness['metrics']['mae'] == pytest.approx(np.abs(error).mean())
    assert 'brightness' in pipeline.summary()
    assert found[0]['eval/validation_scenes/preview.png'].startswith(b'\x89PNG')


# --- bundles


@pytest.fixture
def bundle(make_pipeline):
    pipeline = make_pipeline()
    for command in ('analyze', 'train', 'bundle'):
        run(pipeline, command) if command == 'analyze' else getattr(pipeline, command)()
    assert 'new-prediction.json' in pipeline.summary()
    return f'{pipeline.config.bundle_uri}/model-bundle.zip'


def invoke(*args, code=0):
    result = CliRunner().invoke(main, ['predict', *map(str, args)])
    assert result.exit_code == code, result.output
    return result.output


def test_images_get_a_file_each(bundle, tmp_path):
    images = [tmp_path / 'b.tif', tmp_path / 'tall.tif']
    invoke(bundle, *images, tmp_path / 'out')
    assert {p.name for p in (tmp_path / 'out').iterdir()} == {'b.json', 'tall.json'}
    invoke(bundle, images[0], tmp_path / 'one.geojson')
    invoke(bundle, images[0], tmp_path / 'out')  # a folder that is there
    invoke(bundle, images[0], f'{tmp_path}/new/')
    assert f'{tmp_path}/two.json\n' in invoke(bundle, images[0], tmp_path / 'two')
    names = ['one.geojson', 'out/b.json', 'new/b.json', 'two.json']
    files = [tmp_path / name for name in names]
    assert len({path.read_bytes() for path in files}) == 1
    count = num_windows(tmp_path / 'root/windows.txt')
    assert '2 finished before' in invoke(bundle, *images, tmp_path / 'out')
    invoke(bundle, images[0], tmp_path / 'one.geojson')
    assert num_windows(tmp_path / 'root/windows.txt') == count


def test_cells_without_a_crs_are_warned_of(bundle, tmp_path, caplog):
    with rasterio.open(tmp_path / 'b.tif') as dataset:
        profile, pixels = dataset.profile, dataset.read()
    profile['crs'] = None
    with rasterio.open(tmp_path / 'x.tif', 'w', **profile) as dataset:
        dataset.write(pixels)
    invoke(bundle, tmp_path / 'b.tif', tmp_path / 'b.json')
    assert 'has no CRS' not in caplog.text
    invoke(bundle, tmp_path / 'x.tif', tmp_path / 'x.json')
    assert 'x.tif has no CRS: its polygons will be in pixel coordinates' in caplog.text


def test_scenes_are_predicted_into_their_store(bundle, make_pipeline, tmp_path):
    pipeline = make_pipeline('own')
    pipeline.predict()
    expected = Path(pipeline.config.predict_uri, 'b.json').read_bytes()
    config = pipeline.config.dataset.validation_scenes[1].copy()
    config.label_store.uri = str(tmp_path / 'out/scene.json')
    predictor = ScenePredictor(bundle, tmp_dir=str(tmp_path / 'p'))
    log = tmp_path / 'root/windows.txt'
    for skip_finished, windows in ((True, 108), (True, 108), (False, 216)):
        predictor.predict(config, skip_finished)
        assert num_windows(log) == windows
    assert (tmp_path / 'out/scene.json').read_bytes() == expected


@pytest.mark.parametrize(
    ('args', 'message'),
    [(['--scores', 'uint8'], '--scores'), (['--no-polygons'], '--no-polygons')],
)
def test_options_of_rasters_are_refused(bundle, tmp_path, args, message):
    output = invoke(bundle, tmp_path / 'b.tif', tmp_path / 'out', *args, code=1)
    assert message in output
    assert 'writes one file for an image' in output
    with pytest.raises(ConfigError, match='polygons=False'):
        Predictor(bundle, str(tmp_path), polygons=False)
