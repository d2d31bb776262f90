"""A pipeline over tiny scenes whose model is one threshold, so that no torch is needed."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import Field

from rastervision.core.backend import Backend, BackendConfig, SampleWriter
from rastervision.core.bundle import extract_bundle, write_bundle
from rastervision.core.data import SemanticSegmentationLabels
from rastervision.core.prediction import ScoreTile
from rastervision.core.rv_pipeline import (
    SemanticSegmentationChipOptions,
    SemanticSegmentationConfig,
    SemanticSegmentationPredictOptions,
    WindowSamplingConfig,
)
from rastervision.pipeline.cli import main
from rastervision.pipeline.config import register_config


class ThresholdWriter(SampleWriter):
    """Keeps what it gets in a JSON file."""

    def __init__(self, uri):
        self.uri = uri
        self.samples = []

    def write_sample(self, sample):
        self.samples.append([sample.split, sample.scene_id, sample.window.tuple_format()])

    def __exit__(self, *exc):
        Path(self.uri).parent.mkdir(parents=True, exist_ok=True)
        Path(self.uri).write_text(json.dumps(self.samples))


class ThresholdBackend(Backend):
    """Calls everything above a threshold a building; the threshold is learnt nowhere."""

    def __init__(self, pipeline):
        self.pipeline = pipeline
        self.threshold = None

    def get_sample_writer(self):
        return ThresholdWriter(f'{self.pipeline.chip_uri}/samples.json')

    def train(self, source_bundle_uri=None):
        start = 130 if source_bundle_uri is None else float(source_bundle_uri)
        config = json.dumps({'threshold': start}).encode()
        write_bundle(f'{self.pipeline.train_uri}/model-bundle.zip', {'learner-config.json': config})

    def load_model(self, uri=None, *, trust_code=False):
        self.threshold = self._threshold(uri)

    def model_digest(self, uri=None):
        return f'threshold {self._threshold(uri)}'

    def _threshold(self, uri):
        uri = uri or f'{self.pipeline.train_uri}/model-bundle.zip'
        with zipfile.ZipFile(uri) as zf:
            return json.loads(zf.read('learner-config.json'))['threshold']

    def _scores(self, scene, window):
        chip = scene.raster_source.read(window)
        building = (chip.pixels.mean(axis=-1) > self.threshold).astype(np.float32)
        return np.stack([building, 1 - building, 0 * building]), chip.valid

    def predict_scene(self, scene, predict_options):
        labels = SemanticSegmentationLabels.make_empty(scene.extent, 3)
        labels[scene.extent] = self._scores(scene, scene.extent)[0].argmax(axis=0)
        return labels


class StreamingBackend(ThresholdBackend):
    """The same, window by window."""

    def predict_windows(self, scene, windows, predict_options):
        return (ScoreTile(w, *self._scores(scene, w)) for w in windows)


@register_config('threshold_backend')
class ThresholdBackendConfig(BackendConfig):
    """Configure the threshold."""

    streams: bool = Field(True, description='Predict window by window.')

    def build(self, pipeline, tmp_dir):
        return (StreamingBackend if self.streams else ThresholdBackend)(pipeline)


@pytest.fixture
def config(dataset, tmp_path):
    """A pipeline config that is not updated yet."""
    return SemanticSegmentationConfig(
        root_uri=str(tmp_path / 'root'),
        dataset=dataset,
        backend=ThresholdBackendConfig(),
        chip_options=SemanticSegmentationChipOptions(
            sampling=WindowSamplingConfig(size=32, stride=32)
        ),
        predict_options=SemanticSegmentationPredictOptions(chip_sz=32, stride=16, crop_sz=4),
    )


@pytest.fixture
def updated(config):
    """The same, updated and valid."""
    config = config.copy()
    config.update()
    config.recursive_validate_config()
    return config


@pytest.fixture
def pipeline(updated, tmp_path):
    """The pipeline, with statistics."""
    (tmp_path / 'tmp').mkdir()
    pipeline = updated.build(str(tmp_path / 'tmp'))
    pipeline.analyze()
    return pipeline


@pytest.fixture
def extract(tmp_path):
    """Return a function that unpacks a bundle into a folder of its own."""
    return lambda uri: extract_bundle(uri, tmp_path / 'extracted')


# --- `rastervision predict`


@pytest.fixture
def bundle(pipeline):
    for command in ('train', 'bundle'):
        getattr(pipeline, command)()
    return f'{pipeline.config.bundle_uri}/model-bundle.zip'


@pytest.fixture
def images(make_scene, tmp_path):
    """Folder with the images a, b and c, and their truths."""
    folder = tmp_path / 'images'
    folder.mkdir()
    truths = {}
    for seed, name in enumerate('abc'):
        scene = make_scene(name, seed, size=(40, 50))
        shutil.move(scene.image, folder)
        truths[name] = scene.truth
    return folder, truths


@pytest.fixture
def cli(monkeypatch, tmp_path):
    """Function that runs `predict` with arguments; `loads` counts models that were loaded."""
    monkeypatch.chdir(tmp_path)

    def run(*args, code=0, command='predict'):
        result = CliRunner().invoke(main, [command, *map(str, args)])
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def loads(updated, monkeypatch):
    """List of the models that are loaded."""
    backend = type(updated.backend.build(updated, ''))
    load_model, uris = backend.load_model, []

    def load(self, uri=None, **kwargs):
        uris.append(uri)
        load_model(self, uri, **kwargs)

    monkeypatch.setattr(backend, 'load_model', load)
    return uris


# --- splits


@pytest.fixture
def folder(tmp_path, make_scene):
    """Three scenes; the one called tall has three parts, the others one."""
    make_scene('a', 1)
    make_scene('b', 2)
    make_scene('tall', 3, size=(2100, 40))
    return tmp_path
