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
        window: (N,) numbers of the windows in which they were found.
        is_cut: (N,) whether the object may go on beyond a border of the window that is inside of
            the scene.
    """

    boxes: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    window: NDArray[np.int64]
    is_cut: NDArray[np.bool_]

    def take(self, where: NDArray[Any]) -> Self:
        """Some of them, by position or where a mask is True."""
        return type(self)(
            self.boxes[where],
            self.class_ids[where],
            self.scores[where],
            self.window[where],
            self.is_cut[where],
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
            as one of which another window shows more, if more than this share of it lies in that;
            then the one that shows more is kept, whatever the scores.
        across_classes: whether boxes of different classes can be the same object.

    Returns:
        Boxes by descending score, cut to the extent.
    """
    found = collect(results, extent, score_thresh)
    classes = np.zeros_like(found.class_ids) if across_classes else found.class_ids
    rest = np.flatnonzero(~is_part_of_other(found, classes, merge_thresh))
    boxes, scores = found.boxes[rest], found.scores[rest]
    kept = rest[box_ops.non_max_suppression(boxes, scores, merge_thresh, classes[rest])]
    return ObjectDetectionLabels(found.boxes[kept], found.class_ids[kept], found.scores[kept])


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
    number = np.repeat(np.arange(len(windows)), [len(ids) for ids in class_ids[1:]])
    window = np.array(windows, dtype=np.float64).reshape(-1, 4)[number]
    local = np.concatenate(boxes).astype(np.float64)
    is_cut = _touches_inner_border(local, window, extent)
    placed = box_ops.clip_boxes(local + window[:, [0, 1, 0, 1]], extent)
    ids = np.concatenate(class_ids)
    found = Detections(placed, ids, np.concatenate(scores), number, is_cut)
    return found.take(box_ops.box_areas(placed) > 0)


def _touches_inner_border(
    boxes: NDArray[Any], windows: NDArray[np.float64], extent: Box
) -> NDArray[np.bool_]:
    """(N,) whether local boxes end at a side of their window that is no side of the scene."""
    size = windows[:, 2:] - windows[:, :2]
    margin = np.maximum(EDGE_PIXELS, EDGE_SHARE * size)
    starts_inside = windows[:, :2] > [extent.ymin, extent.xmin]
    ends_inside = windows[:, 2:] < [extent.ymax, extent.xmax]
    at_start = (boxes[:, :2] <= margin) & starts_inside
    at_end = (boxes[:, 2:] >= size - margin) & ends_inside
    return np.asarray((at_start | at_end).any(axis=1))


def is_part_of_other(
    found: Detections, classes: NDArray[np.int64], merge_thresh: float
) -> NDArray[np.bool_]:
    """(N,) which cut boxes lie, by more than a share, in a box of another window that shows more.

    A whole box shows more, and so does a cut one that is larger.

    Args:
        found: the boxes.
        classes: (N,) which boxes can be the same object: those for which this is the same.
        merge_thresh: the share.
    """
    boxes, areas = found.boxes, box_ops.box_areas(found.boxes)
    cut = np.flatnonzero(found.is_cut)
    is_part = np.zeros(len(boxes), dtype=bool)
    for position, j in box_ops.touching_pairs(boxes[cut], box_ops.box_tree(boxes)):
        i = cut[position]
        shows_more = ~found.is_cut[j] | (areas[j] > areas[i])
        comparable = shows_more & (classes[i] == classes[j]) & (found.window[i] != found.window[j])
        i, j = i[comparable], j[comparable]  # noqa: PLW2901 - fewer of them
        is_part[i[box_ops.ioa(boxes[i], boxes[j]) > merge_thresh]] = True
    return is_part
