import json
import zipfile

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from rastervision.core.bundle import MANIFEST, MODEL_BUNDLE, write_bundle
from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.errors import ConfigError, DataError, NotReadableError
from rastervision.pytorch_learner import (
    ExternalModuleConfig,
    Learner,
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationLearner,
    SemanticSegmentationLearnerConfig,
    SemanticSegmentationModelConfig,
    SolverConfig,
)

HUBCONF = """
import pathlib
import torch
from parts import CHANNELS

def make(classes):
    pathlib.Path({mark!r}).write_text('x')
    return torch.nn.Conv2d(CHANNELS, classes, 3, padding=1)
"""


@pytest.fixture
def code(tmp_path):
    """Folder with a model in two modules; calling it leaves a mark in the file `mark`."""
    folder = tmp_path / 'my_code'
    folder.mkdir()
    (folder / 'hubconf.py').write_text(HUBCONF.format(mark=str(tmp_path / 'mark')))
    (folder / 'parts.py').write_text('CHANNELS = 3\n')
    return folder


@pytest.fixture
def make_config():
    def make(**kwargs):
        classes = ClassConfig(names=['field', 'water'])
        data = SemanticSegmentationGeoDataConfig(class_config=classes, img_channels=3)
        return SemanticSegmentationLearnerConfig(data=data, solver=SolverConfig(), **kwargs)

    return make


@pytest.fixture
def make_learner(tmp_path, make_config):
    """Makes a learner that is ready to train, and so to write its bundle."""

    def make(network=None, **kwargs):
        data = TensorDataset(torch.rand(2, 3, 8, 8), torch.zeros(2, 8, 8, dtype=torch.long))
        return SemanticSegmentationLearner(
            make_config(**kwargs), str(tmp_path / 'train'), train_ds=data, model=network
        )

    return make


def external_model(code):
    module = ExternalModuleConfig(uri=str(code), entrypoint='make', entrypoint_args=[3])
    return SemanticSegmentationModelConfig(external_def=module)


def bundle_of(learner):
    learner.save_model_bundle(export_onnx=False)
    return str(learner.folder.bundle)


IMAGE = torch.rand(1, 3, 8, 8)


def predicted(learner):
    return learner.predict(IMAGE, raw_out=True)


def test_a_bundle_gives_the_same_predictions(make_learner):
    """Without the network that made the init_weights, or a model hub."""
    model = SemanticSegmentationModelConfig(
        architecture='unet', encoder='resnet18', pretrained=False
    )
    learner = make_learner(model=model)
    learner.cfg.model.pretrained = True
    learner.cfg.model.init_weights = '/gone/weights.pth'
    loaded = Learner.from_model_bundle(bundle_of(learner))
    assert isinstance(loaded, SemanticSegmentationLearner)
    assert not loaded.model.training
    assert torch.equal(predicted(loaded), predicted(learner))
    assert loaded.cfg.data.class_config.names == ['field', 'water', 'null']


def test_weights_that_share_memory(make_learner):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(3, 3, 1)
            self.second = nn.Conv2d(3, 3, 1)
            self.second.weight = self.first.weight

        def forward(self, x):
            return self.second(self.first(x))

    learner = make_learner(Tied())
    loaded = SemanticSegmentationLearner.from_model_bundle(bundle_of(learner), model=Tied())
    assert torch.equal(predicted(loaded), predicted(learner))


def test_code_runs_only_when_it_is_trusted(make_learner, code, tmp_path):
    learner = make_learner(model=external_model(code))
    bundle = bundle_of(learner)
    mark = tmp_path / 'mark'
    mark.unlink()
    (code / 'hubconf.py').unlink()  # it has to come from the bundle
    for trial in (Learner, SemanticSegmentationLearner):
        with pytest.raises(DataError, match='trust_code'):
            trial.from_model_bundle(bundle)
    assert not mark.exists()
    loaded = Learner.from_model_bundle(bundle, use_onnx_model=False, trust_code=True)
    assert mark.exists()
    assert torch.equal(predicted(loaded), predicted(learner))


def test_code_stays_in_the_bundle_when_its_model_is_trained_further(make_learner, code, tmp_path):
    bundle = bundle_of(make_learner(model=external_model(code)))
    data = TensorDataset(torch.rand(2, 3, 8, 8), torch.zeros(2, 8, 8, dtype=torch.long))
    learner = SemanticSegmentationLearner.from_model_bundle(
        bundle,
        trust_code=True,
        training=True,
        output_dir=str(tmp_path / 'further'),
        train_ds=data,
    )
    with zipfile.ZipFile(bundle_of(learner)) as further, zipfile.ZipFile(bundle) as first:
        assert further.namelist() == first.namelist()
        assert 'modules/my_code/parts.py' in further.namelist()


def test_no_code_is_needed_when_the_model_is_given(make_learner, code, tmp_path):
    learner = make_learner(model=external_model(code))
    bundle = bundle_of(learner)
    (tmp_path / 'mark').unlink()
    loaded = SemanticSegmentationLearner.from_model_bundle(
        bundle, model=nn.Conv2d(3, 3, 3, padding=1)
    )
    assert torch.equal(predicted(loaded), predicted(learner))
    assert not (tmp_path / 'mark').exists()


def test_code_of_a_loss_is_not_run_either(make_learner, code, tmp_path):
    loss = ExternalModuleConfig(uri=str(code), entrypoint='make', entrypoint_args=[3])
    learner = make_learner(nn.Conv2d(3, 3, 1))
    learner.cfg.solver.external_loss_def = loss
    bundle = bundle_of(learner)
    with pytest.raises(DataError, match=r'solver\.external_loss_def'):
        SemanticSegmentationLearner.from_model_bundle(
            bundle,
            model=nn.Conv2d(3, 3, 1),
            training=True,
            output_dir=str(tmp_path / 'further'),
        )
    assert not (tmp_path / 'mark').exists()


def test_only_weights_are_used_beside_a_config(make_learner, make_config, code, tmp_path):
    learner = make_learner(nn.Conv2d(3, 3, 1))
    bundle = bundle_of(learner)
    loaded = SemanticSegmentationLearner.from_model_bundle(
        bundle, cfg=make_config(), model=nn.Conv2d(3, 3, 1)
    )
    assert torch.equal(predicted(loaded), predicted(learner))


def test_a_bundle_of_a_pipeline_holds_one_of_a_learner(make_learner, tmp_path):
    learner = make_learner(nn.Conv2d(3, 3, 1))
    outer = str(tmp_path / 'outer.zip')
    write_bundle(outer, {MODEL_BUNDLE: bundle_of(learner), 'pipeline-config.json': b'{}'})
    loaded = SemanticSegmentationLearner.from_model_bundle(outer, model=nn.Conv2d(3, 3, 1))
    assert torch.equal(predicted(loaded), predicted(learner))


def test_what_is_in_a_bundle(make_learner):
    with zipfile.ZipFile(bundle_of(make_learner(nn.Conv2d(3, 3, 1)))) as bundle:
        assert set(bundle.namelist()) == {'learner-config.json', 'model.safetensors', MANIFEST}
        cfg = json.loads(bundle.read('learner-config.json'))
    assert cfg['plugin_versions']['rastervision.pytorch_learner'] == 7


def test_files_that_are_no_bundles_are_named(tmp_path):
    with pytest.raises(NotReadableError, match=r'missing\.zip'):
        Learner.from_model_bundle(str(tmp_path / 'missing.zip'))
    (tmp_path / 'text.zip').write_text('text')
    with pytest.raises(DataError, match=r'text\.zip'):
        Learner.from_model_bundle(str(tmp_path / 'text.zip'))
    write_bundle(str(tmp_path / 'other.zip'), {'a.txt': b'a'})
    with pytest.raises(DataError, match=r'other\.zip.*model\.safetensors'):
        Learner.from_model_bundle(str(tmp_path / 'other.zip'))


def test_weights_of_another_model_are_an_error(make_learner):
    bundle = bundle_of(make_learner(nn.Conv2d(3, 3, 1)))
    with pytest.raises(DataError, match='shape'):
        SemanticSegmentationLearner.from_model_bundle(bundle, model=nn.Conv2d(3, 3, 5))


def test_arguments_that_cannot_be_met_are_named(make_learner):
    bundle = bundle_of(make_learner(nn.Conv2d(3, 3, 1)))
    with pytest.raises(ConfigError, match=r'use_onnx_model.*no ONNX file'):
        SemanticSegmentationLearner.from_model_bundle(
            bundle, use_onnx_model=True, model=nn.Conv2d(3, 3, 1)
        )
    with pytest.raises(ConfigError, match=r'use_onnx_model.*training'):
        SemanticSegmentationLearner.from_model_bundle(bundle, use_onnx_model=True, training=True)
    with pytest.raises(ConfigError, match=r'model: call .*SemanticSegmentationLearner'):
        Learner.from_model_bundle(bundle, model=nn.Conv2d(3, 3, 1))
