"""Matching predicted boxes to true ones, and average precision as COCO computes it.

Pairs that overlap are found with a spatial index; everything else works on arrays of these pairs.
Where there are many, they come in blocks of predictions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rastervision.core.data.label import ObjectDetectionLabels
from rastervision.core.data.label import boxes as box_ops

Indices = NDArray[np.intp]
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Found = tuple[Indices, Indices, Floats]
"""(P,) numbers of predictions, numbers of true boxes, and IoU."""
NOTHING: Found = (np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp), np.zeros(0))

COCO_THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Intersections over union from which COCO takes a prediction for right."""
RECALLS = np.linspace(0, 1, 101)
"""Recalls at which COCO looks up the precision."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of a predicted and a true box that overlap.

    Attributes:
        predicted: (P,) numbers of predictions. All pairs of one stand together, by descending IoU;
            of equals, one of the same class is first, and then the last true box.
        true: (P,) numbers of true boxes.
        iou: (P,) intersections over union, above 0.
        agrees: (P,) whether both are of the same class.
    """

    predicted: Indices
    true: Indices
    iou: Floats
    agrees: NDArray[np.bool_]

    def where(self, keep: NDArray[Any]) -> Self:
        """Some of the pairs, by a mask or by position."""
        return type(self)(self.predicted[keep], self.true[keep], self.iou[keep], self.agrees[keep])


class Overlaps:
    """Finds out which predictions overlap which true boxes.

    Unless all pairs are few, they are found anew whenever they are asked for, block by block; so
    memory is bounded even if all boxes lie in one place.
    """

    def __init__(
        self,
        truth: ObjectDetectionLabels,
        predicted: ObjectDetectionLabels,
        least_iou: float = 0.0,
    ) -> None:
        """Constructor.

        Args:
            truth: the true boxes.
            predicted: the predictions.
            least_iou: nobody will ask for pairs whose intersection over union is below this.
        """
        self.truth = truth
        self.predicted = predicted
        self._tree = box_ops.box_tree(truth.get_npboxes())
        first = next(self._find(np.arange(len(predicted)), np.full(len(truth), least_iou)))
        self._few = first if len(first[0]) < box_ops.MAX_PAIRS else None

    def pairs(self, order: Indices, least_iou: Floats) -> Iterator[Pairs]:
        """Yield pairs that share an area, `boxes.MAX_PAIRS` and some at a time.

        Args:
            order: (K,) predictions, in the order in which they are to come.
            least_iou: (M,) for every true box, the intersection over union below which pairs may
                be left out. What is raised between two yields holds for the pairs that follow.
        """
        place = np.full(len(self.predicted), -1)
        place[order] = np.arange(len(order))
        true_ids, ids = self.truth.get_class_ids(), self.predicted.get_class_ids()
        for i, j, iou in [self._few] if self._few else self._find(order, least_iou):
            agrees = ids[i] == true_ids[j]
            ranked = np.lexsort((-j, ~agrees, -iou, place[i]))
            pairs = Pairs(i, j, iou, agrees).where(ranked)
            yield pairs.where(place[pairs.predicted] >= 0)

    def _find(self, order: Indices, least_iou: Floats) -> Iterator[Found]:
        """Look up pairs; there is one yield at least."""
        predicted, true = self.predicted.get_npboxes()[order], self.truth.get_npboxes()
        block, count = [NOTHING], 0
        for i, j in box_ops.touching_pairs(predicted, self._tree):
            iou = box_ops.iou(predicted[i], true[j])
            keep = (iou > 0) & (iou >= least_iou[j])
            block.append((order[i[keep]], j[keep], iou[keep]))
            count += len(block[-1][0])
            if count >= box_ops.MAX_PAIRS:
                yield _joined(block)
                block, count = [NOTHING], 0
        yield _joined(block)


def _joined(parts: Sequence[Found]) -> Found:
    predicted, true, iou = (np.concatenate(column) for column in zip(*parts, strict=True))
    return predicted, true, iou


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
        has_won = rank[asking] == best[wanted]
        displaced = by_rank[before[has_won & (before < count)]]
        losers = np.concatenate([asking[~has_won], displaced])
        asking = losers[~is_last[losers]] + 1
    chosen = np.zeros(count, dtype=bool)
    chosen[by_rank[best[best < count]]] = True
    return chosen


def match_by_iou(overlaps: Overlaps, iou_thresh: float) -> tuple[Indices, Indices]:
    """Pairs by descending IoU, each box in one of them at most.

    Predictions ask in blocks. What a true box holds only gets better, so a pair that is worse than
    that never counts again; predictions that lose their true box ask once more, after the others.

    Args:
        overlaps: the boxes.
        iou_thresh: intersection over union that a pair must be above.

    Returns:
        (P,) numbers of predictions, and (P,) numbers of their true boxes.
    """
    holder = np.full(len(overlaps.truth), -1)
    held_iou = np.full(len(overlaps.truth), iou_thresh, dtype=np.float64)
    asking = np.arange(len(overlaps.predicted))
    while len(asking):
        displaced = [asking[:0]]
        for pairs in overlaps.pairs(asking, held_iou):
            held, by = held_iou[pairs.true], holder[pairs.true]
            better = (pairs.iou > held) | ((pairs.iou == held) & (pairs.predicted < by))
            wanted = pairs.where(better)
            won = wanted.where(assign(wanted, descending_ranks(wanted.iou)))
            displaced.append(holder[won.true])
            holder[won.true], held_iou[won.true] = won.predicted, won.iou
        losers = np.concatenate(displaced)
        asking = np.sort(losers[losers >= 0])
    true = np.flatnonzero(holder >= 0)
    return holder[true], true


def descending_ranks(values: Floats) -> Indices:
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
    scores: Floats
    right: Counts
    num_true: Counts

    @classmethod
    def empty(cls, num_classes: int) -> Self:
        """No predictions, no true boxes."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(nothing, np.zeros(0), nothing, np.zeros(num_classes, dtype=np.int64))

    @classmethod
    def of_scene(cls, overlaps: Overlaps, num_classes: int) -> Self:
        """Match the predictions for one scene.

        From the highest score to the lowest, a prediction takes the true box of its class that it
        overlaps best, of those that are left. Predictions come in blocks in this order, so that a
        true box that was taken in one block is out of reach for the next.

        Args:
            overlaps: the boxes.
            num_classes: C.
        """
        truth, predicted = overlaps.truth, overlaps.predicted
        scores = np.asarray(predicted.get_scores(), dtype=np.float64)
        right = np.zeros(len(predicted), dtype=np.int64)
        free = np.ones((len(COCO_THRESHOLDS), len(truth)), dtype=bool)
        least_iou = np.full(len(truth), COCO_THRESHOLDS[0])
        for block in overlaps.pairs(np.argsort(-scores, kind='stable'), least_iou):
            pairs = block.where(block.agrees)
            for i, thresh in enumerate(COCO_THRESHOLDS):
                pairs = pairs.where(pairs.iou >= thresh)
                left = pairs.where(free[i, pairs.true])
                won = left.where(assign(left, np.arange(len(left.iou))))
                right[won.predicted] |= 1 << i
                free[i, won.true] = False
            least_iou[:] = np.where(free, COCO_THRESHOLDS[:, np.newaxis], np.inf).min(axis=0)
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

    def average_precisions(self) -> Floats:
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
