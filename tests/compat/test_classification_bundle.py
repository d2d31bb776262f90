"""A model bundle of chip classification of release 0.31, used by this one.

`data/cc_0_31_bundle.zip` is what the release bundled, without the ONNX file;
`data/cc_0_31_rio_54.json` is what its `predict` command wrote for an image that comes with the
examples. The scores in it are what the network gave; ours are their softmax.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import shape

from rastervision.core.predictor import Predictor
from rastervision.pytorch_backend.examples import tiny_buildings
from rastervision.pytorch_learner import ClassificationLearner

DATA = Path(__file__).parent / 'data'
BUNDLE = DATA / 'cc_0_31_bundle.zip'
PIXEL = 4.5e-6


def softmax(values):
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize('scene', [54, 64])
def test_the_bundle_predicts_what_the_release_predicted(tmp_path, scene):
    image = tiny_buildings.DATA / 'val' / f'rio_img{scene}.tif'
    out = tmp_path / 'cells.json'
    Predictor(str(BUNDLE), str(tmp_path / 'tmp')).predict([str(image)], str(out))
    theirs = json.loads((DATA / f'cc_0_31_rio_{scene}.json').read_text())['features']
    ours = json.loads(out.read_text())['features']
    assert len(ours) == len(theirs)
    for key in ('class_id', 'class_name'):
        assert [f['properties'][key] for f in ours] == [f['properties'][key] for f in theirs]
    ours_scores, their_scores = (
        np.array([f['properties']['scores'] for f in features]) for features in (ours, theirs)
    )
    assert np.allclose(ours_scores, softmax(their_scores), atol=1e-4)
    for our, their in zip(ours, theirs, strict=True):
        # the release wrote the middles of corner pixels, not their corners
        assert shape(our['geometry']).hausdorff_distance(shape(their['geometry'])) < PIXEL


def test_a_learner_can_be_made_of_it(tmp_path):
    learner = ClassificationLearner.from_model_bundle(str(BUNDLE), str(tmp_path))
    assert learner.cfg.data.class_names == ['building', 'background']
    assert learner.cfg.model.backbone == 'shufflenet_v2_x0_5'
    assert not learner.training
