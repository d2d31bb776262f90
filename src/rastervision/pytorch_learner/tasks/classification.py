"""Classification: one class for an image, or for each of its pixels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.evaluation import confusion as cm


class ClassificationTask:
    """Loss, metrics and meaning of class scores; see `Task`.

    Scores are (N, K, ...) and class ids (N, ...), where `...` is nothing if images have one class.
    """

    def __init__(self, classes: ClassConfig, loss: Callable[..., Tensor] | None = None) -> None:
        """Constructor.

        Args:
            classes: The classes; a class called "null" stands for missing labels and is left out
                of all metrics but its own columns.
            loss: Loss of scores against class ids; needed for training.
        """
        self.classes = classes
        self._loss = loss

    def loss(self, out: Tensor, y: Tensor) -> Tensor:
        """Loss of scores against class ids."""
        if self._loss is None:
            raise ValueError('This learner was not set up for training, so it has no loss.')
        return self._loss(out, y)

    def validation_figures(self, out: Tensor, y: Tensor) -> dict[str, Any]:
        """Confusion matrix (C, C) of a batch; items whose label is no class do not count."""
        count = len(self.classes)
        truth, predicted = y.cpu().numpy(), self.best(out).cpu().numpy()
        keep = (truth >= 0) & (truth < count)
        if self.classes.null_is_nodata:
            keep &= truth != self.classes.null_class_id
        size = max(count, out.shape[1])
        matrix = cm.confusion_matrix(truth, predicted, size, keep)
        return {'conf_mat': matrix[:count, :count]}

    def metrics(self, figures: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Precision, recall and F1, averaged and per class.

        Averages weigh classes by how often they are true, and avg_f1 is the harmonic mean of the
        other two, as in release 0.31. Where there is nothing to divide by, the value is 0.
        """
        matrix = cm.sum_confusions((f['conf_mat'] for f in figures), len(self.classes))
        per_class = np.nan_to_num([cm.precision(matrix), cm.recall(matrix), cm.f1(matrix)])
        share = np.nan_to_num(cm.ratio(matrix.sum(axis=1), matrix.sum()))
        precision, recall = per_class[:2] @ share
        metrics = {
            'avg_precision': float(precision),
            'avg_recall': float(recall),
            'avg_f1': float(np.nan_to_num(cm.harmonic_mean(precision, recall))),
        }
        for index, name in enumerate(self.classes.names):
            values = per_class[:, index]
            for metric, value in zip(('precision', 'recall', 'f1'), values, strict=True):
                metrics[f'{name}_{metric}'] = float(value)
        return metrics

    def decode(self, out: Tensor, out_shape: tuple[int, int] | None = None) -> Tensor:  # noqa: ARG002  for pixels
        """Softmax of scores as float32."""
        return out.float().softmax(dim=1)

    def best(self, scores: Tensor) -> Tensor:
        """Class ids of scores."""
        return scores.argmax(dim=1)
