"""Predict whole scenes into memory."""

from typing import TYPE_CHECKING

from rastervision.core.data.label import SemanticSegmentationLabels
from rastervision.core.prediction import prediction_windows
from rastervision.core.prediction.tiles import best_class
from rastervision.pytorch_learner.inference.segmentation import predict_windows

if TYPE_CHECKING:
    from rastervision.core.data.scene import Scene
    from rastervision.core.rv_pipeline import SemanticSegmentationPredictOptions
    from rastervision.pytorch_learner.semantic_segmentation_learner import (
        SemanticSegmentationLearner,
    )


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
