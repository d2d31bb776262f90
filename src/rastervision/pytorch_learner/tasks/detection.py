"""Object detection: boxes with classes and scores."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.label import ObjectDetectionLabels
from rastervision.core.evaluation.matching import MatchedDetections, Overlaps
from rastervision.pytorch_learner.boxlist import BoxList


class DetectionTask:
    """Loss, metrics and meaning of boxes; see `Task`."""

    def __init__(self, classes: ClassConfig, loss: Callable[..., Tensor] | None = None) -> None:
        """Constructor.

        Args:
            classes: The classes.
            loss: Loss of what the detector gives in training; needed for training.
        """
        self.classes = classes
        self._loss = loss

    def loss(self, out: Any, y: Any) -> Tensor:
        """Loss of what the detector gave for targets."""
        if self._loss is None:
            raise ValueError('This learner was not set up for training, so it has no loss.')
        return self._loss(out, y)

    def validation_figures(self, out: Any, y: Any) -> dict[str, Any]:
        """Which of the boxes found in a batch are right."""
        return {'matched': match(out, y, len(self.classes))}

    def metrics(self, figures: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Average precision as COCO computes it.

        `mAP` is the mean over classes and over overlaps from 0.5 to 0.95, `mAP50` that at 0.5.
        Classes without true boxes do not count, and have the value 0.
        """
        empty = MatchedDetections.empty(len(self.classes))
        parts = [empty, *(f['matched'] for f in figures)]
        by_class = MatchedDetections.concatenate(parts).average_precisions()
        known = by_class[~np.isnan(by_class).any(axis=1)]
        metrics = {
            'mAP': float(known.mean()) if len(known) else 0.0,
            'mAP50': float(known[:, 0].mean()) if len(known) else 0.0,
        }
        for name, values in zip(self.classes.names, np.nan_to_num(by_class), strict=False):
            metrics[f'{name}_mAP'] = float(values.mean())
            metrics[f'{name}_mAP50'] = float(values[0])
        return metrics

    def decode(self, out: Any, out_shape: tuple[int, int] | None = None) -> Any:  # noqa: ARG002  boxes need no decoding
        """The boxes as they are."""
        return out

    def best(self, scores: Any) -> Any:
        """The boxes as they are: the detector has removed those that are there twice."""
        return scores


def total_loss(losses: Mapping[str, Tensor], _y: Any) -> Tensor:
    """The sum of the losses that a detector computed itself."""
    return torch.stack(list(losses.values())).sum()


def match(out: Sequence[BoxList], y: Sequence[BoxList], num_classes: int) -> MatchedDetections:
    """Match the boxes found in images to the true ones.

    Args:
        out: The boxes of each image, with `class_ids` and `scores`.
        y: The true boxes of each image, with `class_ids`.
        num_classes: Number of classes.
    """
    images = zip(map(to_labels, y), map(to_labels, out), strict=True)
    matched = (MatchedDetections.of_scene(Overlaps(*pair), num_classes) for pair in images)
    return MatchedDetections.concatenate([MatchedDetections.empty(num_classes), *matched])


def to_labels(boxes: BoxList) -> ObjectDetectionLabels:
    """A BoxList as labels of an image."""
    scores = boxes.get_field('scores')
    return ObjectDetectionLabels(
        boxes.convert_boxes('yxyx').double().cpu().numpy(),
        boxes.get_field('class_ids').cpu().numpy(),
        None if scores is None else scores.double().cpu().numpy(),
    )
