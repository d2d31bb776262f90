"""Matching predicted boxes to true ones, and average precision as COCO computes it.

Pairs that overlap are found with a spatial index; everything else works on arrays of these pairs.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rastervision.core.data.label import ObjectDetectionLabels
from rastervision.core.data.label import boxes as box_ops

Indices = NDArray[np.intp]

COCO_THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Intersections over union from which COCO takes a prediction for right."""
RECALLS = np.linspace(0, 1, 101)
"""Recalls at which COCO looks up the precision."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Predictions and true boxes of the same class that overlap.

    Attributes:
        predicted: (P,) numbers of predictions, in ascending order; the best pair of each is first.
        true: (P,) numbers of true boxes.
        iou: (P,) intersections over union.
    """

    predicted: Indices
    true: Indices
    iou: NDArray[np.float64]

    def where(self, keep: NDArray[np.bool_]) -> Self:
        """Some of the pairs."""
        return type(self)(self.predicted[keep], self.true[keep], self.iou[keep])


def overlapping_pairs(truth: ObjectDetectionLabels, predicted: ObjectDetectionLabels) -> Pairs:
    """Pairs of boxes that share an area; predictions are numbered from the highest score down."""
    ranked = predicted.take(by_score(predicted.get_scores()))
    i, j = box_ops.touching_pairs(ranked.get_npboxes(), truth.get_npboxes())
    same = ranked.get_class_ids()[i] == truth.get_class_ids()[j]
    i, j = i[same], j[same]
    iou = box_ops.iou(ranked.get_npboxes()[i], truth.get_npboxes()[j])
    order = np.lexsort((-j, -iou, i))  # as in COCO, the last one among equals is the best
    order = order[iou[order] > 0]
    return Pairs(i[order], j[order], iou[order])


def by_score(scores: NDArray[Any]) -> Indices:
    """Positions from the highest score down; equals stay in their order."""
    return np.argsort(-np.asarray(scores, dtype=np.float64), kind='stable')


def assign(pairs: Pairs, num_predicted: int, num_true: int) -> NDArray[np.bool_]:
    """Give each true box to one prediction at most.

    In the order of their numbers, predictions take the best of the true boxes that are still free.
    This is computed in rounds: all predictions ask for their best box at once, the first one in
    order gets it, and the others go on to their next best. Whoever is first in order never loses
    a box again, so the result is the same.

    Returns:
        (num_predicted,) whether a prediction got a box.
    """
    nobody = num_predicted
    owner = np.full(num_true, nobody)
    edges = np.searchsorted(pairs.predicted, np.arange(num_predicted + 1))
    asks, end = edges[:-1].copy(), edges[1:]
    asking = np.flatnonzero(asks < end)
    while len(asking):
        wanted = pairs.true[asks[asking]]
        before = owner[wanted]
        np.minimum.at(owner, wanted, asking)
        refused = asking[owner[wanted] != asking]
        displaced = before[(before != nobody) & (owner[wanted] != before)]
        losers = np.union1d(refused, displaced)
        asks[losers] += 1
        asking = losers[asks[losers] < end[losers]]
    has_box = np.zeros(num_predicted + 1, dtype=bool)
    has_box[owner] = True
    return has_box[:-1]


@dataclass(frozen=True, slots=True, eq=False)
class MatchedDetections:
    """Which predictions are right, by the threshold of COCO: what average precision follows from.

    Attributes:
        class_ids: (N,) class ids of the predictions.
        scores: (N,) scores.
        right: (N,) bit i says whether a prediction is right at the i-th of `COCO_THRESHOLDS`.
        num_true: (C,) number of true boxes of each class.
    """

    class_ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    right: NDArray[np.int64]
    num_true: NDArray[np.int64]

    @classmethod
    def empty(cls, num_classes: int) -> Self:
        """No predictions, no true boxes."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(nothing, np.zeros(0), nothing, np.zeros(num_classes, dtype=np.int64))

    @classmethod
    def of_scene(
        cls, truth: ObjectDetectionLabels, predicted: ObjectDetectionLabels, num_classes: int
    ) -> Self:
        """Match the predictions for one scene."""
        order = by_score(predicted.get_scores())
        pairs = overlapping_pairs(truth, predicted)
        right = np.zeros(len(predicted), dtype=np.int64)
        for i, thresh in enumerate(COCO_THRESHOLDS):
            pairs = pairs.where(pairs.iou >= thresh)
            right |= assign(pairs, len(predicted), len(truth)).astype(np.int64) << i
        counts = np.bincount(truth.get_class_ids(), minlength=num_classes)
        scores = np.asarray(predicted.get_scores(), dtype=np.float64)
        return cls(predicted.get_class_ids()[order], scores[order], right, counts)

    def __add__(self, other: 'MatchedDetections') -> Self:
        """Those of both; their scenes have nothing to do with each other."""
        return type(self)(
            np.concatenate([self.class_ids, other.class_ids]),
            np.concatenate([self.scores, other.scores]),
            np.concatenate([self.right, other.right]),
            self.num_true + other.num_true,
        )

    def average_precisions(self) -> NDArray[np.float64]:
        """(C, T) average precision by class and threshold; NaN for classes without true boxes."""
        result = np.full((len(self.num_true), len(COCO_THRESHOLDS)), np.nan)
        for class_id in np.flatnonzero(self.num_true).tolist():
            of_class = np.flatnonzero(self.class_ids == class_id)
            ranked = self.right[of_class[by_score(self.scores[of_class])]]
            for i in range(len(COCO_THRESHOLDS)):
                right = (ranked >> i & 1).astype(bool)
                result[class_id, i] = average_precision(right, int(self.num_true[class_id]))
        return result


def average_precision(right: NDArray[np.bool_], num_true: int) -> float:
    """Mean over 101 recalls of the best precision that is reached at this or a higher recall.

    Args:
        right: (N,) whether a prediction is right, from the highest score down.
        num_true: number of true boxes, above 0.
    """
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    reached = np.searchsorted(hits / num_true, RECALLS, side='left')
    return float(np.append(best, 0.0)[reached].mean())
