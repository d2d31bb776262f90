"""A warning about training images that are almost black."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from rastervision.pytorch_learner.dataset.dataset import AlbumentationsDataset
from rastervision.pytorch_learner.dataset.geo_dataset import (
    RandomWindowGeoDataset,
    SlidingWindowGeoDataset,
)
from rastervision.pytorch_learner.dataset.subset import parts_of

log = logging.getLogger(__name__)

MAX_PARTS = 8
"""Number of scenes or folders that are looked at, at most."""

IMAGES_OF_PART = 3
DARK = 0.1
"""Share of the range of a number type; images that stay below it are almost black."""


def warn_of_dark_images(dataset: Dataset[Any]) -> None:
    """Log it if images of unsigned integers use a small part of their range only.

    Datasets scale images to [0, 1] by that range, so that little is left of the values of a 16-bit
    image, which are often below 4096. A few images of each scene or folder tell.

    Args:
        dataset: Training data; parts of it that are not ours are not looked at.
    """
    parts = list(parts_of(dataset))
    peaks = [
        (float(image.max()) / np.iinfo(image.dtype).max, image.dtype)
        for part in parts[:: max(1, len(parts) // MAX_PARTS)][:MAX_PARTS]
        if isinstance(part, AlbumentationsDataset) and part.normalize
        for image in _some_images(part)
        if image.dtype.kind == 'u' and image.size
    ]
    if not peaks:
        return
    peak, dtype = max(peaks, key=lambda p: p[0])
    if peak < DARK:
        log.warning(
            'The training images are almost black: the largest value in %d of them is %.3g of what '
            '%s can hold, and images are divided by that. If they use a part of its range only, '
            'give raster sources transformers=[StatsTransformerConfig()].',
            len(peaks),
            peak,
            dtype,
        )


def _some_images(dataset: AlbumentationsDataset) -> Iterator[NDArray[Any]]:
    """Some images (..., H, W, C) of a dataset as they are stored, spread over it."""
    if isinstance(dataset, RandomWindowGeoDataset):
        rng = np.random.default_rng(0)
        windows: Any = [dataset.sampler.sample(rng) for _ in range(IMAGES_OF_PART)]
    else:
        count = len(dataset)
        places = sorted({count * k // IMAGES_OF_PART for k in range(IMAGES_OF_PART)} - {count})
        if not isinstance(dataset, SlidingWindowGeoDataset):
            yield from (dataset.orig_dataset[place][0] for place in places)
            return
        windows = [dataset.windows[place] for place in places]
    yield from (dataset.scene.raster_source[window] for window in windows)
