"""The six commands of a pipeline, on a backend without torch."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from rastervision.core.data import SemanticSegmentationLabels
from rastervision.core.predictor import Predictor, ScenePredictor
from rastervision.core.rv_pipeline import SemanticSegmentation, SemanticSegmentationConfig
from rastervision.core.rv_pipeline.scenes import (
    evaluated_groups,
    predicted_scenes,
    scenes_of_group,
)
from rastervision.pipeline.errors import ConfigError, DataError, NotReadableError, StageError


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read(1)


def files(folder):
    return {p.relative_to(folder).as_posix() for p in Path(folder).rglob('*') if p.is_file()}


def test_all_commands_write_the_known_files(pipeline, tmp_path):
    for command in pipeline.commands:
        getattr(pipeline, command)()
    assert files(tmp_path / 'root') == {
        'analyze/stats/train_scenes/stats.json',
        'analyze/stats/validation_scenes/stats.json',
        'analyze/stats/test_scenes/stats.json',
        'chip/samples.json',
        'train/model-bundle.zip',
        'predict/val/labels.tif',
        'predict/val/prediction.json',
        'predict/test/labels.tif',
        'predict/test/prediction.json',
        'eval/validation_scenes/eval.json',
        'eval/validation_scenes/preview.png',
        'bundle/model-bundle.zip',
    }


def test_predictions_and_scores_are_those_of_the_model(pipeline, tmp_path, make_scene):
    pipeline.train()
    pipeline.predict()
    pipeline.eval()
    truth = make_scene('val', 3).truth
    np.testing.assert_array_equal(read(tmp_path / 'root/predict/val/labels.tif') == 0, truth)
    scores = json.loads((tmp_path / 'root/eval/validation_scenes/eval.json').read_text())
    assert scores['overall'][0]['metrics']['f1'] == 1
    assert list(scores['per_scene']) == ['val']


def test_predictions_are_the_same_with_and_without_a_stream(config, tmp_path):
    maps = []
    for streams in (True, False):
        cfg = config.copy()
        cfg.root_uri = str(tmp_path / f'root-{streams}')
        cfg.backend.streams = streams
        cfg.update()
        pipeline = cfg.build(str(tmp_path))
        pipeline.analyze()
        pipeline.train()
        pipeline.predict()
        maps.append(read(f'{cfg.predict_uri}/val/labels.tif'))
    np.testing.assert_array_equal(*maps)


def test_chips_of_all_splits_are_those_of_one(pipeline, tmp_path):
    def chips(num_splits):
        found = []
        for i in range(num_splits):
            pipeline.chip(split_ind=i, num_splits=num_splits)
            found += json.loads((tmp_path / 'root/chip/samples.json').read_text())
        return sorted(map(str, found))

    together = chips(1)
    assert together == chips(2) == chips(3)
    assert len(together) == 3 * 9  # three scenes of 70 x 90 pixels


def test_a_failing_scene_does_not_stop_the_others(pipeline, updated, tmp_path):
    pipeline.train()
    broken = Path(updated.dataset.validation_scenes[0].raster_source.uris)
    broken.write_bytes(b'no image')
    with pytest.raises(StageError, match=r'1 of 2 scenes:\n  val: .*val\.tif'):
        pipeline.predict()
    assert files(tmp_path / 'root/predict') == {'test/labels.tif', 'test/prediction.json'}


def test_a_scene_of_two_lists_is_there_once(dataset):
    dataset.test_scenes = [*dataset.test_scenes, dataset.validation_scenes[0]]
    assert [s.id for s in predicted_scenes(dataset)] == ['val', 'test']
    assert [s.id for s in scenes_of_group(dataset, {'val', 'train 2'})] == ['train 2', 'val']
    dataset.scene_groups = {'mine': {'val', 'test'}, 'train': {'train 1'}}
    groups = [(group, [s.id for s in scenes]) for group, scenes in evaluated_groups(dataset)]
    assert groups == [('mine', ['val'])]  # the test scene has no labels


def test_prediction_needs_a_model(pipeline):
    with pytest.raises(FileNotFoundError):
        pipeline.predict()


def test_evaluation_needs_predictions(pipeline):
    with pytest.raises(NotReadableError, match=r'labels\.tif'):
        pipeline.eval()


def test_prediction_needs_statistics(updated, tmp_path):
    pipeline = updated.build(str(tmp_path))
    pipeline.train()
    with pytest.raises(StageError, match='run the analyze command'):
        pipeline.predict()


def test_a_bundle_needs_a_model(pipeline):
    with pytest.raises(StageError, match='run the train command'):
        pipeline.bundle()


def test_chips_need_options(pipeline):
    pipeline.config.chip_options = None
    with pytest.raises(ConfigError, match='chip_options is not set'):
        pipeline.chip()


def test_chips_need_labels(pipeline):
    pipeline.config.dataset.train_scenes[1].label_source = None
    with pytest.raises(ConfigError, match=r"'train 2' .* no label_source"):
        pipeline.chip()


def test_statistics_are_of_the_train_scenes(pipeline, tmp_path):
    pipeline.analyze()
    stats = json.loads((tmp_path / 'root/analyze/stats/train_scenes/stats.json').read_text())
    assert len(stats['means']) == 3
    assert all(60 < mean < 200 for mean in stats['means'])


# --- hooks of third parties


class Hooked(SemanticSegmentation):
    """Overrides the hooks of release 0.31."""

    def get_train_windows(self, scene):
        return super().get_train_windows(scene)[:2]

    def post_process_sample(self, sample):
        sample.scene_id = f'my {sample.scene_id}'
        return sample

    def post_process_predictions(self, labels, scene):
        out = SemanticSegmentationLabels.make_empty(scene.extent, 3)
        out[scene.extent] = 1 - labels.get_label_arr(scene.extent)
        return out


def test_hooks_of_a_pipeline_are_called(pipeline, updated, tmp_path, make_scene):
    pipeline = Hooked(updated, str(tmp_path))
    pipeline.chip()
    samples = json.loads((tmp_path / 'root/chip/samples.json').read_text())
    assert [s[1] for s in samples] == ['my train 1'] * 2 + ['my train 2'] * 2 + ['my val'] * 2
    pipeline.train()
    pipeline.predict()
    truth = make_scene('val', 3).truth
    np.testing.assert_array_equal(read(tmp_path / 'root/predict/val/labels.tif') == 1, truth)


def test_training_can_start_from_a_bundle(pipeline, extract):
    pipeline.config.source_bundle_uri = '99'
    pipeline.train()
    folder = extract(f'{pipeline.config.train_uri}/model-bundle.zip')
    assert json.loads((folder / 'learner-config.json').read_text()) == {'threshold': 99.0}


# --- bundles


@pytest.fixture
def bundle(pipeline):
    for command in ('analyze', 'train', 'predict', 'bundle'):
        getattr(pipeline, command)()
    return f'{pipeline.config.bundle_uri}/model-bundle.zip'


def test_a_bundle_holds_config_model_statistics_and_description(bundle, extract, make_scene):
    folder = extract(bundle)
    assert files(folder) == {
        'pipeline-config.json',
        'model-bundle.zip',
        'stac-item.json',
        'manifest.json',
        'analyze/stats/train_scenes/stats.json',
        'analyze/stats/validation_scenes/stats.json',
        'analyze/stats/test_scenes/stats.json',
    }
    config = SemanticSegmentationConfig.from_file(str(folder / 'pipeline-config.json'))
    assert config.dataset.class_config.names == ['building', 'ground', 'null']
    item = json.loads((folder / 'stac-item.json').read_text())
    with rasterio.open(make_scene('train 1', 1).image) as dataset:
        assert item['bbox'] == pytest.approx(list(dataset.bounds))
    assert item['properties']['mlm:tasks'] == ['semantic-segmentation']
    scaling = item['properties']['mlm:input'][0]['value_scaling']
    stats = json.loads((folder / 'analyze/stats/train_scenes/stats.json').read_text())
    assert [s['mean'] for s in scaling] == stats['means']


@pytest.mark.parametrize('update_stats', [False, True])
def test_the_predictor_repeats_the_predict_command(bundle, tmp_path, update_stats, make_scene):
    predictor = Predictor(bundle, str(tmp_path / 'p'), update_stats=update_stats)
    predictor.predict([make_scene('val', 3).image], str(tmp_path / 'out'))
    ours, theirs = tmp_path / 'out/labels.tif', tmp_path / 'root/predict/val/labels.tif'
    assert ours.read_bytes() == theirs.read_bytes()


def test_the_predictor_takes_other_channels_and_statistics(bundle, tmp_path, make_scene):
    predictor = Predictor(
        bundle, str(tmp_path / 'p'), channel_order=[2, 2, 1], scene_group='test_scenes'
    )
    scene = predictor._scene([make_scene('val', 3).image], 'out')
    assert scene.raster_source.channel_order == [2, 2, 1]
    predictor._fill_stats(scene)
    assert 'test_scenes' in scene.raster_source.transformers[0].stats_uri


def test_an_unknown_scene_group_is_named(bundle, tmp_path, make_scene):
    predictor = Predictor(bundle, str(tmp_path / 'p'), scene_group='none')
    with pytest.raises(DataError, match=r"'none'; it has test_scenes, train_scenes"):
        predictor.predict([make_scene('val', 3).image], str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()


def test_the_scene_predictor_predicts_a_scene_config(bundle, tmp_path, updated):
    scene = updated.dataset.validation_scenes[0].copy()
    scene.label_source = None
    scene.raster_source.transformers[0].stats_uri = None
    scene.label_store.uri = str(tmp_path / 'out')
    scene.to_file(str(tmp_path / 'scene.json'))
    ScenePredictor(bundle, tmp_dir=str(tmp_path / 'p')).predict(str(tmp_path / 'scene.json'))
    ours, theirs = tmp_path / 'out/labels.tif', tmp_path / 'root/predict/val/labels.tif'
    assert ours.read_bytes() == theirs.read_bytes()


def test_the_scene_predictor_takes_options(bundle):
    options = {'type_hint': 'semantic_segmentation_predict_options', 'chip_sz': 64}
    predictor = ScenePredictor(bundle, predict_options=options)
    assert predictor.config.predict_options.chip_sz == 64
    assert predictor.config.predict_options.stride == 64


def test_a_scene_needs_a_place_for_predictions(bundle, updated):
    scene = updated.dataset.validation_scenes[0].copy()
    scene.label_store = None
    with pytest.raises(ConfigError, match='label_store'):
        ScenePredictor(bundle).build_scene(scene)


# --- the end of a run


def test_the_summary_tells_scores_outputs_and_the_next_command(pipeline, tmp_path):
    for command in pipeline.commands:
        getattr(pipeline, command)()
    text = pipeline.summary()
    root = tmp_path / 'root'
    assert 'building              1.000   1.000  1.000  1.000' in text
    assert str(root / 'eval/validation_scenes/preview.png') in text
    assert str(root / 'predict/test/labels.tif') in text
    assert f'rastervision predict {root}/bundle/model-bundle.zip {tmp_path}/val.tif' in text


def test_scores_picture_and_summary_follow_an_evaluator_to_another_folder(pipeline, tmp_path):
    """What was written before stays in the old folder, and is not shown as if it were new."""
    for command in ('train', 'predict', 'eval'):
        getattr(pipeline, command)()
    old, new = (tmp_path / folder / 'validation_scenes' for folder in ('root/eval', 'new'))
    content = json.loads((old / 'eval.json').read_text())
    content['overall'][0]['metrics']['f1'] = 0.123
    (old / 'eval.json').write_text(json.dumps(content))
    (old / 'preview.png').write_bytes(b'old')
    pipeline.config.evaluators[0].output_uri = str(tmp_path / 'new')
    pipeline.eval()
    assert {path.name for path in new.iterdir()} == {'eval.json', 'preview.png'}
    assert (old / 'preview.png').read_bytes() == b'old'
    text = pipeline.summary()
    assert (str(new) in text, str(old) in text, '0.123' in text) == (True, False, False)
    assert set(pipeline.command_facts('eval').outputs) == {str(path) for path in new.iterdir()}
