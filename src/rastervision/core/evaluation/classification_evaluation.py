"""ClassificationEvaluation: scores of all classes, of a scene or of several."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.evaluation import confusion as cm
from rastervision.core.evaluation.class_evaluation_item import (
    ClassEvaluationItem,
    matrix_to_json,
)
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.file_system import json_to_file


class ClassificationEvaluation(ABC):
    """Scores of all classes, with those of single scenes where they were merged.

    Attributes:
        class_to_eval_item: scores by class id.
        scene_to_eval: scores of single scenes by scene id.
        avg_item: entry of the file for all classes together; None before anything was counted.
        conf_mat: (C, C) confusion matrix; None for tasks that have none.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.class_to_eval_item: dict[int, ClassEvaluationItem] = {}
        self.scene_to_eval: dict[str, ClassificationEvaluation] = {}
        self.avg_item: dict[str, Any] | None = None
        self.conf_mat: cm.Confusion | None = None

    @abstractmethod
    def compute(self, ground_truth_labels: Any, prediction_labels: Any) -> None:
        """Score predictions against the ground truth."""

    def merge(self, other: 'ClassificationEvaluation', scene_id: str | None = None) -> None:
        """Add what another evaluation has counted.

        Args:
            other: an evaluation of the same classes.
            scene_id: scene under which to keep `other`; None for not keeping it.
        """
        self.merge_all([(scene_id, other)])

    def merge_all(
        self, evaluations: Iterable[tuple[str | None, 'ClassificationEvaluation']]
    ) -> None:
        """Add what several evaluations have counted; averages are made once, at the end.

        Args:
            evaluations: evaluations of the same classes, with the scene as for `merge`.
        """
        scenes = list(evaluations)
        for scene_id, other in scenes:
            self._count_in(other)
            if scene_id is not None:
                self.scene_to_eval[scene_id] = other
        if scenes:
            self.compute_avg()

    def _count_in(self, other: 'ClassificationEvaluation') -> None:
        for class_id, item in other.class_to_eval_item.items():
            if class_id in self.class_to_eval_item:
                self.class_to_eval_item[class_id].merge(item)
            else:
                self.class_to_eval_item[class_id] = copy.deepcopy(item)
        if other.conf_mat is not None:
            mine = np.zeros_like(other.conf_mat) if self.conf_mat is None else self.conf_mat
            self.conf_mat = mine + other.conf_mat

    def compute_avg(self) -> None:
        """Make `avg_item`: metrics averaged over classes, weighted by how often each is true.

        A metric that a class does not have counts as 0. `accuracy` is the share of all samples
        that are right, `balanced_accuracy` the plain mean of the recall of the classes that are
        true somewhere and `macro_f1` that of the F1 of the classes that occur, all three where
        there is a confusion matrix; `mean_iou` is the plain mean over the classes that occur.
        """
        items = list(self.class_to_eval_item.values())
        weights = cm.ratio([item.gt_count for item in items], sum(i.gt_count for i in items))
        metrics: dict[str, float | None] = {}
        for name in items[0].metrics if items else ():
            values = np.array([item.metrics[name] for item in items])
            known = ~np.isnan(values)
            average = np.nansum(values * weights)
            metrics[name] = float(average) if (known & ~np.isnan(weights)).any() else None
        ious = np.array([item.iou for item in items])
        metrics['mean_iou'] = None if np.isnan(ious).all() else float(np.nanmean(ious))
        if self.conf_mat is not None and self.conf_mat.any():
            metrics['accuracy'] = cm.accuracy(self.conf_mat)
            metrics['balanced_accuracy'] = cm.balanced_accuracy(self.conf_mat)
            metrics['macro_f1'] = cm.macro_f1(self.conf_mat)
        errors = [abs(item.gt_count - item.pred_count) for item in items]
        self.avg_item = {
            'class_name': 'average',
            'metrics': metrics,
            'gt_count': sum(item.gt_count for item in items),
            'pred_count': sum(item.pred_count for item in items),
            'count_error': sum(errors),
        }
        if self.conf_mat is not None:
            fractions = cm.ratio(self.conf_mat, self.conf_mat.sum())
            self.avg_item['conf_mat'] = matrix_to_json(self.conf_mat)
            self.avg_item['conf_mat_frac'] = matrix_to_json(fractions)

    def to_json(self) -> dict[str, Any] | list[Any]:
        """Entries of all classes and their average; with scenes, {'overall', 'per_scene'}."""
        items: list[Any] = [item.to_json() for _, item in sorted(self.class_to_eval_item.items())]
        if self.avg_item is not None:
            items.append(self.avg_item)
        if not self.scene_to_eval:
            return items
        per_scene = {id_: evaluation.to_json() for id_, evaluation in self.scene_to_eval.items()}
        return {'overall': items, 'per_scene': per_scene}

    def save(self, output_uri: str) -> None:
        """Write the scores as JSON.

        Raises:
            NotWritableError: the file cannot be written.
        """
        json_to_file(self.to_json(), output_uri)


def check_class_ids(class_ids: NDArray[Any], num_classes: int, what: str) -> None:
    """Raise DataError if class ids are not in [0, num_classes); `what` is what they are of."""
    unknown = ~np.isin(class_ids, np.arange(num_classes))
    if unknown.any():
        raise DataError(
            f'A {what} is of class {class_ids[unknown][0]}, but the classes have ids '
            f'0..{num_classes - 1}.'
        )


class ConfusionEvaluation(ClassificationEvaluation):
    """Scores that follow from how often each class was taken for each."""

    def __init__(self, class_config: ClassConfig) -> None:
        super().__init__()
        self.class_config = class_config

    def set_confusion(self, confusion: cm.Confusion) -> None:
        """Score a (C, C) confusion matrix (rows: truth, columns: prediction)."""
        self.conf_mat = np.asarray(confusion)
        self.class_to_eval_item = {
            i: ClassEvaluationItem.from_multiclass_conf_mat(self.conf_mat, i, name)
            for i, name in enumerate(self.class_config.names)
        }
        self.compute_avg()
