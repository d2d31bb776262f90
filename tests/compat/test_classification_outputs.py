"""What release 0.31 wrote for chip classification, made again from its inputs.

`data/cc_0_31_*` are its pipeline config, the cells that it predicted for two scenes, and their
eval.json; images and footprints are those that the examples ship.
"""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from rastervision.core.data import Scene
from rastervision.core.evaluation import ChipClassificationEvaluator
from rastervision.core.rv_pipeline import ChipClassificationConfig
from rastervision.pipeline.config import build_config

DATA = Path(__file__).parent / 'data'
IMAGES = files('rastervision.pytorch_backend.examples') / 'data'


@pytest.fixture(scope='module')
def config() -> ChipClassificationConfig:
    """The pipeline as the release has serialised it, with the predictions of the release."""
    text = (DATA / 'cc_0_31_pipeline.json').read_text()
    text = text.replace('/opt/data/input/buildings', Path(str(IMAGES)).as_posix())
    config = build_config(json.loads(text))
    assert isinstance(config, ChipClassificationConfig)
    for scene in config.dataset.validation_scenes:
        scene.raster_source.transformers = []  # its statistics are elsewhere
        scene.label_store.uri = str(DATA / f'cc_0_31_{scene.id}.json')
    return config


@pytest.fixture(scope='module')
def scenes(config: ChipClassificationConfig) -> list[Scene]:
    """The validation scenes."""
    return [scene.build(config.dataset.class_config) for scene in config.dataset.validation_scenes]


def assert_contains(ours, theirs, path=''):
    """Every key of the release is there with the same value; ours may have more."""
    if isinstance(theirs, dict):
        for key, value in theirs.items():
            assert_contains(ours[key], value, f'{path}/{key}')
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), path
        for i, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            assert_contains(our, their, f'{path}/{i}')
    else:
        number = isinstance(theirs, float)
        assert ours == (pytest.approx(theirs, rel=1e-12) if number else theirs), path


def test_scores_are_those_of_the_release(config, scenes, tmp_path):
    path = tmp_path / 'eval.json'
    ChipClassificationEvaluator(config.dataset.class_config, str(path)).process(scenes)
    assert_contains(
        json.loads(path.read_text()), json.loads((DATA / 'cc_0_31_eval.json').read_text())
    )


def test_predictions_are_read_and_written_as_the_release_did(scenes, tmp_path):
    for scene in scenes:
        pixel = scene.raster_source.crs_transformer.transform.a  # the release was half of it off
        labels = scene.label_store.get_labels()
        assert set(labels) == set(scene.extent.get_windows(100, 100))
        theirs = json.loads(Path(scene.label_store.uri).read_text())
        scene.label_store.uri = str(tmp_path / 'again.json')
        scene.label_store.save(labels)
        ours = json.loads((tmp_path / 'again.json').read_text())
        assert len(ours['features']) == len(theirs['features'])
        for our, their in zip(ours['features'], theirs['features'], strict=True):
            assert our['properties'] == their['properties']
            rings = [f['geometry']['coordinates'] for f in (our, their)]
            np.testing.assert_allclose(*rings, rtol=0, atol=0.51 * pixel)
        assert ours.keys() == theirs.keys()
