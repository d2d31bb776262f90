"""What a Learner says of parts and configs that do not go together."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.errors import ConfigError, DataError
from rastervision.pytorch_learner import (
    DatasetError,
    ExternalModuleConfig,
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationLearner,
    SemanticSegmentationLearnerConfig,
    SemanticSegmentationModelConfig,
    SemanticSegmentationSlidingWindowGeoDataset,
    SemanticSegmentationVisualizer,
    SolverConfig,
)
from rastervision.pytorch_learner.learner_inference import some_batch


@pytest.fixture
def images():
    """Four random images of three channels, of the first class."""
    return TensorDataset(torch.rand(4, 3, 8, 8), torch.zeros(4, 8, 8).long())


@pytest.fixture
def make_learner(tmp_path, images):
    """Makes a learner of two classes."""
    classes = ClassConfig(names=['a', 'b'], null_class='b')

    def make(data_fields=None, **given):
        data = SemanticSegmentationGeoDataConfig(
            class_config=classes, num_workers=0, **(data_fields or {})
        )
        cfg = SemanticSegmentationLearnerConfig(
            data=data, solver=SolverConfig(batch_sz=4), log_tensorboard=False
        )
        parts = {'model': nn.Conv2d(3, 2, 1), 'train_ds': images, **given}
        return SemanticSegmentationLearner(cfg, str(tmp_path / 'out'), **parts)

    return make


def test_configs_are_checked_before_anything_is_done(make_learner, tmp_path):
    with pytest.raises(ConfigError, match=r'train_sz=3 and train_sz_rel=0.5 exclude each other'):
        make_learner({'train_sz': 3, 'train_sz_rel': 0.5})
    assert not (tmp_path / 'out').exists()


def test_a_model_with_too_few_outputs_is_refused(make_learner):
    learner = make_learner(model=nn.Conv2d(3, 1, 1))
    with pytest.raises(ConfigError, match='gives 1 scores, but the config has 2 classes'):
        learner.train(1)


def test_outputs_beyond_the_classes_are_reported_once(make_learner, images, caplog):
    learner = make_learner(model=nn.Conv2d(3, 3, 1), valid_ds=images)
    learner.train(2)
    assert caplog.text.count('gives 3 scores, but the config has 2 classes') == 1


def test_a_model_for_other_channels_is_refused(make_learner):
    learner = make_learner(model=nn.Conv2d(4, 2, 1))
    with pytest.raises(ConfigError, match='layer for 4 channels that got 3'):
        learner.train(1)


def test_images_for_predictions_need_the_channels_of_the_training(make_learner):
    learner = make_learner()
    with pytest.raises(DataError, match='have 1 channels but the model takes 3'):
        learner.predict(torch.rand(2, 1, 8, 8))


def test_labels_have_to_be_class_ids(make_learner):
    learner = make_learner(train_ds=TensorDataset(torch.rand(4, 3, 8, 8), torch.zeros(4, 8, 8)))
    with pytest.raises(DataError, match=r'Labels are torch\.float32'):
        learner.train(1)


@pytest.mark.parametrize('call', ['plot_predictions', 'validate', 'get_dataset'])
def test_a_split_has_a_known_name(make_learner, call):
    with pytest.raises(ConfigError, match="train, valid or test, got 'val'"):
        getattr(make_learner(), call)('val')


def test_items_with_their_windows_make_no_batches(make_learner, scene):
    windows = SemanticSegmentationSlidingWindowGeoDataset(scene, 20, 20, return_window=True)
    with pytest.raises(DatasetError, match='return_window=True'):
        make_learner(train_ds=windows)
    with pytest.raises(DatasetError, match='return_window=True'):
        make_learner().predict_dataset(windows)
    with pytest.raises(DatasetError, match='return_window=True'):
        SemanticSegmentationVisualizer(['a', 'b']).get_batch(windows)


@pytest.mark.parametrize(
    ('body', 'build'),
    [
        ('5', lambda module: SemanticSegmentationModelConfig(external_def=module).build(2, 3)),
        ('None', lambda module: SolverConfig(external_loss_def=module).build_loss(2)),
    ],
)
def test_entrypoints_return_models_and_losses(tmp_path, body, build):
    Path(tmp_path, 'hubconf.py').write_text(f'def make(): return {body}\n')
    module = ExternalModuleConfig(uri=str(tmp_path), entrypoint='make')
    with pytest.raises(ConfigError, match=f"The entrypoint 'make' of .* returned {body}"):
        build(module)


def test_pictures_show_items_of_the_whole_split_that_have_labels():
    values = torch.full((40,), torch.nan)
    values[[20, 25, 30]] = torch.tensor([2.0, 3.0, 4.0])
    x, y = some_batch(DataLoader(TensorDataset(torch.arange(40), values), batch_size=4))
    assert x.tolist() == [0, 20, 25, 30]
    assert y[1:].tolist() == [2, 3, 4]
    x, _ = some_batch(DataLoader(TensorDataset(torch.arange(8), torch.arange(8)), batch_size=4))
    assert x.tolist() == [0, 2, 4, 6]
    x, _ = some_batch(DataLoader(TensorDataset(torch.arange(2), values[:2]), batch_size=4))
    assert x.tolist() == [0, 1]


def test_the_engine_is_told_when_it_is_used(make_learner, tmp_path, caplog):
    caplog.set_level('INFO')
    learner = make_learner({'img_sz': 8, 'img_channels': 3})
    learner.train(1)
    learner.save_model_bundle()
    caplog.clear()
    loaded = SemanticSegmentationLearner.from_model_bundle(
        str(tmp_path / 'out' / 'model-bundle.zip'), model=nn.Conv2d(3, 2, 1), use_onnx_model=True
    )
    loaded.use_engine('torch')
    loaded.use_engine('onnxruntime')
    assert 'Engine' not in caplog.text
    assert 'Weights loaded' not in caplog.text
    for _ in range(2):
        loaded.predict(torch.rand(1, 3, 8, 8))
    assert caplog.text.count('Engine for predictions') == 1
    assert 'Engine for predictions: onnxruntime.' in caplog.text
