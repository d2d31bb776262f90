"""ChipClassificationEvaluation: scores of the classes of cells."""

import numpy as np

from rastervision.core.data.label import ChipClassificationLabels
from rastervision.core.evaluation import confusion as cm
from rastervision.core.evaluation.classification_evaluation import (
    ConfusionEvaluation,
    check_class_ids,
)


class ChipClassificationEvaluation(ConfusionEvaluation):
    """Scores of the classes of cells.

    Cells that only one side has a label for are left out, and so are those that the image has no
    data for. Cells whose true class is the null class are left out if that stands for missing
    data, which it does when it is called "null".
    """

    def compute(
        self, gt_labels: ChipClassificationLabels, pred_labels: ChipClassificationLabels
    ) -> None:
        """Score the labels of cells.

        Raises:
            DataError: A cell is of a class that does not exist.
        """
        predicted = pred_labels.take(~pred_labels.nodata)
        cells = [cell for cell in predicted if cell in gt_labels]
        truth = np.array([gt_labels.get_cell_class_id(cell) for cell in cells], dtype=np.int64)
        ids = np.array([predicted.get_cell_class_id(cell) for cell in cells], dtype=np.int64)
        for class_ids, what in ((truth, 'true'), (ids, 'predicted')):
            check_class_ids(class_ids, len(self.class_config), f'{what} cell')
        keep = None
        if self.class_config.null_is_nodata:
            keep = truth != self.class_config.null_class_id
        self.set_confusion(cm.confusion_matrix(truth, ids, len(self.class_config), keep))
