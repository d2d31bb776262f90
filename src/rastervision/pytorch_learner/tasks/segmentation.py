"""Semantic segmentation: a class for every pixel."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.evaluation import confusion as cm


class SegmentationTask:
    """Loss, metrics and meaning of class scores per pixel; see `Task`."""

    def __init__(self, classes: ClassConfig, loss: Callable[..., Tensor] | None = None) -> None:
        """Constructor.

        Args:
            classes: The classes; a class called "null" stands for missing labels and is left out
                of all metrics but its own columns.
            loss: Loss of scores (N, K, H, W) against class ids (N, H, W); needed for training.
        """
        self.classes = classes
        self._loss = loss

    def loss(self, out: Tensor, y: Tensor) -> Tensor:
        """Loss of scores (N, K, H, W) against class ids (N, H, W)."""
        if self._loss is None:
            raise ValueError('This learner was not set up for training, so it has no loss.')
        return self._loss(out, y)

    def validation_figures(self, out: Tensor, y: Tensor) -> dict[str, Any]:
        """Confusion matrix (C, C) of a batch; pixels whose label is no class do not count."""
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

        Averages weigh classes by their number of true pixels, and avg_f1 is the harmonic mean of
        the other two, as in release 0.31. Where there is nothing to divide by, the value is 0.
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

    def decode(self, out: Tensor, out_shape: tuple[int, int] | None = None) -> Tensor:
        """Softmax of scores (N, K, H, W) as float32, resized bilinearly to `out_shape`."""
        scores = out.float().softmax(dim=1)
        if out_shape is not None and tuple(scores.shape[-2:]) != tuple(out_shape):
            scores = functional.interpolate(
                scores, size=out_shape, mode='bilinear', align_corners=False
            )
        return scores

    def best(self, scores: Tensor) -> Tensor:
        """Class ids (N, H, W) uint8 of scores (N, K, H, W); the first class among equals."""
        top = scores[:, 0]
        ids = torch.zeros_like(top, dtype=torch.uint8)
        # a running maximum: argmax over the channels would stride through memory
        for index in range(1, scores.shape[1]):
            higher = scores[:, index] > top
            ids = torch.where(higher, index, ids)
            top = torch.where(higher, scores[:, index], top)
        return ids.to(torch.uint8)
