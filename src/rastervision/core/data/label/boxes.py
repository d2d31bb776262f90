"""Boxes as (N, 4) arrays of ymin, xmin, ymax, xmax: areas, overlaps, clipping, suppression.

Overlaps are found with a spatial index, so that the effort follows the number of boxes that do
overlap, and never the square of the number of boxes.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.utils.gc_pause import gc_paused

Boxes: TypeAlias = NDArray[Any]
"""(N, 4) ymin, xmin, ymax, xmax in one frame."""
Indices: TypeAlias = NDArray[np.intp]
Floats: TypeAlias = NDArray[np.float64]

CHUNK = 2048
"""Boxes that suppression compares among each other at once."""
SLICE = 256
"""Boxes whose neighbours are looked up at once; in a crowd, each has all of it."""
MAX_PAIRS = 2**19
"""Pairs of boxes that are looked at together, at most, but for those of one box."""


def box_areas(boxes: Boxes) -> Floats:
    """(N,) areas."""
    height, width = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    return np.asarray(height.clip(0) * width.clip(0), dtype=np.float64)


def intersection_areas(a: Boxes, b: Boxes) -> Floats:
    """(N,) areas that the boxes of two arrays share, row by row."""
    height = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
    width = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    return np.asarray(height.clip(0) * width.clip(0), dtype=np.float64)


def iou(a: Boxes, b: Boxes) -> Floats:
    """(N,) intersections over unions, row by row; 0 for boxes without area."""
    shared = intersection_areas(a, b)
    return _ratio(shared, box_areas(a) + box_areas(b) - shared)


def ioa(a: Boxes, b: Boxes) -> Floats:
    """(N,) shares of the boxes `a` that lie in `b`, row by row; 0 for boxes without area."""
    return _ratio(intersection_areas(a, b), box_areas(a))


def ioa_with_window(boxes: Boxes, window: Box) -> Floats:
    """(N,) shares of the boxes that lie in a window; 0 for boxes without area."""
    return ioa(boxes, np.array([window.tuple_format()]))


def clip_boxes(boxes: Boxes, window: Box) -> Boxes:
    """Cut boxes to a window; those outside of it get no area."""
    low = [window.ymin, window.xmin] * 2
    high = [window.ymax, window.xmax] * 2
    return np.clip(boxes, low, high)


@gc_paused()
def to_shapely(boxes: Boxes) -> NDArray[np.object_]:
    """(N,) rectangles with x before y."""
    ymin, xmin, ymax, xmax = np.asarray(boxes, dtype=np.float64).T
    return np.asarray(shapely.box(xmin, ymin, xmax, ymax))


def box_tree(boxes: Boxes) -> shapely.STRtree:
    """Index boxes for `touching_pairs`."""
    return shapely.STRtree(_diagonals(boxes))


def touching_pairs(a: Boxes, tree: shapely.STRtree) -> Iterator[tuple[Indices, Indices]]:
    """Yield which boxes touch or overlap, a bounded number of pairs at a time.

    Args:
        a: (N, 4) boxes.
        tree: the `box_tree` of other boxes.

    Yields:
        (P,) positions in `a`, in ascending order from the first to the last yield, and (P,)
        positions in the other boxes. All pairs of one box of `a` come together.
    """
    return _query(tree, _diagonals(a))


def _query(tree: shapely.STRtree, shapes: NDArray[np.object_]) -> Iterator[tuple[Indices, Indices]]:
    """Yield positions of shapes and of those in a tree whose bounding boxes touch."""
    for start in range(0, len(shapes), SLICE):
        i, j = tree.query(shapes[start : start + SLICE])
        ends = np.searchsorted(i, np.arange(1, SLICE + 1))
        cuts = ends[:-1][np.diff(ends // MAX_PAIRS) > 0]
        yield from zip(np.split(i + start, cuts), np.split(j, cuts), strict=True)


@gc_paused()
def _diagonals(boxes: Boxes) -> NDArray[np.object_]:
    """(N,) lines whose bounding boxes are the boxes: quicker to make than rectangles."""
    corners = np.asarray(boxes, dtype=np.float64)[:, [1, 0, 3, 2]]
    return np.asarray(shapely.linestrings(corners.reshape(-1, 2, 2)))


def non_max_suppression(
    boxes: Boxes, scores: NDArray[Any], iou_thresh: float, class_ids: NDArray[Any] | None = None
) -> Indices:
    """Keep the best of boxes that overlap.

    From the highest score to the lowest (the earlier box first among equals), a box is kept unless
    it overlaps with one that was kept.

    Args:
        boxes: (N, 4) boxes.
        scores: (N,) scores.
        iou_thresh: boxes overlap when their intersection over union is above this.
        class_ids: (N,) classes; boxes of different classes leave each other alone. None takes all
            for one class.

    Returns:
        Positions of the boxes to keep, by descending score.
    """
    order: Indices = np.argsort(-np.asarray(scores, dtype=np.float64), kind='stable')
    if iou_thresh >= 1:
        return order
    ranked = np.asarray(boxes, dtype=np.float64)[order]
    classes = np.zeros(len(order)) if class_ids is None else np.asarray(class_ids)[order]
    shapes = _diagonals(ranked)

    def overlapping(
        winners: Indices, losers: Indices, tree: shapely.STRtree
    ) -> Iterator[tuple[Indices, Indices]]:
        """Yield pairs of a box and a worse one, of those in a tree, that overlaps it."""
        for near_i, near_j in _query(tree, shapes[winners]):
            i, j = winners[near_i], losers[near_j]
            comparable = (i < j) & (classes[i] == classes[j])
            i, j = i[comparable], j[comparable]
            above = iou(ranked[i], ranked[j]) > iou_thresh
            yield i[above], j[above]

    # Chunk by chunk from the best: however many boxes lie in one place, no more than those of a
    # chunk are compared among each other, and the rest only with what is kept of it.
    kept = np.ones(len(order), dtype=bool)
    everything = np.arange(len(order))
    whole_tree = shapely.STRtree(shapes) if len(order) > CHUNK else None
    for start in range(0, len(order), CHUNK):
        chunk = start + np.flatnonzero(kept[start : start + CHUNK])
        for better, worse in overlapping(chunk, chunk, shapely.STRtree(shapes[chunk])):
            _suppress(kept, better, worse)
        if whole_tree is not None:
            for _, worse in overlapping(chunk[kept[chunk]], everything, whole_tree):
                kept[worse] = False
    return order[kept]


def _suppress(kept: NDArray[np.bool_], better: Indices, worse: Indices) -> None:
    """Strike out, from the best box to the worst, what overlaps with a box that is kept."""
    first = np.flatnonzero(np.diff(better, prepend=-1))
    ends = np.append(first, len(better))[1:]
    for winner, i, j in zip(better[first].tolist(), first.tolist(), ends.tolist(), strict=True):
        if kept[winner]:
            kept[worse[i:j]] = False


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
