"""From a scene to a stream of scores, window by window."""

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rastervision.core.box import Box
from rastervision.core.prediction import ScoreTile, prediction_windows
from rastervision.core.utils.read_ahead import map_ahead
from rastervision.pipeline.errors import DataError
from rastervision.pytorch_learner.dataset.tensors import scale_to_unit
from rastervision.pytorch_learner.dataset.transform import apply_transform

if TYPE_CHECKING:
    from rastervision.core.data.scene import Scene
    from rastervision.pytorch_learner.learner import Learner

# window, pixels (..., H, W, C) ready for the model, mask of real data (h, w)
Sample: TypeAlias = tuple[Box, NDArray[np.float32], NDArray[np.bool_]]

READERS = 2
"""Threads that read windows while the model computes."""


def predict_tiles(
    learner: 'Learner',
    scene: 'Scene',
    chip_sz: int,
    stride: int | None = None,
    crop_sz: int | None = None,
    batch_sz: int = 8,
) -> Iterator[ScoreTile]:
    """Predict a scene, areas of interest or not.

    Threads read the next windows while the model computes. Memory does not depend on the size of
    the scene.

    Args:
        learner: Has the model, and the transform that images pass through before it.
        scene: Only its raster source is used.
        chip_sz: Height and width of the windows in pixels of the scene. The model sees them
            resized as its training images were, and scores are resized back.
        stride: Distance between windows in pixels; `chip_sz` by default.
        crop_sz: Pixels at the edges of windows that will not be used; nothing is cut off here.
        batch_sz: Windows that the model sees at once.

    Yields:
        Softmax scores of one window after the other, row by row.

    Raises:
        DataError: The image has another number of channels than the model takes.
    """
    source = scene.raster_source
    expected = learner.cfg.data.img_channels
    if expected is not None and source.num_channels != expected:
        raise DataError(
            f'Scene {scene.id!r} has {source.num_channels} channels but the model takes '
            f'{expected}; set channel_order.'
        )
    transform, _ = learner.cfg.data.get_data_transforms()
    transforming = Lock()  # Albumentations keeps state in its transforms

    def read(window: Box) -> Sample:
        chip = source.read(window)
        with transforming:
            pixels = apply_transform(transform, image=chip.pixels)['image']
        valid: NDArray[np.bool_] = np.any(chip.valid.reshape(-1, *window.size), axis=0)
        return window, scale_to_unit(pixels), valid

    windows = prediction_windows(source.extent, chip_sz, stride or chip_sz, crop_sz)
    batch = []
    for sample in map_ahead(read, windows, ahead=2 * batch_sz, workers=READERS):
        batch.append(sample)
        if len(batch) == batch_sz:
            yield from _predict_batch(learner, batch, chip_sz)
            batch = []
    if batch:
        yield from _predict_batch(learner, batch, chip_sz)


def _predict_batch(
    learner: 'Learner',
    batch: Sequence[Sample],
    chip_sz: int,
) -> Iterator[ScoreTile]:
    scores = predict_arrays(learner, [pixels for _, pixels, _ in batch], (chip_sz, chip_sz))
    for (window, _, valid), tile_scores in zip(batch, scores, strict=True):
        yield ScoreTile(window, tile_scores, valid)


def predict_arrays(
    learner: 'Learner', images: Sequence[NDArray[np.float32]], out_shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Scores (N, K, h, w) of images (..., H, W, C) that are ready for the model."""
    # the channels move in the view only: memory is in the order that convolutions like best
    x: Tensor = torch.from_numpy(np.stack(images)).movedim(-1, -3)
    out: Tensor = learner.predict(x, raw_out=True, out_shape=out_shape)
    return out.float().cpu().numpy()
