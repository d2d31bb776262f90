"""ClassEvaluationItem: how well one class is told from all others."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rastervision.core.evaluation import confusion as cm
from rastervision.core.evaluation.evaluation_item import EvaluationItem


class ClassEvaluationItem(EvaluationItem):
    """Counts of one class against all others, and the metrics that follow.

    A metric without anything to divide by is NaN, and null in the file.

    Attributes:
        class_id: id of the class.
        class_name: name of the class.
        conf_mat: (2, 2) counts [[TN, FP], [FN, TP]]; TN is NaN when true negatives make no sense,
            as for objects.
        extra_info: further entries for the file.
    """

    def __init__(
        self,
        class_id: int,
        class_name: str,
        tp: int,
        fp: int,
        fn: int,
        tn: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Constructor.

        Args:
            class_id: id of the class.
            class_name: name of the class.
            tp: true positives.
            fp: false positives.
            fn: false negatives.
            tn: true negatives, None when they make no sense.
            **kwargs: further entries for the file.
        """
        self.class_id = class_id
        self.class_name = class_name
        counts = [[np.nan if tn is None else tn, fp], [fn, tp]]
        self.conf_mat: NDArray[Any] = np.array(counts, dtype=float if tn is None else np.int64)
        self.extra_info = kwargs

    @classmethod
    def from_multiclass_conf_mat(
        cls, conf_mat: NDArray[Any], class_id: int, class_name: str, **kwargs: Any
    ) -> Self:
        """Item of one class of a (C, C) confusion matrix (rows: truth, columns: prediction)."""
        return cls(
            class_id=class_id,
            class_name=class_name,
            tp=int(cm.true_positives(conf_mat)[class_id]),
            fp=int(cm.false_positives(conf_mat)[class_id]),
            fn=int(cm.false_negatives(conf_mat)[class_id]),
            tn=int(cm.true_negatives(conf_mat)[class_id]),
            **kwargs,
        )

    def merge(self, other: 'ClassEvaluationItem') -> None:
        """Add the counts of the same class in other data.

        Raises:
            ValueError: the other item is of another class.
        """
        if self.class_id != other.class_id:
            raise ValueError(f'Class {self.class_id} cannot be merged with {other.class_id}.')
        self.conf_mat = self.conf_mat + other.conf_mat

    @property
    def true_neg(self) -> int | None:
        tn = self.conf_mat[0, 0]
        return None if np.isnan(tn) else int(tn)

    @property
    def false_pos(self) -> int:
        return int(self.conf_mat[0, 1])

    @property
    def false_neg(self) -> int:
        return int(self.conf_mat[1, 0])

    @property
    def true_pos(self) -> int:
        return int(self.conf_mat[1, 1])

    @property
    def gt_count(self) -> int:
        """Samples of the class in the ground truth."""
        return self.true_pos + self.false_neg

    @property
    def pred_count(self) -> int:
        """Predictions of the class."""
        return self.true_pos + self.false_pos

    @property
    def recall(self) -> float:
        return float(cm.recall(self.conf_mat)[1])

    @property
    def sensitivity(self) -> float:
        """The same as recall."""
        return self.recall

    @property
    def specificity(self) -> float:
        return float(cm.specificity(self.conf_mat)[1])

    @property
    def precision(self) -> float:
        return float(cm.precision(self.conf_mat)[1])

    @property
    def f1(self) -> float:
        return float(cm.f1(self.conf_mat)[1])

    @property
    def iou(self) -> float:
        return float(cm.iou(self.conf_mat)[1])

    @property
    def accuracy(self) -> float:
        """Share of all samples for which it is right whether they are of the class."""
        return cm.accuracy(self.conf_mat)

    @property
    def metrics(self) -> dict[str, float]:
        """All metrics by name; NaN for those without anything to divide by."""
        names = ('recall', 'precision', 'f1', 'sensitivity', 'specificity', 'iou', 'accuracy')
        return {name: getattr(self, name) for name in names}

    def to_json(self) -> dict[str, Any]:
        total = self.conf_mat.sum()
        fractions = cm.ratio(self.conf_mat, total)
        return {
            'class_id': self.class_id,
            'class_name': self.class_name,
            'gt_count': self.gt_count,
            'pred_count': self.pred_count,
            'count_error': abs(self.gt_count - self.pred_count),
            'relative_frequency': _plain(cm.ratio(self.gt_count, total)),
            'metrics': {name: _plain(value) for name, value in self.metrics.items()},
            'conf_mat': matrix_to_json(self.conf_mat),
            'conf_mat_frac': matrix_to_json(fractions),
            'conf_mat_dict': _by_name(self.conf_mat),
            'conf_mat_frac_dict': _by_name(fractions),
            **self.extra_info,
        }


def matrix_to_json(matrix: NDArray[Any]) -> list[list[float | int | None]]:
    """Rows of a matrix, with None for NaN."""
    return [[_plain(value) for value in row] for row in matrix]


def _by_name(matrix: NDArray[Any]) -> dict[str, float | int | None]:
    return {
        name: _plain(value)
        for name, value in zip(('TN', 'FP', 'FN', 'TP'), matrix.ravel(), strict=True)
    }


def _plain(value: Any) -> float | int | None:
    """A NumPy number as one of Python, None if it is not finite; a whole count as int."""
    number: float | int = np.asarray(value).item()
    return number if np.isfinite(number) else None
