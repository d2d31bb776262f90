"""The learner's part of a bundle of release 0.31, and the scores that the release computed."""

from pathlib import Path

import numpy as np
import torch

from rastervision.core.data import RasterioSource, Scene
from rastervision.core.prediction import blend, prediction_windows
from rastervision.core.rv_pipeline import SemanticSegmentationPredictOptions
from rastervision.pytorch_backend.examples import tiny_buildings
from rastervision.pytorch_learner import Learner
from rastervision.pytorch_learner.inference.segmentation import predict_windows

DATA = Path(__file__).parent / 'data'


def test_scores_are_those_of_the_release(tmp_path):
    """The release rounded its scores to uint8, after sums in half precision."""
    learner = Learner.from_model_bundle(
        str(DATA / 'ss_0_31_bundle.zip'), str(tmp_path), trust_code=True
    )
    image = tiny_buildings.DATA / 'val' / 'rio_img54.tif'
    scene = Scene(id='rio_54', raster_source=RasterioSource(str(image)))
    windows = prediction_windows(scene.extent, chip_sz=100, stride=50, crop_sz=10)
    options = SemanticSegmentationPredictOptions(chip_sz=100, stride=50, crop_sz=10)
    tiles = predict_windows(learner, scene, windows, options)
    bands = list(blend(tiles, scene.extent, num_classes=3, crop_sz=10))
    ours = np.concatenate([band.scores[0] for band in bands])
    with np.load(DATA / 'ss_0_31.npz') as data:
        theirs = data['building_score_54']
    assert np.abs(ours * 255 - theirs).max() < 1


def test_its_config_is_read(tmp_path):
    learner = Learner.from_model_bundle(
        str(DATA / 'ss_0_31_bundle.zip'), str(tmp_path), trust_code=True
    )
    assert learner.cfg.data.class_config.names == ['building', 'background', 'null']
    assert learner.cfg.data.img_sz == 100
    assert learner.cfg.solver.lr == 0.005
    assert learner.predict(torch.zeros(1, 3, 10, 10)).shape == (1, 10, 10)
