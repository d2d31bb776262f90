"""Helpers for labels from predictions."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.utils.features import Features
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


def cells_within(cells: NDArray[Any], aoi_polygons: Iterable[BaseGeometry]) -> NDArray[np.bool_]:
    """Which cells lie within the union of some polygons.

    Args:
        cells: (N, 4) ymin, xmin, ymax, xmax in the frame of the polygons.
        aoi_polygons: The polygons; invalid ones are repaired.

    Returns:
        (N,) mask.
    """
    aoi = shapely.union_all(shapely.make_valid(np.array(list(aoi_polygons), dtype=object)))
    shapely.prepare(aoi)
    ymin, xmin, ymax, xmax = cells.T
    inside: NDArray[np.bool_] = shapely.covers(aoi, shapely.box(xmin, ymin, xmax, ymax))
    return inside


def cells_of_features(features: Features, bbox: Box | None = None) -> NDArray[np.int64]:
    """Whole-pixel bounding boxes of features.

    Args:
        features: Features in the source pixel frame.
        bbox: Box of that frame in whose extent frame the result is wanted; None leaves it.

    Returns:
        (N, 4) ymin, xmin, ymax, xmax.
    """
    dy, dx = (0, 0) if bbox is None else (bbox.ymin, bbox.xmin)
    xmin, ymin, xmax, ymax = shapely.bounds(features.geoms).reshape(-1, 4).T
    cells = np.stack([ymin - dy, xmin - dx, ymax - dy, xmax - dx], axis=-1)
    whole: NDArray[np.int64] = np.rint(cells).astype(np.int64)
    return whole
