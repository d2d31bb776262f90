"""Chips of object detection, and the options for them."""

import numpy as np
import pytest
from unit.core.rv_pipeline.box_pipeline import (
    BOXES,
    BrightBackend,
    pipelines_of_boxes,
)

from rastervision.core.rv_pipeline import ObjectDetectionWindowSamplingConfig
from rastervision.pipeline.config import Config


@pytest.fixture
def make_pipeline(tmp_path):
    """Return a function that makes a pipeline over the scene, below a root of its own."""
    return pipelines_of_boxes(tmp_path)


def chips(pipeline):
    BrightBackend.samples.clear()
    pipeline.chip()
    return [sample for sample in BrightBackend.samples if sample.split == 'train']


@pytest.mark.parametrize(('ioa_thresh', 'clip'), [(0.8, False), (0.1, True)])
def test_chips_have_the_boxes_that_the_options_ask_for(make_pipeline, ioa_thresh, clip):
    sampling = ObjectDetectionWindowSamplingConfig(size=40, ioa_thresh=ioa_thresh, clip=clip)
    samples = chips(make_pipeline(sampling=sampling))
    assert len(samples) == 12
    truth = np.array(BOXES, dtype=float)
    for sample in samples:
        window = np.array(sample.window.tuple_format())
        cut = np.hstack(
            [np.maximum(truth[:, :2], window[:2]), np.minimum(truth[:, 2:], window[2:])]
        )
        area = np.prod((cut[:, 2:] - cut[:, :2]).clip(0), axis=1)
        inside = area / np.prod(truth[:, 2:] - truth[:, :2], axis=1) >= ioa_thresh
        expected = (cut if clip else truth)[inside] - window[[0, 1, 0, 1]]
        boxes, class_ids, order = sample.label
        assert boxes.tolist() == expected.tolist()
        assert class_ids.tolist() == [0] * inside.sum()
        assert order == 'yxyx'
    assert sum(len(s.label[0]) for s in samples) > 2


def test_sampling_by_scene(make_pipeline):
    sampling = {
        's': ObjectDetectionWindowSamplingConfig(
            method='random', size=40, neg_ratio=0, max_windows=9
        ),
        'v': ObjectDetectionWindowSamplingConfig(size=40),
    }
    samples = chips(make_pipeline(sampling=sampling))
    assert len(samples) == 9
    assert all(len(sample.label[0]) for sample in samples)


# ---- configs


def test_chip_options_of_older_releases():
    old = {
        'type_hint': 'object_detection_chip_options',
        'plugin_versions': {'rastervision.core': 10},
        'neg_ratio': 2.0,
        'ioa_thresh': 0.7,
        'window_method': 'chip',
        'sampling': {'size': 300},
    }
    options = Config.from_dict(old)
    assert isinstance(options.sampling, ObjectDetectionWindowSamplingConfig)
    assert (options.sampling.neg_ratio, options.sampling.ioa_thresh) == (2, 0.7)
    assert options.sampling.method == 'random'
