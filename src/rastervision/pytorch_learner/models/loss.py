"""Losses over class scores."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_NOTHING = -100  # what torch takes for "no class is left out"


class MaskedCrossEntropy(nn.Module):
    """Cross entropy in which the pixels of one class do not count."""

    def __init__(
        self, weights: Sequence[float] | None = None, ignore_class: int | None = None
    ) -> None:
        """Constructor.

        Args:
            weights: Weight of each class.
            ignore_class: Id of the class to leave out.
        """
        super().__init__()
        self.weights = None if weights is None else torch.tensor(weights)
        self.ignore_class = _NOTHING if ignore_class is None else ignore_class

    def forward(self, scores: Tensor, y: Tensor) -> Tensor:
        """Mean loss of class scores (N, K, ...) against class ids (N, ...), as a scalar.

        It is the mean of torch's cross entropy, except that it is 0 where no pixel counts; torch
        gives NaN there, which would spoil the network.
        """
        weights = None if self.weights is None else self.weights.to(scores)
        total = nn.functional.cross_entropy(
            scores, y, weight=weights, ignore_index=self.ignore_class, reduction='sum'
        )
        counts = y != self.ignore_class
        if weights is None:
            return total / counts.sum().clamp_min(1)
        share = (weights[y * counts] * counts).sum()
        return total / torch.where(share > 0, share, 1)
