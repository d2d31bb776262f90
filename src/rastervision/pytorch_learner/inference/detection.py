"""From windows of a scene to the objects in them."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rastervision.core.box import Box
from rastervision.core.prediction.window_results import WindowBoxes
from rastervision.pytorch_learner.boxlist import BoxList
from rastervision.pytorch_learner.inference.predict import predict_batches

if TYPE_CHECKING:
    from torch import Tensor

    from rastervision.core.data.scene import Scene
    from rastervision.core.rv_pipeline import ObjectDetectionPredictOptions
    from rastervision.pytorch_learner.learner import Learner


def predict_windows(
    learner: 'Learner',
    scene: 'Scene',
    windows: Sequence[Box],
    options: 'ObjectDetectionPredictOptions',
) -> Generator[WindowBoxes, None, None]:
    """Find objects in windows of a scene.

    Args:
        learner: Has the model, and the transform that images pass through before it.
        scene: Only its raster source is used.
        windows: Windows of `options.chip_sz`, in the extent frame. The model sees them resized as
            its training images were; boxes are those of the windows as they are.
        options: Batch size and precision; objects with a score up to `score_thresh` are left out.

    Yields:
        The objects of one window after the other; those of overlapping windows are not compared.

    Raises:
        DataError: The image has another number of channels than the model takes.
        ConfigError: The model cannot run as the options say.
    """
    size = (options.chip_sz, options.chip_sz)

    def predict(x: 'Tensor') -> list[BoxList]:
        found: list[BoxList] = learner.predict(x, raw_out=True, out_shape=size)  # type: ignore[assignment] # that of object detection
        return [boxes.score_filter(options.score_thresh) for boxes in found]

    for batch in predict_batches(learner, scene, windows, options, predict):
        for window, boxes, valid in zip(batch.windows, batch.output, batch.valid, strict=True):
            yield WindowBoxes(
                window,
                boxes.convert_boxes('yxyx').float().numpy(),
                boxes.get_field('class_ids').numpy().astype(np.int64),
                boxes.get_field('scores').float().numpy(),
                bool(valid.any()),
            )
