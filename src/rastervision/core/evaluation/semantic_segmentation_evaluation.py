"""SemanticSegmentationEvaluation: scores of class maps."""

from collections.abc import Iterable

import numpy as np

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.label import SemanticSegmentationLabels
from rastervision.core.evaluation import confusion as cm
from rastervision.core.evaluation.class_evaluation_item import ClassEvaluationItem
from rastervision.core.evaluation.classification_evaluation import ClassificationEvaluation


class SemanticSegmentationEvaluation(ClassificationEvaluation):
    """Scores of class maps, pixel by pixel.

    Pixels whose true class is the null class are left out if that stands for missing data, which
    it does when it is called "null".
    """

    def __init__(self, class_config: ClassConfig) -> None:
        super().__init__()
        self.class_config = class_config

    def compute(
        self, gt_labels: SemanticSegmentationLabels, pred_labels: SemanticSegmentationLabels
    ) -> None:
        """Score labels; pixels that either has no label for are left out."""
        num_classes = len(self.class_config)

        def parts() -> Iterable[cm.Confusion]:
            for window in gt_labels.get_windows():
                truth = gt_labels.get_label_arr(window)
                predicted = pred_labels.get_label_arr(window)
                keep = (truth >= 0) & (predicted >= 0)
                if self.class_config.null_is_nodata:
                    keep &= truth != self.class_config.null_class_id
                yield cm.confusion_matrix(truth, predicted, num_classes, keep)

        self.set_confusion(cm.sum_confusions(parts(), num_classes))

    def set_confusion(self, confusion: cm.Confusion) -> None:
        """Score a (C, C) confusion matrix (rows: truth, columns: prediction)."""
        self.conf_mat = np.asarray(confusion)
        self.class_to_eval_item = {
            i: ClassEvaluationItem.from_multiclass_conf_mat(self.conf_mat, i, name)
            for i, name in enumerate(self.class_config.names)
        }
        self.compute_avg()
