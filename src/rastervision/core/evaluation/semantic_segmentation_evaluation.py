"""SemanticSegmentationEvaluation: scores of class maps."""

from collections.abc import Iterable

from rastervision.core.data.label import SemanticSegmentationLabels
from rastervision.core.evaluation import confusion as cm
from rastervision.core.evaluation.classification_evaluation import ConfusionEvaluation


class SemanticSegmentationEvaluation(ConfusionEvaluation):
    """Scores of class maps, pixel by pixel.

    Pixels whose true class is the null class are left out if that stands for missing data, which
    it does when it is called "null".
    """

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
