"""ObjectDetectionEvaluation: scores of boxes."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.label import ObjectDetectionLabels
from rastervision.core.evaluation.class_evaluation_item import ClassEvaluationItem
from rastervision.core.evaluation.classification_evaluation import (
    ClassificationEvaluation,
    check_class_ids,
)
from rastervision.core.evaluation.matching import (
    COCO_THRESHOLDS,
    Counts,
    MatchedDetections,
    Overlaps,
    match_by_iou,
)


class ObjectDetectionEvaluationItem(ClassEvaluationItem):
    """Counts of one class of boxes, and average precision.

    Attributes:
        average_precision: `ap` (mean over the thresholds of COCO), `ap50` and `ap75`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.average_precision: dict[str, float] = {}

    @property
    def metrics(self) -> dict[str, float]:
        """All metrics by name; NaN for those without anything to divide by."""
        return {**super().metrics, **self.average_precision}


class ObjectDetectionEvaluation(ClassificationEvaluation):
    """Scores of boxes: how many are found, and average precision as COCO computes it.

    Attributes:
        detections: What average precision follows from.
    """

    def __init__(self, class_config: ClassConfig, iou_thresh: float = 0.5) -> None:
        """Constructor.

        Args:
            class_config: The classes.
            iou_thresh: Intersection over union above which a prediction is right.
        """
        self.class_config = class_config
        self.iou_thresh = iou_thresh
        super().__init__()

    def reset(self) -> None:
        super().reset()
        self.detections = MatchedDetections.empty(len(self.class_config))

    def compute(
        self,
        ground_truth_labels: ObjectDetectionLabels,
        prediction_labels: ObjectDetectionLabels,
    ) -> None:
        """Score the predictions for a scene."""
        num_classes = len(self.class_config)
        least_iou = min(self.iou_thresh, COCO_THRESHOLDS[0])
        overlaps = Overlaps(ground_truth_labels, prediction_labels, least_iou)
        counts = _count(overlaps, num_classes, self.iou_thresh)
        self.set_matches(counts, MatchedDetections.of_scene(overlaps, num_classes))

    def set_matches(
        self, counts: tuple[Counts, Counts, Counts], detections: MatchedDetections
    ) -> None:
        """Score what was matched.

        Args:
            counts: As `compute_metrics` gives them.
            detections: What average precision follows from.
        """
        self.class_to_eval_item = _items(self.class_config, counts)
        self.detections = detections
        self.compute_avg()

    @staticmethod
    def compute_eval_items(
        gt_labels: ObjectDetectionLabels,
        pred_labels: ObjectDetectionLabels,
        class_config: ClassConfig,
        iou_thresh: float = 0.5,
    ) -> dict[int, ClassEvaluationItem]:
        """Count right and wrong boxes by class; arguments as for `compute_metrics`."""
        counts = compute_metrics(gt_labels, pred_labels, len(class_config), iou_thresh)
        return _items(class_config, counts)

    def merge_all(self, evaluations: Iterable[tuple[str | None, ClassificationEvaluation]]) -> None:
        """Add what several evaluations have counted, see `ClassificationEvaluation`."""
        scenes = list(evaluations)
        others = [e.detections for _, e in scenes if isinstance(e, ObjectDetectionEvaluation)]
        self.detections = MatchedDetections.concatenate([self.detections, *others])
        super().merge_all(scenes)

    def compute_avg(self) -> None:
        """Make `avg_item`; of average precision, the plain mean over the classes that occur."""
        by_class = self.detections.average_precisions()
        for i, item in self.class_to_eval_item.items():
            if isinstance(item, ObjectDetectionEvaluationItem):
                item.average_precision = _named(by_class[i])
        super().compute_avg()
        if self.avg_item is not None:
            known = by_class[self.detections.num_true > 0]
            mean = _named(known.mean(axis=0)) if len(known) else dict.fromkeys(_named(by_class[0]))
            self.avg_item['metrics'].update(mean)


def _named(precisions: NDArray[np.float64]) -> dict[str, float]:
    """Average precisions (T,) at the thresholds of COCO by the names of their summaries."""
    return {
        'ap': float(precisions.mean()),
        'ap50': float(precisions[0]),
        'ap75': float(precisions[5]),
    }


def _items(
    class_config: ClassConfig, counts: tuple[Counts, Counts, Counts]
) -> dict[int, ClassEvaluationItem]:
    return {
        i: ObjectDetectionEvaluationItem(i, name, tp=tp, fp=fp, fn=fn)
        for i, (name, tp, fp, fn) in enumerate(
            zip(class_config.names, *(c.tolist() for c in counts), strict=True)
        )
    }


def compute_metrics(
    gt_labels: ObjectDetectionLabels,
    pred_labels: ObjectDetectionLabels,
    num_classes: int,
    iou_thresh: float = 0.5,
) -> tuple[Counts, Counts, Counts]:
    """Count right and wrong boxes of each class.

    Predictions and true boxes are paired, whatever their classes: first the two that overlap most,
    then the two that overlap most of the rest, and so on. A prediction is right if it is of the
    same class as its true box.

    Args:
        gt_labels: The ground truth.
        pred_labels: The predictions.
        num_classes: C.
        iou_thresh: Boxes are paired if their intersection over union is above this.

    Returns:
        (C,) numbers of true positives, false positives and false negatives.

    Raises:
        DataError: A box is of a class that does not exist.
    """
    return _count(Overlaps(gt_labels, pred_labels, iou_thresh), num_classes, iou_thresh)


def _count(
    overlaps: Overlaps, num_classes: int, iou_thresh: float
) -> tuple[Counts, Counts, Counts]:
    true_ids, ids = overlaps.truth.get_class_ids(), overlaps.predicted.get_class_ids()
    for class_ids, what in ((true_ids, 'true'), (ids, 'predicted')):
        check_class_ids(class_ids, num_classes, f'{what} box')
    predicted, true = match_by_iou(overlaps, iou_thresh)
    found = ids[predicted]
    hits = np.bincount(found[found == true_ids[true]], minlength=num_classes)
    return (
        hits,
        np.bincount(ids, minlength=num_classes) - hits,
        np.bincount(true_ids, minlength=num_classes) - hits,
    )
