"""Objects in windows of a scene."""

import numpy as np
import pytest
import torch
from torch import nn

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.prediction import prediction_windows
from rastervision.core.rv_pipeline import ObjectDetectionPredictOptions
from rastervision.pipeline.errors import DataError
from rastervision.pytorch_learner import (
    ObjectDetectionGeoDataConfig,
    ObjectDetectionLearner,
    ObjectDetectionLearnerConfig,
    ObjectDetectionModelConfig,
    TorchVisionODAdapter,
)
from rastervision.pytorch_learner.inference.detection import predict_windows
from rastervision.pytorch_learner.utils.prediction import predict_scene_od

SQUARES = [(8, 10, 18, 22), (30, 5, 40, 13), (52, 60, 60, 72)]
"""Bright rectangles, ymin, xmin, ymax and xmax, in a dark scene of 70 x 90 pixels."""


class BrightBoxes(nn.Module):
    """Finds a box around every bright rectangle, like a detector of torchvision."""

    def forward(self, images):
        from scipy import ndimage

        outputs = []
        for image in images:
            labelled, _ = ndimage.label(image[0].numpy() > 0.5)
            slices = ndimage.find_objects(labelled)
            boxes = [(c.start, r.start, c.stop, r.stop) for r, c in slices]
            # a rectangle is found once more, with little certainty
            boxes = torch.tensor(boxes * 2, dtype=torch.float32).reshape(-1, 4)
            scores = torch.full((len(boxes),), 0.9)
            scores[len(slices) :] = 0.2
            labels = torch.ones(len(boxes), dtype=torch.long)
            outputs.append({'boxes': boxes, 'labels': labels, 'scores': scores})
        return outputs


@pytest.fixture
def scene(scene_of):
    pixels = np.zeros((70, 90, 3), np.uint8)
    for ymin, xmin, ymax, xmax in SQUARES:
        pixels[ymin:ymax, xmin:xmax] = 255
    return scene_of(pixels)


def make_learner(model, img_sz=32):
    data = ObjectDetectionGeoDataConfig(
        class_config=ClassConfig(names=['bright']), img_sz=img_sz, img_channels=3
    )
    cfg = ObjectDetectionLearnerConfig(data=data)
    return ObjectDetectionLearner(cfg, model=TorchVisionODAdapter(model), training=False)


def in_extent(result):
    corner = [result.window.ymin, result.window.xmin] * 2
    return (result.boxes + corner).astype(int).tolist()


def test_windows_have_the_objects_in_them(scene):
    options = ObjectDetectionPredictOptions(chip_sz=32, stride=16, batch_sz=3)
    windows = prediction_windows(scene.raster_source.extent, 32, 16)
    results = list(predict_windows(make_learner(BrightBoxes()), scene, windows, options))
    assert [r.window for r in results] == list(windows)
    seen = set()
    for result in results:
        assert result.boxes.dtype == result.scores.dtype == np.float32
        assert result.class_ids.dtype == np.int64
        assert set(result.class_ids.tolist()) <= {0}
        assert (result.scores > 0.5).all()
        assert result.valid
        seen |= {tuple(box) for box in in_extent(result)}
    assert seen >= set(SQUARES)


def test_boxes_are_those_of_the_windows_and_not_of_the_resized_images(scene):
    options = ObjectDetectionPredictOptions(chip_sz=32, batch_sz=2)
    (result,) = predict_windows(
        make_learner(BrightBoxes(), img_sz=64), scene, [Box(-4, 0, 28, 32)], options
    )
    np.testing.assert_allclose(result.boxes, [[12, 10, 22, 22]], atol=1)


def test_a_window_outside_of_the_image_is_not_valid(scene):
    options = ObjectDetectionPredictOptions(chip_sz=32)
    (result,) = predict_windows(make_learner(BrightBoxes()), scene, [Box(70, 0, 102, 32)], options)
    assert not result.valid
    assert len(result.boxes) == 0


def test_a_scene_has_every_object_once(scene):
    scene.extent = scene.raster_source.extent
    options = ObjectDetectionPredictOptions(chip_sz=32, stride=16)
    labels = predict_scene_od(make_learner(BrightBoxes()), scene, options)
    found = labels.get_npboxes().astype(int).tolist()
    assert sorted(map(tuple, found)) == sorted(SQUARES)


def test_another_number_of_channels_is_refused(scene_of):
    options = ObjectDetectionPredictOptions(chip_sz=32)
    scene = scene_of(np.zeros((40, 40, 4), np.uint8))
    with pytest.raises(DataError, match='channel_order'):
        next(predict_windows(make_learner(BrightBoxes()), scene, [Box(0, 0, 32, 32)], options))


def test_threads_make_no_difference(scene):
    torch.manual_seed(0)
    cfg = ObjectDetectionModelConfig(
        architecture='fcos',
        encoder='mobilenetv3_small_050',
        fpn_channels=64,
        pretrained=False,
        extra_args={'score_thresh': 0.0},
    )
    learner = make_learner(cfg.build(1, 3, img_sz=32))
    options = ObjectDetectionPredictOptions(chip_sz=32, batch_sz=2, score_thresh=0)
    windows = prediction_windows(scene.raster_source.extent, 32, 32)

    def results(threads):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            return list(predict_windows(learner, scene, windows, options))
        finally:
            torch.set_num_threads(before)

    alone, beside = results(1), results(3)
    assert sum(len(r.boxes) for r in alone) > 0
    for one, other in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(one.boxes, other.boxes)
        np.testing.assert_array_equal(one.scores, other.scores)
