"""Joining the boxes that a model finds in overlapping windows of a scene."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.label import ObjectDetectionLabels
from rastervision.core.data.label import boxes as box_ops
from rastervision.core.prediction.window_results import WindowBoxes

EDGE_PIXELS = 2
EDGE_SHARE = 0.01
"""A box that ends so near to the border of its window, in pixels or as a share of the window's
side, may be what is visible of a larger object."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What was found in all windows of a scene.

    Attributes:
        boxes: (N, 4) ymin, xmin, ymax, xmax in the extent frame, within the extent.
        class_ids: (N,) class ids.
        scores: (N,) scores.
        windows: (N, 4) the windows in which they were found, in the extent frame.
        cut: (N, 4) at which of its sides the object may go on beyond a border of the window that
            is inside of the scene.
    """

    boxes: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    windows: NDArray[np.float64]
    cut: NDArray[np.bool_]

    @property
    def is_cut(self) -> NDArray[np.bool_]:
        """(N,) whether the object may go on at any side."""
        return np.asarray(self.cut.any(axis=1))

    def kinds(self, across_classes: bool) -> NDArray[np.int64]:
        """(N,) numbers that are the same for boxes that can be the same object."""
        return np.zeros_like(self.class_ids) if across_classes else self.class_ids

    def take(self, where: NDArray[Any]) -> Self:
        """Some of them, by position or where a mask is True."""
        return type(self)(
            self.boxes[where],
            self.class_ids[where],
            self.scores[where],
            self.windows[where],
            self.cut[where],
        )


def merge_windows(
    results: Iterable[WindowBoxes],
    extent: Box,
    score_thresh: float,
    merge_thresh: float,
    across_classes: bool = True,
) -> ObjectDetectionLabels:
    """Boxes of a scene, each object once, from those of its windows.

    Args:
        results: what was found in the windows, in any order; those without data do not count.
        extent: Box(0, 0, height, width) of the scene.
        score_thresh: boxes whose score is not above this drop out.
        merge_thresh: boxes whose intersection over union is above this are the same object; the
            one with the highest score is kept. And a box that a window cuts off is the same object
            as one of which another window shows more, see `is_part_of_other`; then the one that
            shows more is kept, whatever the scores. Pieces of an object that is
            larger than the windows are put together first, see `join_pieces`.
        across_classes: whether boxes of different classes can be the same object.

    Returns:
        Boxes by descending score, cut to the extent.
    """
    found = collect(results, extent, score_thresh)
    found = join_pieces(found, found.kinds(across_classes), merge_thresh)
    found = found.take(~is_part_of_other(found, found.kinds(across_classes), merge_thresh))
    kinds = found.kinds(across_classes)
    best = box_ops.non_max_suppression(found.boxes, found.scores, merge_thresh, kinds)
    return ObjectDetectionLabels(found.boxes[best], found.class_ids[best], found.scores[best])


def collect(results: Iterable[WindowBoxes], extent: Box, score_thresh: float) -> Detections:
    """Boxes above a score in the extent frame, cut to the extent; empty ones drop out."""
    windows: list[tuple[int, int, int, int]] = []
    boxes: list[NDArray[Any]] = [np.zeros((0, 4), dtype=np.float32)]
    class_ids: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    scores: list[NDArray[np.float32]] = [np.zeros(0, dtype=np.float32)]
    for result in results:
        high = result.scores > score_thresh
        if result.valid and high.any():
            windows.append(result.window.tuple_format())
            boxes.append(result.boxes[high])
            class_ids.append(result.class_ids[high])
            scores.append(result.scores[high])
    counts = [len(ids) for ids in class_ids[1:]]
    of_box = np.repeat(np.array(windows, dtype=np.float64).reshape(-1, 4), counts, axis=0)
    local = np.concatenate(boxes).astype(np.float64)
    cut = _touches_inner_borders(local, of_box, extent)
    placed = box_ops.clip_boxes(local + of_box[:, [0, 1, 0, 1]], extent)
    ids = np.concatenate(class_ids)
    found = Detections(placed, ids, np.concatenate(scores), of_box, cut)
    return found.take(box_ops.box_areas(placed) > 0)


def _touches_inner_borders(
    boxes: NDArray[Any], windows: NDArray[np.float64], extent: Box
) -> NDArray[np.bool_]:
    """(N, 4) which sides of local boxes are at a side of their window that is none of the scene."""
    size = windows[:, 2:] - windows[:, :2]
    margin = np.maximum(EDGE_PIXELS, EDGE_SHARE * size)
    starts_inside = windows[:, :2] > [extent.ymin, extent.xmin]
    ends_inside = windows[:, 2:] < [extent.ymax, extent.xmax]
    at_start = (boxes[:, :2] <= margin) & starts_inside
    at_end = (boxes[:, 2:] >= size - margin) & ends_inside
    return np.hstack([at_start, at_end])


def join_pieces(found: Detections, kinds: NDArray[np.int64], merge_thresh: float) -> Detections:
    """Put the pieces of objects together that go on from one window to the next.

    Two boxes are pieces of one object if one window is beside or below the other and overlaps it,
    both boxes are cut at the border that the other window sees beyond, and in the part that both
    windows see, the intersection over union of the boxes is above a threshold. So both windows
    agree that the object fills this part from one end to the other and goes on at both.

    Args:
        found: the boxes.
        kinds: (N,) which boxes can be the same object: those for which this is the same.
        merge_thresh: the threshold.

    Returns:
        A box around each chain of pieces, of the class and the score of the best of them, and cut
        where one of them is; all other boxes as they were.
    """
    cut = np.flatnonzero(found.is_cut)
    boxes, windows = found.boxes[cut], found.windows[cut]
    links = [np.zeros((2, 0), dtype=np.intp)]
    for pair in box_ops.touching_pairs(boxes, box_ops.box_tree(boxes)):
        i, j = pair
        goes_on = _goes_on(windows[i], found.cut[cut[i]], windows[j], found.cut[cut[j]])
        i, j = np.stack(pair)[:, goes_on & (kinds[cut[i]] == kinds[cut[j]])]
        seen_by_both = _common(windows[i], windows[j])
        parts = _common(boxes[i], seen_by_both), _common(boxes[j], seen_by_both)
        links.append(np.stack([i, j])[:, box_ops.iou(*parts) > merge_thresh])
    first, second = np.hstack(links)
    return _united(found, cut[first], cut[second]) if len(first) else found


def _goes_on(
    windows: NDArray[np.float64],
    cut: NDArray[np.bool_],
    next_windows: NDArray[np.float64],
    next_cut: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """(P,) whether the second window follows the first in a row or column, and both cut there."""
    result = np.zeros(len(windows), dtype=bool)
    for start, end, across in ((0, 2, [1, 3]), (1, 3, [0, 2])):
        in_line = (windows[:, across] == next_windows[:, across]).all(axis=1)
        follows = windows[:, start] < next_windows[:, start]
        result |= in_line & follows & cut[:, end] & next_cut[:, start]
    return result


def _common(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P, 4) boxes that two arrays of boxes share, row by row; some may have no area."""
    return np.hstack([np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])])


def _united(found: Detections, first: NDArray[np.intp], second: NDArray[np.intp]) -> Detections:
    """One detection for each group that pairs of detections connect."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(found.boxes)
    graph = coo_array((np.ones(len(first)), (first, second)), (count, count))
    _, group = connected_components(graph, directed=False)
    order = np.lexsort((-found.scores, group))
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    best = found.take(order[starts])

    def around(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        low = np.minimum.reduceat(boxes[order, :2], starts)
        return np.hstack([low, np.maximum.reduceat(boxes[order, 2:], starts)])

    cut = np.logical_or.reduceat(found.cut[order], starts)
    return Detections(around(found.boxes), best.class_ids, best.scores, around(found.windows), cut)


def is_part_of_other(
    found: Detections, kinds: NDArray[np.int64], merge_thresh: float
) -> NDArray[np.bool_]:
    """(N,) which cut boxes lie, by more than a share, in a box of another window that shows more.

    A whole box shows more, and so does a cut one that is larger. If it is of another class, the cut
    box must also be what the window can see of it: a car is no part of the field that it is in.

    Args:
        found: the boxes.
        kinds: (N,) which boxes can be the same object: those for which this is the same.
        merge_thresh: the share; and the intersection over union with what the window can see.
    """
    boxes, areas = found.boxes, box_ops.box_areas(found.boxes)
    is_cut, windows = found.is_cut, found.windows
    cut = np.flatnonzero(is_cut)
    is_part = np.zeros(len(boxes), dtype=bool)
    for position, j in box_ops.touching_pairs(boxes[cut], box_ops.box_tree(boxes)):
        i = cut[position]
        shows_more = ~is_cut[j] | (areas[j] > areas[i])
        elsewhere = (windows[i] != windows[j]).any(axis=1)
        comparable = shows_more & (kinds[i] == kinds[j]) & elsewhere
        i, j = i[comparable], j[comparable]  # noqa: PLW2901 - fewer of them
        in_sight = _common(boxes[j], windows[i])
        alike = found.class_ids[i] == found.class_ids[j]
        alike |= box_ops.iou(boxes[i], in_sight) > merge_thresh
        is_part[i[alike & (box_ops.ioa(boxes[i], boxes[j]) > merge_thresh)]] = True
    return is_part
