"""Learners around tiny models, and scenes in memory."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rastervision.core.box import Box
from rastervision.core.chip import Chip
from rastervision.core.data.class_config import ClassConfig
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationLearner,
    SemanticSegmentationLearnerConfig,
)


class Rgb(torch.nn.Module):
    """Scores are the channels, so predictions show how images reach the model."""

    def forward(self, x):
        return 4 * x


class ArraySource:
    """Pixels (H, W, C) in memory; 0 and not valid outside of them."""

    def __init__(self, pixels):
        self.pixels = pixels
        self.extent = Box(0, 0, *pixels.shape[:2])
        self.num_channels = pixels.shape[2]
        self.reads = 0

    def read(self, window):
        self.reads += 1
        chip = np.zeros((*window.size, self.num_channels), self.pixels.dtype)
        valid = np.zeros(window.size, bool)
        inside = window.intersection(self.extent)
        at = inside.translate(-window.ymin, -window.xmin).to_slices()
        chip[at] = self.pixels[inside.to_slices()]
        valid[at] = True
        return Chip(chip, valid)


@pytest.fixture(scope='session')
def scene_of():
    """Makes a scene of pixels (H, W, C)."""
    return lambda pixels: SimpleNamespace(id='array', raster_source=ArraySource(pixels))


@pytest.fixture(scope='session')
def make_learner():
    """Makes a learner of two classes around a model; by default, scores are the channels."""

    def make(model=None, img_sz=16, **data):
        classes = ClassConfig(names=['field', 'water'], colors=['green', 'blue'])
        cfg = SemanticSegmentationLearnerConfig(
            data=SemanticSegmentationGeoDataConfig(
                class_config=classes, img_sz=img_sz, img_channels=3, **data
            )
        )
        return SemanticSegmentationLearner(cfg, model=model or Rgb(), training=False)

    return make
