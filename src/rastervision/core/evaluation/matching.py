"""Matching predicted boxes to true ones, and average precision as COCO computes it.

Pairs that overlap are found with a spatial index; everything else works on arrays of these pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from rastervision.core.data.label import ObjectDetectionLabels
from rastervision.core.data.label import boxes as box_ops

Indices = NDArray[np.intp]
Counts = NDArray[np.int64]

COCO_THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Intersections over union from which COCO takes a prediction for right."""
RECALLS = np.linspace(0, 1, 101)
"""Recalls at which COCO looks up the precision."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of a predicted and a true box that overlap.

    Attributes:
        predicted: (P,) numbers of predictions, in ascending order. For each, its true boxes stand
            by descending IoU; of equals, one of the same class is first, and then the last one.
        true: (P,) numbers of true boxes.
        iou: (P,) intersections over union, above 0.
        agrees: (P,) whether both are of the same class.
    """

    predicted: Indices
    true: Indices
    iou: NDArray[np.float64]
    agrees: NDArray[np.bool_]

    def where(self, keep: NDArray[np.bool_]) -> Self:
        """Some of the pairs."""
        return type(self)(self.predicted[keep], self.true[keep], self.iou[keep], self.agrees[keep])


def overlapping_pairs(
    truth: ObjectDetectionLabels, predicted: ObjectDetectionLabels, least_iou: float = 0.0
) -> Pairs:
    """All pairs of boxes that share an area.

    Args:
        truth: the true boxes.
        predicted: the predictions.
        least_iou: leaves out pairs whose intersection over union is below this.
    """
    a, b = predicted.get_npboxes(), truth.get_npboxes()
    parts = []
    for near_i, near_j in box_ops.touching_pairs(a, b):
        ratio = box_ops.iou(a[near_i], b[near_j])
        keep = (ratio > 0) & (ratio >= least_iou)
        parts.append((near_i[keep], near_j[keep], ratio[keep]))
    nothing = (np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), np.zeros(0))
    i, j, iou = (np.concatenate(column) for column in zip(nothing, *parts, strict=True))
    agrees = predicted.get_class_ids()[i] == truth.get_class_ids()[j]
    order = np.lexsort((-j, ~agrees, -iou, i))
    return Pairs(i[order], j[order], iou[order], agrees[order])


def assign(pairs: Pairs, rank: Indices) -> NDArray[np.bool_]:
    """Choose pairs so that no box is in two of them.

    Pairs are chosen one by one in the order of their ranks. To have this in array operations,
    predictions ask for true boxes in rounds: each for its first one; a true box takes the pair of
    the best rank and refuses the others; who was refused asks for the next. A box is never better
    off with another order, so that the outcome is the same.

    Args:
        pairs: the pairs that are possible.
        rank: (P,) a different number for each pair, the lower the better; in the pairs of one
            prediction they ascend.

    Returns:
        (P,) which pairs are chosen.
    """
    count = len(rank)
    by_rank = np.empty(count, dtype=np.intp)
    by_rank[rank] = np.arange(count)
    is_last = np.diff(pairs.predicted, append=-1) != 0
    best = np.full(pairs.true.max(initial=-1) + 1, count)  # rank of the pair that a true box holds
    asking = np.flatnonzero(np.diff(pairs.predicted, prepend=-1))
    while len(asking):
        wanted = pairs.true[asking]
        before = best[wanted]
        np.minimum.at(best, wanted, rank[asking])
        after = best[wanted]
        refused = asking[rank[asking] != after]
        displaced = by_rank[np.unique(before[(before < count) & (before != after)])]
        losers = np.concatenate([refused, displaced])
        asking = losers[~is_last[losers]] + 1
    chosen = np.zeros(count, dtype=bool)
    chosen[by_rank[best[best < count]]] = True
    return chosen


def match_by_iou(pairs: Pairs) -> Pairs:
    """Pairs by descending IoU, each box in one of them at most."""
    return pairs.where(assign(pairs, descending_ranks(pairs.iou)))


def descending_ranks(values: NDArray[np.float64]) -> Indices:
    """(N,) places of values in descending order; equals stay in their order."""
    ranks = np.empty(len(values), dtype=np.intp)
    ranks[np.argsort(-values, kind='stable')] = np.arange(len(values))
    return ranks


@dataclass(frozen=True, slots=True, eq=False)
class MatchedDetections:
    """Which predictions are right, by the threshold of COCO: what average precision follows from.

    Attributes:
        class_ids: (N,) class ids of the predictions.
        scores: (N,) scores.
        right: (N,) bit i says whether a prediction is right at the i-th of `COCO_THRESHOLDS`.
        num_true: (C,) number of true boxes of each class.
    """

    class_ids: Counts
    scores: NDArray[np.float64]
    right: Counts
    num_true: Counts

    @classmethod
    def empty(cls, num_classes: int) -> Self:
        """No predictions, no true boxes."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(nothing, np.zeros(0), nothing, np.zeros(num_classes, dtype=np.int64))

    @classmethod
    def of_scene(
        cls,
        truth: ObjectDetectionLabels,
        predicted: ObjectDetectionLabels,
        num_classes: int,
        pairs: Pairs | None = None,
    ) -> Self:
        """Match the predictions for one scene.

        From the highest score to the lowest, a prediction takes the true box of its class that it
        overlaps best, of those that are left.

        Args:
            truth: the true boxes.
            predicted: the predictions.
            num_classes: C.
            pairs: those of `overlapping_pairs`, if they are known.
        """
        if pairs is None:
            pairs = overlapping_pairs(truth, predicted, COCO_THRESHOLDS[0])
        pairs = pairs.where(pairs.agrees & (pairs.iou >= COCO_THRESHOLDS[0]))
        scores = np.asarray(predicted.get_scores(), dtype=np.float64)
        right = np.zeros(len(predicted), dtype=np.int64)
        for i, thresh in enumerate(COCO_THRESHOLDS):
            pairs = pairs.where(pairs.iou >= thresh)
            chosen = assign(pairs, descending_ranks(scores[pairs.predicted]))
            right[pairs.predicted[chosen]] |= 1 << i
        num_true = np.bincount(truth.get_class_ids(), minlength=num_classes)
        return cls(predicted.get_class_ids(), scores, right, num_true)

    @classmethod
    def concatenate(cls, parts: Sequence['MatchedDetections']) -> Self:
        """Those of several scenes, which have nothing to do with each other; of one at least."""
        return cls(
            np.concatenate([part.class_ids for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.right for part in parts]),
            np.sum([part.num_true for part in parts], axis=0),
        )

    def average_precisions(self) -> NDArray[np.float64]:
        """(C, T) average precision by class and threshold; NaN for classes without true boxes."""
        result = np.full((len(self.num_true), len(COCO_THRESHOLDS)), np.nan)
        order = np.lexsort((-self.scores, self.class_ids))
        ranked = self.right[order]
        edges = np.searchsorted(self.class_ids[order], np.arange(len(self.num_true) + 1))
        for class_id in np.flatnonzero(self.num_true).tolist():
            of_class = ranked[edges[class_id] : edges[class_id + 1]]
            for i in range(len(COCO_THRESHOLDS)):
                right = (of_class >> i & 1).astype(bool)
                result[class_id, i] = average_precision(right, int(self.num_true[class_id]))
        return result


def average_precision(right: NDArray[np.bool_], num_true: int) -> float:
    """Mean over 101 recalls of the best precision that is reached at this or a higher recall.

    Args:
        right: (N,) whether a prediction is right, from the highest score down.
        num_true: number of true boxes, above 0.
    """
    hits = np.flatnonzero(right)  # between hits, precision only falls
    found = np.arange(1, len(hits) + 1)
    precision = found / (hits + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    reached = np.searchsorted(found / num_true, RECALLS, side='left')
    return float(np.append(best, 0.0)[reached].mean())
