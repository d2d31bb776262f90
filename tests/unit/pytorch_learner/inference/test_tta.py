from itertools import product

import numpy as np
import pytest
import torch

from rastervision.core.prediction import prediction_windows
from rastervision.core.rv_pipeline import SemanticSegmentationPredictOptions
from rastervision.pytorch_learner.inference.segmentation import mean_of_eight, predict_windows

ORIENTATIONS = list(product((False, True), range(4)))


def turned(x, flip, turns):
    x = torch.flip(x, [-1]) if flip else x
    return torch.rot90(x, turns, (-2, -1))


def lopsided(x):
    """Scores that depend on the orientation."""
    torch.manual_seed(0)
    return torch.nn.Conv2d(3, 2, 5, padding=2).requires_grad_(False)(x)


@pytest.mark.parametrize(('flip', 'turns'), ORIENTATIONS)
def test_an_image_that_is_turned_gets_the_same_scores(flip, turns):
    x = torch.rand(2, 3, 12, 12)
    turned_scores = mean_of_eight(lopsided, turned(x, flip, turns))
    assert not torch.allclose(lopsided(turned(x, True, 1)), turned(lopsided(x), True, 1), atol=1e-3)
    expected = turned(mean_of_eight(lopsided, x), flip, turns)
    np.testing.assert_allclose(turned_scores, expected, atol=1e-6)


def test_each_of_the_eight_orientations_is_seen_once():
    seen = []
    mean_of_eight(lambda x: seen.append(x) or x, torch.arange(9.0).reshape(1, 1, 3, 3))
    expected = {
        tuple(turned(torch.arange(9).reshape(3, 3), *o).flatten().tolist()) for o in ORIENTATIONS
    }
    assert len(expected) == 8
    assert sorted(tuple(x.flatten().int().tolist()) for x in seen) == sorted(expected)


def test_a_model_without_orientation_needs_none(make_learner, scene_of):
    scene = scene_of(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
    windows = prediction_windows(scene.raster_source.extent, 16, 16)
    once, eight = (
        list(
            predict_windows(
                make_learner(),
                scene,
                windows,
                SemanticSegmentationPredictOptions(chip_sz=16, batch_sz=3, tta=tta),
            )
        )
        for tta in (False, True)
    )
    for a, b in zip(once, eight, strict=True):
        assert a.box == b.box
        assert np.array_equal(a.valid, b.valid)
        np.testing.assert_allclose(a.scores, b.scores, rtol=1e-6)
