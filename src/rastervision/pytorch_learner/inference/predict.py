"""From windows of a scene to what a model says about them, whatever the task."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rastervision.core.box import Box
from rastervision.core.utils.read_ahead import map_ahead
from rastervision.pipeline.errors import DataError
from rastervision.pytorch_learner.dataset.tensors import scale_to_unit
from rastervision.pytorch_learner.dataset.transform import apply_transform
from rastervision.pytorch_learner.inference.stream import predict_ahead
from rastervision.pytorch_learner.utils.precision import autocast

if TYPE_CHECKING:
    from rastervision.core.data.scene import Scene
    from rastervision.core.rv_pipeline import PredictOptions
    from rastervision.pytorch_learner.learner import Learner

READERS = 2
"""Threads that read batches while the model computes."""
MODELS = 4
"""Batches that PyTorch computes beside each other on a CPU, at most: each needs memory."""


@dataclass(frozen=True, slots=True, eq=False)
class PredictedBatch:
    """What a model says about some windows.

    Attributes:
        windows: The windows, in the extent frame.
        valid: (N, h, w) bool, True where the image has data.
        output: What `predict` gave for them, on the CPU: a tensor of N rows, or a list.
    """

    windows: Sequence[Box]
    valid: NDArray[np.bool_]
    output: Any


def predict_batches(
    learner: 'Learner',
    scene: 'Scene',
    windows: Sequence[Box],
    options: 'PredictOptions',
    predict: Callable[[Tensor], Any],
) -> Iterator[PredictedBatch]:
    """Predict windows of a scene, areas of interest or not.

    Threads read the next batches while the model computes, which it does in a thread of its own
    while the caller uses the results. Memory does not depend on the number of windows.

    Args:
        learner: Has the model, and the transform that images pass through before it.
        scene: Only its raster source is used.
        windows: Windows of one size, in the extent frame.
        options: How many windows make a batch, the precision, and what runs the model.
        predict: Gives the output for images (N, ..., C, H, W), on the model's device: a tensor, or
            a list of BoxLists. Where PyTorch runs the model on the CPU, it is called by several
            threads, with a batch each.

    Yields:
        Batch after batch, in order.

    Raises:
        DataError: The image has another number of channels than the model takes.
        ConfigError: The model cannot run as the options say.
    """
    source = scene.raster_source
    expected = learner.cfg.data.img_channels
    if expected is not None and source.num_channels != expected:
        raise DataError(
            f'Scene {scene.id!r} has {source.num_channels} channels but the model takes '
            f'{expected}; set channel_order.'
        )
    learner.use_engine(options.engine, options.precision)
    transform = learner.cfg.data.transform_of('valid')
    transforming = Lock()  # Albumentations keeps state in its transforms
    on_gpu = learner.device.type == 'cuda'

    def read(batch: Sequence[Box]) -> tuple[Tensor, tuple[Sequence[Box], NDArray[np.bool_]]]:
        chips = [source.read(window) for window in batch]
        with transforming:
            images = [apply_transform(transform, image=chip.pixels)['image'] for chip in chips]
        valid = [chip.ground for chip in chips]
        return _to_batch(images, pin_memory=on_gpu), (batch, np.stack(valid))

    def compute(x: Tensor) -> Any:
        with autocast(learner.device, options.precision, 'predict_options.precision'):
            return predict(x)

    size = options.batch_sz
    parts = (windows[i : i + size] for i in range(0, len(windows), size))
    with closing(map_ahead(read, parts, ahead=READERS, workers=READERS)) as batches:
        first = next(batches, None)
        if first is None:
            return
        beside = 1
        if learner.device.type == 'cpu' and learner.runs_in_torch(first[0]):
            beside = min(torch.get_num_threads(), MODELS)
            learner.model.eval()  # made at its first use, which must not be by several threads
        with closing(predict_ahead(learner, chain([first], batches), compute, beside)) as stream:
            for (batch, valid), output in stream:
                yield PredictedBatch(batch, valid, output)


def _to_batch(images: Sequence[NDArray[Any]], pin_memory: bool) -> Tensor:
    """Images (..., H, W, C) as the input (N, ..., C, H, W) of a model."""
    planes = [np.moveaxis(image, -1, -3) for image in images]
    x = torch.empty((len(planes), *planes[0].shape), dtype=torch.float32, pin_memory=pin_memory)
    for image, target in zip(planes, x.numpy(), strict=True):
        scale_to_unit(image, target)
    return x
