"""Confusion matrices and what follows from them; pure functions.

A confusion matrix is (C, C) int64 with true classes as rows and predicted ones as columns. Metrics
per class look at one class against all others. A ratio without anything to divide by is NaN.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Confusion: TypeAlias = NDArray[np.int64]
PerClass: TypeAlias = NDArray[np.float64]


def confusion_matrix(
    truth: NDArray[Any],
    predicted: NDArray[Any],
    num_classes: int,
    keep: NDArray[np.bool_] | None = None,
) -> Confusion:
    """Count how often each class was taken for each.

    Args:
        truth: class ids in [0, num_classes), of any shape.
        predicted: class ids of the same shape.
        num_classes: C.
        keep: mask of the same shape of what to count; None counts everything.

    Returns:
        (C, C) counts.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f'Labels of shape {truth.shape} cannot be compared to {predicted.shape}.')
    if keep is not None:
        truth, predicted = truth[keep], predicted[keep]
    dtype = np.min_scalar_type(num_classes**2)
    pairs = truth.astype(dtype, copy=False) * dtype.type(num_classes)
    pairs += predicted.astype(dtype, copy=False)
    counts = np.bincount(pairs.ravel(), minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


def sum_confusions(parts: Iterable[Confusion], num_classes: int) -> Confusion:
    """Sum of confusion matrices."""
    return sum(parts, start=np.zeros((num_classes, num_classes), dtype=np.int64))


def true_positives(confusion: Confusion) -> NDArray[np.int64]:
    """(C,) samples of a class that were predicted as such."""
    return np.diag(confusion)


def false_positives(confusion: Confusion) -> NDArray[np.int64]:
    """(C,) samples of other classes that were predicted as a class."""
    return np.asarray(confusion.sum(axis=0) - np.diag(confusion))


def false_negatives(confusion: Confusion) -> NDArray[np.int64]:
    """(C,) samples of a class that were predicted as another."""
    return np.asarray(confusion.sum(axis=1) - np.diag(confusion))


def true_negatives(confusion: Confusion) -> NDArray[np.int64]:
    """(C,) samples of other classes that were predicted as others."""
    rest = confusion.sum() - confusion.sum(axis=0) - confusion.sum(axis=1)
    return np.asarray(rest + np.diag(confusion))


def precision(confusion: Confusion) -> PerClass:
    """(C,) share of the predictions of a class that are right."""
    return ratio(true_positives(confusion), confusion.sum(axis=0))


def recall(confusion: Confusion) -> PerClass:
    """(C,) share of the samples of a class that are found; also called sensitivity."""
    return ratio(true_positives(confusion), confusion.sum(axis=1))


def specificity(confusion: Confusion) -> PerClass:
    """(C,) share of the samples of other classes that are not predicted as the class."""
    negatives = true_negatives(confusion)
    return ratio(negatives, negatives + false_positives(confusion))


def f1(confusion: Confusion) -> PerClass:
    """(C,) harmonic mean of precision and recall."""
    return harmonic_mean(precision(confusion), recall(confusion))


def iou(confusion: Confusion) -> PerClass:
    """(C,) intersection over union of truth and prediction."""
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - np.diag(confusion)
    return ratio(true_positives(confusion), union)


def balanced_accuracy(confusion: Confusion) -> float:
    """Mean recall of the classes that are true somewhere."""
    return float(np.nanmean(recall(confusion)))


def macro_f1(confusion: Confusion) -> float:
    """Mean F1 of the classes that are true or predicted somewhere; 0 for those never right."""
    either = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float(np.nanmean(ratio(2 * true_positives(confusion), either)))


def accuracy(confusion: Confusion) -> float:
    """Share of all samples that are right."""
    return float(ratio(np.trace(confusion), confusion.sum()))


def ratio(part: Any, whole: Any) -> PerClass:
    """Element by element; NaN where `whole` is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    out = np.full(part.shape, np.nan)
    np.divide(part, whole, out=out, where=whole != 0)
    return out


def harmonic_mean(a: Any, b: Any) -> PerClass:
    """Of two arrays; NaN where both are 0 or one is NaN."""
    return ratio(2 * np.multiply(a, b), np.add(a, b))
