"""Predict whole scenes into memory."""

from typing import TYPE_CHECKING

from rastervision.core.box import Box
from rastervision.core.data.label import (
    ChipClassificationLabels,
    ChipRegressionLabels,
    ObjectDetectionLabels,
    SemanticSegmentationLabels,
)
from rastervision.core.prediction import prediction_windows
from rastervision.core.prediction.tiles import best_class
from rastervision.pytorch_learner.inference import cells, detection
from rastervision.pytorch_learner.inference.segmentation import predict_windows

if TYPE_CHECKING:
    from rastervision.core.data.scene import Scene
    from rastervision.core.rv_pipeline import (
        ObjectDetectionPredictOptions,
        PredictOptions,
        SemanticSegmentationPredictOptions,
    )
    from rastervision.pytorch_learner.classification_learner import ClassificationLearner
    from rastervision.pytorch_learner.object_detection_learner import ObjectDetectionLearner
    from rastervision.pytorch_learner.regression_learner import RegressionLearner
    from rastervision.pytorch_learner.semantic_segmentation_learner import (
        SemanticSegmentationLearner,
    )


def predict_scene_cc(
    learner: 'ClassificationLearner', scene: 'Scene', predict_options: 'PredictOptions'
) -> ChipClassificationLabels:
    """Predict the class of every cell of a scene.

    Args:
        learner: Has the model.
        scene: The scene.
        predict_options: Size of the cells.
    """
    chip_sz = predict_options.chip_sz
    windows = prediction_windows(scene.extent, chip_sz, predict_options.stride or chip_sz)
    results = cells.predict_windows(learner, scene, windows, predict_options)
    return ChipClassificationLabels.from_predictions(windows, (r.scores for r in results))


def predict_scene_cr(
    learner: 'RegressionLearner', scene: 'Scene', predict_options: 'PredictOptions'
) -> ChipRegressionLabels:
    """Predict the values of every cell of a scene; arguments as for `predict_scene_cc`."""
    chip_sz = predict_options.chip_sz
    windows = prediction_windows(scene.extent, chip_sz, predict_options.stride or chip_sz)
    results = list(cells.predict_windows(learner, scene, windows, predict_options))
    nodata = [not result.valid for result in results]
    return ChipRegressionLabels(Box.to_npboxes(windows), [r.scores for r in results], nodata)


def predict_scene_od(
    learner: 'ObjectDetectionLearner',
    scene: 'Scene',
    predict_options: 'ObjectDetectionPredictOptions',
) -> ObjectDetectionLabels:
    """Find the objects in a scene.

    Args:
        learner: Has the model.
        scene: The scene.
        predict_options: Size and stride of the windows, and how their objects are joined.
    """
    chip_sz = predict_options.chip_sz
    stride = predict_options.stride or max(1, chip_sz // 2)
    windows = prediction_windows(scene.extent, chip_sz, stride)
    results = detection.predict_windows(learner, scene, windows, predict_options)
    return predict_options.merge(results, scene.extent)


def predict_scene_ss(
    learner: 'SemanticSegmentationLearner',
    scene: 'Scene',
    predict_options: 'SemanticSegmentationPredictOptions',
) -> SemanticSegmentationLabels:
    """Predict a scene.

    Args:
        learner: Has the model.
        scene: The scene. Where its label store writes smooth output, scores are kept and averaged
            in overlaps; otherwise, windows vote for classes.
        predict_options: Size and stride of the windows.

    Returns:
        Smooth or discrete labels of the whole extent.
    """
    crop_sz = predict_options.crop_pixels() or None
    smooth = bool(getattr(scene.label_store, 'smooth_output', False))
    labels = SemanticSegmentationLabels.make_empty(
        scene.extent, learner.cfg.data.num_classes, smooth=smooth
    )
    chip_sz = predict_options.chip_sz
    stride = predict_options.stride or chip_sz
    windows = prediction_windows(scene.extent, chip_sz, stride, crop_sz)
    for tile in predict_windows(learner, scene, windows, predict_options):
        values = tile.scores if smooth else best_class(tile.scores)[0]
        labels.add_predictions([tile.box], [values], crop_sz=crop_sz)
    return labels
