"""Classification: one class for an image, or for each of its pixels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.evaluation import confusion as cm
from rastervision.pytorch_learner.utils.metrics import compute_conf_mat_metrics


class ClassificationTask:
    """Loss, metrics and meaning of class scores; see `Task`.

    Scores are (N, K, ...) and class ids (N, ...), where `...` is nothing if images have one class.
    """

    def __init__(
        self,
        classes: ClassConfig,
        loss: Callable[..., Tensor] | None = None,
        ignored_class: int | None = None,
    ) -> None:
        """Constructor.

        Args:
            classes: The classes; a class called "null" stands for missing labels and is left out
                of all metrics but its own columns.
            loss: Loss of scores against class ids; needed for training.
            ignored_class: Id of a class that the loss leaves out. Its score is not trained, so it
                is never predicted; the metrics leave it out where it is true.
        """
        self.classes = classes
        self._loss = loss
        self._ignored = ignored_class
        nodata = {classes.null_class_id} if classes.null_is_nodata else set()
        self._left_out = sorted(nodata if ignored_class is None else {*nodata, ignored_class})

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
        for class_id in self._left_out:
            keep &= truth != class_id
        size = max(count, out.shape[1])
        matrix = cm.confusion_matrix(truth, predicted, size, keep)
        return {'conf_mat': matrix[:count, :count]}

    def metrics(self, figures: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Precision, recall and F1, averaged and per class; see `compute_conf_mat_metrics`."""
        matrix = cm.sum_confusions((f['conf_mat'] for f in figures), len(self.classes))
        return compute_conf_mat_metrics(matrix, self.classes.names)

    def decode(self, out: Tensor, out_shape: tuple[int, int] | None = None) -> Tensor:  # noqa: ARG002  for pixels
        """Softmax of scores as float32; 0 for a class that is not trained."""
        return self._trained(out.float()).softmax(dim=1)

    def best(self, scores: Tensor) -> Tensor:
        """Class ids of scores."""
        return self._trained(scores).argmax(dim=1)

    def _trained(self, scores: Tensor) -> Tensor:
        """Scores with -inf for a class that is not trained."""
        if self._ignored is None or self._ignored >= scores.shape[1]:
            return scores
        index = torch.tensor([self._ignored], device=scores.device)
        return scores.index_fill(1, index, -torch.inf)
