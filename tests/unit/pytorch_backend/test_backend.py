"""The PyTorch backend: config, chips, training and prediction."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from rastervision.core.bundle import bundle_digest
from rastervision.core.predictor import Predictor
from rastervision.core.rv_pipeline import (
    SemanticSegmentation,
    SemanticSegmentationChipOptions,
    WindowSamplingConfig,
    WindowSamplingMethod,
    layout,
)
from rastervision.pipeline.errors import ConfigError, DataError, StageError
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationModelConfig,
)


def zips(config):
    return {
        path.name: [n for n in zipfile.ZipFile(path).namelist() if '/img/' in n]
        for path in sorted(Path(config.chip_uri).glob('*.zip'))
    }


# --- config


def test_image_data_get_the_chips_of_the_pipeline(updated):
    data = updated.backend.data
    assert data.uri == updated.chip_uri
    assert data.class_config.names == ['building', 'ground', 'null']
    assert data.img_channels == 3
    assert updated.backend.needs_chips(updated)


def test_own_chips_are_kept(config):
    config.backend.data.uri = 'my-chips.zip'
    config.update()
    assert config.backend.data.uri == 'my-chips.zip'
    assert config.backend.needs_chips(config)
    config.chip_options = None
    assert not config.backend.needs_chips(config)


def test_geo_data_get_the_scenes_and_windows_of_the_pipeline(config):
    config.backend.data = SemanticSegmentationGeoDataConfig(num_workers=0)
    config.update()
    data = config.backend.data
    assert data.scene_dataset == config.dataset
    assert data.sampling == config.chip_options.sampling
    assert not config.backend.needs_chips(config)


def test_an_update_twice_is_one(updated):
    again = updated.copy()
    again.update()
    assert again == updated


def test_the_learner_config_has_all_of_the_backend(updated):
    learner = updated.backend.get_learner_config(updated)
    assert learner.output_uri == updated.train_uri
    assert learner.model == updated.backend.model
    assert learner.solver == updated.backend.solver
    assert learner.data == updated.backend.data
    assert learner.log_tensorboard is False


def test_channels_are_known_only_where_the_config_says_so(config):
    for scene in config.dataset.all_scenes:
        scene.raster_source.channel_order = None
    config.update()
    assert config.backend.data.img_channels is None


def test_model_facts(updated):
    facts = updated.backend.model_facts(updated)
    assert (facts.architecture, facts.framework, facts.pretrained) == ('net', 'PyTorch', False)
    assert facts.input_shape == (3, 32, 32)
    updated.backend.model.external_def = None
    assert updated.backend.model_facts(updated).architecture == 'deeplabv3 resnet50'


# --- chips


@pytest.fixture
def pipeline(updated, tmp_path):
    (tmp_path / 'tmp').mkdir()
    pipeline = updated.build(str(tmp_path / 'tmp'))
    pipeline.analyze()
    return pipeline


def test_every_scene_has_its_zip(pipeline):
    pipeline.chip()
    counts = {name: len(chips) for name, chips in zips(pipeline.config).items()}
    assert counts == {'train-train 1.zip': 9, 'train-train 2.zip': 9, 'valid-val.zip': 9}


@pytest.mark.parametrize('hooked', [False, True])
def test_chips_are_the_same_whatever_the_splits(pipeline, hooked):
    folder = Path(pipeline.config.chip_uri)

    def chips(num_splits):
        shutil.rmtree(folder, ignore_errors=True)
        (folder / 'train-old.zip').parent.mkdir()
        (folder / 'train-old.zip').touch()
        for i in range(num_splits):
            pipeline.chip(split_ind=i, num_splits=num_splits)
        pipeline.finish_chip(num_splits)
        pipeline.finish_chip(num_splits)
        return {p.name: p.read_bytes() for p in folder.iterdir()}

    if hooked:
        pipeline = ThirdParty(pipeline.config, pipeline.tmp_dir)
    options = pipeline.config.chip_options
    options.sampling = WindowSamplingConfig(  # some windows are drawn twice
        method=WindowSamplingMethod.random, size=70, max_windows=20, padding=0
    )
    options.target_class_ids = [0]
    options.target_count_threshold = 300
    options.negative_survival_prob = 0.5
    together = chips(1)
    assert sorted(together) == ['train-train 1.zip', 'train-train 2.zip', 'valid-val.zip']
    assert all(chips(n) == together for n in (2, 3, 5))
    names = [name for zip_chips in zips(pipeline.config).values() for name in zip_chips]
    assert ('mine' in ' '.join(names)) == hooked
    if not hooked:
        assert 0 < len(names) < 3 * 20
        assert any(name.count('-') > 4 for name in names)


class ThirdParty(SemanticSegmentation):
    """With the hooks of release 0.31."""

    def get_train_windows(self, scene):
        return super().get_train_windows(scene)[:3]

    def post_process_sample(self, sample):
        sample.scene_id = 'mine'
        return sample


def test_chips_of_scenes_that_are_gone_are_removed(pipeline):
    folder = Path(pipeline.config.chip_uri)
    folder.mkdir(parents=True)
    for name in ('train-old.zip', 'valid-old.zip', 'chips-0123456789abcdef.zip'):
        (folder / name).write_bytes(b'')
    (folder / 'mine.zip').write_bytes(b'')
    pipeline.chip()
    left = ['mine.zip', 'train-train 1.zip', 'train-train 2.zip', 'valid-val.zip']
    assert sorted(p.name for p in folder.iterdir()) == left


def test_filters_drop_chips(pipeline):
    everything = SemanticSegmentationChipOptions(
        sampling=WindowSamplingConfig(size=16, stride=16), target_class_ids=[0]
    )
    pipeline.config.chip_options = everything.copy()
    pipeline.chip()
    total = sum(map(len, zips(pipeline.config).values()))
    pipeline.config.chip_options.target_count_threshold = 1
    pipeline.config.chip_options.negative_survival_prob = 0
    pipeline.chip()
    positive = sum(map(len, zips(pipeline.config).values()))
    assert 0 < positive < total


def chip_in_splits(pipeline, num_splits):
    for i in range(num_splits):
        pipeline.chip(i, num_splits)
    pipeline.finish_chip(num_splits)


@pytest.mark.parametrize('num_splits', [1, 2])
def test_a_run_that_keeps_no_training_chip_ends_with_the_filters(pipeline, num_splits):
    options = pipeline.config.chip_options
    options.target_class_ids, options.negative_survival_prob = [0], 0
    options.target_count_threshold = 10_000
    message = r'kept no chip of the train_scenes \(train 1, train 2\).* target_class_ids=\[0\]'
    with pytest.raises(DataError, match=message):
        chip_in_splits(pipeline, num_splits)


@pytest.mark.parametrize('num_splits', [1, 2])
def test_training_chips_of_one_scene_are_enough(pipeline, num_splits):
    few = WindowSamplingConfig(method=WindowSamplingMethod.random, size=8, max_windows=1)
    all_ = pipeline.config.chip_options.sampling
    pipeline.config.chip_options.sampling = {'train 1': few, 'train 2': all_, 'val': few}
    pipeline.config.chip_options.target_class_ids = [0]
    pipeline.config.chip_options.target_count_threshold = 65
    pipeline.config.chip_options.negative_survival_prob = 0
    chip_in_splits(pipeline, num_splits)
    counts = {name: len(chips) for name, chips in zips(pipeline.config).items()}
    assert counts['train-train 1.zip'] == counts['valid-val.zip'] == 0 < counts['train-train 2.zip']


def test_geo_data_need_no_chips(config, tmp_path, caplog):
    config.backend.data = SemanticSegmentationGeoDataConfig(num_workers=0)
    config.update()
    with caplog.at_level('INFO'):
        config.build(str(tmp_path)).chip()
    assert 'CHIP is skipped' in caplog.text
    assert not Path(config.chip_uri).exists()


def test_a_dataset_of_third_parties_can_be_written(pipeline, updated, tmp_path):
    backend = updated.backend.build(updated, str(tmp_path))
    items = [((np.full((4, 4, 3), i, np.uint8), np.zeros((4, 4), np.uint8)), None) for i in (0, 9)]
    with backend.get_sample_writer() as writer:
        backend.chip_pytorch_dataset(items, writer, updated.chip_options, split='train')
    (names,) = zips(updated).values()
    assert names == ['train/img/scene.png']  # the empty chip is dropped


# --- training and prediction


@pytest.fixture
def trained(pipeline):
    pipeline.chip()
    pipeline.train()
    return pipeline


def test_a_trained_model_predicts(trained):
    config = trained.config
    files = {p.name for p in Path(config.train_uri).iterdir()}
    assert {'model-bundle.zip', 'last-model.pth', 'log.csv', 'learner-config.json'} <= files
    trained.predict()
    assert Path(config.predict_uri, 'val', 'labels.tif').is_file()
    backend = config.backend.build(config, trained.tmp_dir)
    assert backend.model_digest() == trained.backend.model_digest()
    assert backend.model_digest() == bundle_digest(f'{config.train_uri}/model-bundle.zip')


def test_streamed_scores_are_those_in_memory(trained):
    trained.build_backend()
    config = trained.config
    scene = trained.build_scene(config.dataset.validation_scenes[0])
    scene.label_store.smooth_output = True
    trained.predict_to_store(scene)
    streamed = scene.label_store.get_label_arr(scene.extent)
    labels = trained.backend.predict_scene(scene, config.predict_options)
    np.testing.assert_array_equal(streamed, labels.get_label_arr(scene.extent))


def test_a_model_must_be_trained_first(pipeline):
    with pytest.raises(StageError, match='run the train command first'):
        pipeline.predict()


def test_code_in_a_bundle_of_others_is_not_run_unasked(trained, tmp_path):
    uri = f'{trained.config.train_uri}/model-bundle.zip'
    with pytest.raises(DataError, match='--trust-code'):
        trained.build_backend(uri)
    trained.build_backend(uri, trust_code=True)


def test_training_starts_from_the_weights_of_a_bundle(trained, config, tmp_path):
    import torch

    config.root_uri = str(tmp_path / 'fine-tuned')
    config.source_bundle_uri = f'{trained.config.train_uri}/model-bundle.zip'
    config.backend.data.uri = trained.config.chip_uri
    config.backend.solver.lr = 1e-12
    config.chip_options = None
    config.update()
    pipeline = config.build(str(tmp_path))
    pipeline.analyze()
    pipeline.train()
    old, new = (
        torch.load(Path(c.train_uri, 'last-model.pth'), weights_only=True)
        for c in (trained.config, config)
    )
    assert all(torch.allclose(old[name], new[name]) for name in old)


@pytest.mark.parametrize(
    ('part', 'field', 'value', 'problem'),
    [
        ('model', 'encoder', 'resnet19', 'Near names: resnet18'),
        ('solver', 'class_loss_weights', [1, 2, 3, 4, 5], 'class_loss_weights has 5 numbers'),
    ],
)
def test_models_that_cannot_be_made_are_told_before_chips_are_cut(
    updated, tmp_path, part, field, value, problem
):
    updated.backend.model = SemanticSegmentationModelConfig(architecture='unet')
    setattr(getattr(updated.backend, part), field, value)
    with pytest.raises(ConfigError, match=problem):
        updated.build(str(tmp_path)).check_inputs(['chip', 'train'])


@pytest.mark.skipif(torch.cuda.is_available(), reason='GPUs have float16')
def test_float16_needs_a_gpu_before_anything_runs(updated, tmp_path, trained):
    trained.bundle()
    bundle = layout.model_bundle_uri(updated.stage_uri('bundle'))
    with pytest.raises(ConfigError, match=r'predict_options\.precision'):
        Predictor(bundle, str(tmp_path / 'empty'), trust_code=True, precision='float16')
    updated.predict_options.precision = 'float16'
    updated.backend.solver.precision = 'float16'
    pipeline = updated.build(str(tmp_path))
    for command, field in (('train', 'solver'), ('predict', 'predict_options')):
        with pytest.raises(ConfigError, match=rf"{field}\.precision: CPUs .*'float16'"):
            pipeline.check_inputs([command])
