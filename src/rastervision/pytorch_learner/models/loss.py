"""Losses over class scores."""

import logging
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rastervision.pipeline.errors import ConfigError, DataError

log = logging.getLogger(__name__)

_NOTHING = -100  # what torch takes for "no class is left out"


class MaskedCrossEntropy(nn.Module):
    """Cross entropy in which the pixels of one class do not count."""

    def __init__(
        self,
        weights: Sequence[float] | None = None,
        ignore_class: int | None = None,
        num_classes: int | None = None,
    ) -> None:
        """Constructor.

        Args:
            weights: Weight of each class.
            ignore_class: Id of the class to leave out.
            num_classes: How many scores are expected; any number by default.
        """
        super().__init__()
        self.weights = None if weights is None else torch.tensor(weights)
        self.ignore_class = _NOTHING if ignore_class is None else ignore_class
        self.num_classes = num_classes

    def forward(self, scores: Tensor, y: Tensor) -> Tensor:
        """Mean loss of class scores (N, K, ...) against class ids (N, ...), as a scalar.

        It is the mean of torch's cross entropy, except that it is 0 where no pixel counts; torch
        gives NaN there, which would spoil the network.

        Raises:
            ConfigError: There are fewer scores than classes.
            DataError: Labels are no class ids.
        """
        self._check(scores, y)
        weights = None if self.weights is None else self.weights.to(scores)
        total = nn.functional.cross_entropy(
            scores, y, weight=weights, ignore_index=self.ignore_class, reduction='sum'
        )
        counts = y != self.ignore_class
        if weights is None:
            return total / counts.sum().clamp_min(1)
        share = (weights[y * counts] * counts).sum()
        return total / torch.where(share > 0, share, 1)

    def _check(self, scores: Tensor, y: Tensor) -> None:
        if y.is_floating_point():
            raise DataError(f'Labels are {y.dtype}; class ids have to be torch.int64.')
        given = scores.shape[1] if scores.ndim > 1 else 0
        if self.num_classes is None or given == self.num_classes:
            return
        message = f'The model gives {given} scores, but the config has {self.num_classes} classes'
        if given < self.num_classes:
            raise ConfigError(f'{message} (the null class included); give it as many outputs.')
        log.warning('%s; the further ones stand for nothing.', message)
        self.num_classes = given  # to be told once


class SoftDice(nn.Module):
    """One minus the Dice coefficient of scores and truth, the mean over classes.

    Milletari, Navab, Ahmadi (2016), V-Net, with a sum in place of squares in the denominator and
    one pixel added above and below, so that a class that neither occurs nor is predicted has loss
    0.
    """

    def __init__(self, ignore_class: int | None = None) -> None:
        """Constructor.

        Args:
            ignore_class: Id of a class whose pixels do not count.
        """
        super().__init__()
        self.ignore_class = ignore_class

    def forward(self, scores: Tensor, y: Tensor) -> Tensor:
        """Loss of class scores (N, K, ...) against class ids (N, ...), as a scalar in [0, 1]."""
        num_classes = scores.shape[1]
        truth = nn.functional.one_hot(y, num_classes).movedim(-1, 1).to(scores)
        probabilities = scores.softmax(dim=1)
        classes = [k for k in range(num_classes) if k != self.ignore_class]
        if self.ignore_class is not None:
            probabilities = probabilities * (y != self.ignore_class).unsqueeze(1)
        pixels = [d for d in range(scores.ndim) if d != 1]
        both = (probabilities * truth).sum(pixels)[classes]
        either = (probabilities + truth).sum(pixels)[classes]
        return 1 - ((2 * both + 1) / (either + 1)).mean()


class CrossEntropyWithDice(nn.Module):
    """Cross entropy plus a share of the soft Dice loss."""

    def __init__(self, cross_entropy: MaskedCrossEntropy, dice: SoftDice, weight: float) -> None:
        """Constructor.

        Args:
            cross_entropy: The first loss.
            dice: The second loss.
            weight: What the second is multiplied by.
        """
        super().__init__()
        self.cross_entropy = cross_entropy
        self.dice = dice
        self.weight = weight

    def forward(self, scores: Tensor, y: Tensor) -> Tensor:
        """Loss of class scores (N, K, ...) against class ids (N, ...), as a scalar."""
        loss: Tensor = self.cross_entropy(scores, y) + self.weight * self.dice(scores, y)
        return loss


class MaskedL1(nn.Module):
    """Mean absolute error in which values that are not known do not count."""

    def __init__(self, weights: Sequence[float]) -> None:
        """Constructor.

        Args:
            weights: What the error of each target is multiplied by.
        """
        super().__init__()
        self.weights = torch.tensor(weights)

    def forward(self, values: Tensor, y: Tensor) -> Tensor:
        """Loss of values (N, K) against true ones (N, K), NaN where unknown.

        It is the mean over the items with a known value, summed over targets; 0 for a target whose
        values are all unknown.
        """
        known = ~y.isnan()
        # not NaN * 0: that would be NaN in the gradient
        errors = (values - torch.where(known, y, values.detach())).abs().sum(dim=0)
        means = errors / known.sum(dim=0).clamp_min(1)
        return (means * self.weights.to(means)).sum()
