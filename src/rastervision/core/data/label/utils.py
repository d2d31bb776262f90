"""Helpers for labels from predictions."""

from collections.abc import Iterable, Iterator
from typing import Any

from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.pipeline.errors import ConfigError


def discard_prediction_edges(
    windows: Iterable[Box], predictions: Iterable[NDArray[Any]], crop_sz: int
) -> tuple[list[Box], Iterator[NDArray[Any]]]:
    """Cut the same number of pixels from all edges of windows and of their predictions.

    Args:
        windows: windows, larger than twice `crop_sz`.
        predictions: arrays of shape (..., h, w), one per window.
        crop_sz: pixels to cut from each edge.

    Returns:
        The smaller windows, and an iterator over the smaller arrays.

    Raises:
        ConfigError: nothing is left of a window.
    """
    windows = list(windows)
    for window in windows:
        if min(window.size) <= 2 * crop_sz:
            raise ConfigError(
                f'crop_sz={crop_sz} leaves nothing of a window of {window.height} x '
                f'{window.width} pixels; use a smaller crop_sz or a larger chip_sz.'
            )
    if crop_sz == 0:
        return windows, iter(predictions)
    inner = slice(crop_sz, -crop_sz)
    return (
        [window.erode(crop_sz) for window in windows],
        (prediction[..., inner, inner] for prediction in predictions),
    )
