"""Which boxes of a scene the image has data for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.data.label.utils import overlapping
from rastervision.core.data.raster_source import RasterSource

WINDOW_SIZE = 2048


def has_data(image: RasterSource, boxes: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether the image has data in boxes, in a time series at any of the times.

    The image is read window by window, where there are boxes, if it may have gaps at all.

    Args:
        image: the image.
        boxes: (N, 4) ymin, xmin, ymax, xmax in the extent frame.

    Returns:
        (N,) mask, True where any pixel that a box touches is valid.
    """
    if not image.may_have_gaps:
        return np.ones(len(boxes), dtype=bool)
    found = np.zeros(len(boxes), dtype=bool)
    low = np.floor(boxes[:, :2]).astype(np.int64)
    high = np.maximum(np.ceil(boxes[:, 2:]).astype(np.int64), low + 1)
    touched = np.hstack([low, high])
    for window in image.extent.get_windows(WINDOW_SIZE, WINDOW_SIZE):
        near = np.flatnonzero(~found & overlapping(touched, window))
        if len(near):
            ground = image.read(window).ground
            found[near] = _any_in(ground, touched[near] - [window.ymin, window.xmin] * 2)
    return found


def _any_in(mask: NDArray[np.bool_], boxes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) whether a mask (H, W) is True anywhere in boxes that touch it."""
    height, width = mask.shape
    sums = np.zeros((height + 1, width + 1), dtype=np.int32)
    sums[1:, 1:] = mask.cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32)
    ymin, xmin, ymax, xmax = np.clip(boxes, 0, [height, width] * 2).T
    count = sums[ymax, xmax] - sums[ymin, xmax] - sums[ymax, xmin] + sums[ymin, xmin]
    return np.asarray(count > 0)
