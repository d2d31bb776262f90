"""From windows of a scene to class scores of their pixels."""

from collections.abc import Callable, Generator, Sequence
from functools import reduce
from itertools import product, starmap
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rastervision.core.box import Box
from rastervision.core.prediction import ScoreTile
from rastervision.pytorch_learner.inference.predict import predict_batches

if TYPE_CHECKING:
    from rastervision.core.data.scene import Scene
    from rastervision.core.rv_pipeline import SemanticSegmentationPredictOptions
    from rastervision.pytorch_learner.learner import Learner


def predict_windows(
    learner: 'Learner',
    scene: 'Scene',
    windows: Sequence[Box],
    options: 'SemanticSegmentationPredictOptions',
) -> Generator[ScoreTile, None, None]:
    """Predict windows of a scene.

    Args:
        learner: Has the model, and the transform that images pass through before it.
        scene: Only its raster source is used.
        windows: Windows of `options.chip_sz`, in the extent frame. The model sees them resized as
            its training images were, and scores are resized back.
        options: Batch size, test-time augmentation and precision.

    Yields:
        Softmax scores of one window after the other, uncropped.

    Raises:
        DataError: The image has another number of channels than the model takes.
        ConfigError: The model cannot run as the options say.
    """
    size = (options.chip_sz, options.chip_sz)

    def scores(x: Tensor) -> Tensor:
        return learner.predict(x, raw_out=True, out_shape=size)

    def predict(x: Tensor) -> Tensor:
        x = learner.to_device(x, learner.device)
        return mean_of_eight(scores, x) if options.tta else scores(x)

    for batch in predict_batches(learner, scene, windows, options, predict):
        tile_scores = batch.output.float().numpy()
        for tile in zip(batch.windows, tile_scores, batch.valid, strict=True):
            yield ScoreTile(*tile)


def mean_of_eight(predict: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Mean of the scores of images in all eight orientations (test-time augmentation).

    Args:
        predict: Gives scores (N, K, h, h) for images.
        x: (N, ..., H, W) images.

    Returns:
        (N, K, h, h) scores in the images' own orientation.
    """

    def scores(flip: bool, turns: int) -> Tensor:
        seen = (x.flip(-1) if flip else x).rot90(turns, (-2, -1))
        back = predict(seen).rot90(-turns, (-2, -1))
        return back.flip(-1) if flip else back

    return reduce(torch.add, starmap(scores, product((False, True), range(4)))) / 8
