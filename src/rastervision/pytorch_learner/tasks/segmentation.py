"""Semantic segmentation: a class for every pixel."""

import torch
from torch import Tensor
from torch.nn import functional

from rastervision.pytorch_learner.tasks.classification import ClassificationTask


class SegmentationTask(ClassificationTask):
    """Loss, metrics and meaning of class scores (N, K, H, W) per pixel."""

    def decode(self, out: Tensor, out_shape: tuple[int, int] | None = None) -> Tensor:
        """Softmax of scores (N, K, H, W) as float32, resized bilinearly to `out_shape`."""
        scores = super().decode(out)
        if out_shape is not None and tuple(scores.shape[-2:]) != tuple(out_shape):
            scores = functional.interpolate(
                scores, size=out_shape, mode='bilinear', align_corners=False
            )
        return scores

    def best(self, scores: Tensor) -> Tensor:
        """Class ids (N, H, W) uint8 of scores (N, K, H, W); the first class among equals."""
        first, *others = [k for k in range(scores.shape[1]) if k != self._ignored]
        top = scores[:, first]
        ids = torch.full_like(top, first, dtype=torch.uint8)
        # a running maximum: argmax over the channels would stride through memory
        for index in others:
            higher = scores[:, index] > top
            ids = torch.where(higher, index, ids)
            top = torch.where(higher, scores[:, index], top)
        return ids.to(torch.uint8)
