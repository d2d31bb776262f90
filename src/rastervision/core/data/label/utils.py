"""Helpers for labels from predictions."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.utils.features import Features, to_number
from rastervision.pipeline.errors import ConfigError, DataError

MIN_INEXACT = 4
"""Least side, in pixels, of cells that match others that are a pixel away."""


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


def positions(chosen: ArrayLike) -> NDArray[Any]:
    """Positions or a mask as an index; no position at all is one, too."""
    array = np.asarray(chosen)
    return array if array.size else array.astype(np.intp)


def cells_within(
    cells: NDArray[Any], aoi_polygons: Iterable[BaseGeometry], extent: Box | None = None
) -> NDArray[np.bool_]:
    """Which cells lie within the union of some polygons.

    Args:
        cells: (N, 4) ymin, xmin, ymax, xmax in the frame of the polygons.
        aoi_polygons: The polygons; invalid ones are repaired.
        extent: Of cells that go beyond it, only the part inside has to lie within; those outside
            of it do not count. None for whole cells.

    Returns:
        (N,) mask.
    """
    aoi = shapely.union_all(shapely.make_valid(np.array(list(aoi_polygons), dtype=object)))
    shapely.prepare(aoi)
    if extent is not None:
        low, high = [extent.ymin, extent.xmin] * 2, [extent.ymax, extent.xmax] * 2
        cells = np.clip(cells, low, high)
    ymin, xmin, ymax, xmax = cells.T
    inside = shapely.covers(aoi, shapely.box(xmin, ymin, xmax, ymax))
    return np.asarray(inside & (ymin < ymax) & (xmin < xmax))


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


def score_table(features: Features) -> NDArray[np.float64] | None:
    """(N, K) scores of features, NaN in the rows of those without; None if no feature has any.

    Raises:
        DataError: Some have more than others, or scores that are no numbers.
    """
    column = features.column('scores')
    for scores in column:
        if scores is not None and not isinstance(scores, list | tuple | np.ndarray):
            raise DataError(
                f"{features.origin}: the property 'scores' is {scores!r}, but it must be a list of "
                'numbers, one for each class.'
            )
    lengths = {len(scores) for scores in column if scores is not None}
    if not lengths:
        return None
    if len(lengths) > 1:
        raise DataError(
            f'{features.origin}: cells have {" or ".join(map(str, sorted(lengths)))} scores, but '
            'all of them must have as many.'
        )
    missing = [None] * lengths.pop()
    rows = [missing if scores is None else scores for scores in column]
    numbers = [[to_number(score, 'scores', features.origin) for score in row] for row in rows]
    return np.array(numbers, dtype=float)


def overlapping(cells: NDArray[Any], window: Box) -> NDArray[np.bool_]:
    """(N,) which cells (N, 4) share area with a window."""
    ymin, xmin, ymax, xmax = cells.T
    rows, columns = (ymin < window.ymax) & (ymax > window.ymin), (xmin < window.xmax)
    return np.asarray(rows & columns & (xmax > window.xmin))


def matching_rows(
    cells: NDArray[Any], others: NDArray[np.int64], extent: Box | None = None
) -> NDArray[np.intp]:
    """Find cells among others.

    Corners in map coordinates that are rounded down to pixels may be a pixel off. So a cell that
    is not there as it is matches one that no other cell matches, and whose sides are all at most a
    pixel away; this needs cells of at least MIN_INEXACT pixels, so that it is not a neighbour.

    Args:
        cells: (N, 4) ymin, xmin, ymax, xmax.
        others: (M, 4) cells in the same frame.
        extent: Cells that go beyond it on one side, and are cut there on the other, match, too.

    Returns:
        (N,) numbers of the matches in `others`, -1 for cells without one.
    """
    rows = _matching(cells, others)
    if extent is not None and (rows < 0).any():
        left, free = np.flatnonzero(rows < 0), np.setdiff1d(np.arange(len(others)), rows)
        low, high = [extent.ymin, extent.xmin] * 2, [extent.ymax, extent.xmax] * 2
        found = _matching(np.clip(cells[left], low, high), np.clip(others[free], low, high))
        hit = found >= 0
        rows[left[hit]] = free[found[hit]]
    return rows


def _matching(cells: NDArray[Any], others: NDArray[np.int64]) -> NDArray[np.intp]:
    """`matching_rows` of cells as they are."""
    by_sides = {tuple(sides): row for row, sides in enumerate(others.tolist())}
    rows = np.array([by_sides.get(tuple(sides), -1) for sides in cells.tolist()], dtype=np.intp)
    large = (cells[:, 2:] - cells[:, :2]).min(axis=1, initial=MIN_INEXACT) >= MIN_INEXACT
    left, free = np.flatnonzero((rows < 0) & large), np.setdiff1d(np.arange(len(others)), rows)
    points: Any = shapely.points(others[free][:, :2])
    corners = shapely.STRtree(points)
    y, x = cells[left][:, :2].T
    i, j = corners.query(shapely.box(y - 1, x - 1, y + 1, x + 1), predicate='intersects')
    i, j = left[i], free[j]
    away = np.abs(cells[i] - others[j])
    order = np.argsort(away.sum(axis=1), kind='stable')
    order = order[away[order].max(axis=1, initial=0) <= 1]
    for chosen in (i, j):  # the nearest of each, then each once
        order = order[np.sort(np.unique(chosen[order], return_index=True)[1])]
    rows[i[order]] = j[order]
    return rows
