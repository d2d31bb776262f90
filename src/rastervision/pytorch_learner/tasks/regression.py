"""Regression: some numbers for an image."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rastervision.core.evaluation.chip_regression_evaluation import (
    SUMS,
    add_sums,
    error_sums,
    scores_of_sums,
)


class RegressionTask:
    """Loss, metrics and meaning of values (N, K); see `Task`. True values may be NaN: unknown."""

    def __init__(self, targets: Sequence[str], loss: Callable[..., Tensor] | None = None) -> None:
        """Constructor.

        Args:
            targets: Names of the K targets.
            loss: Loss of values against true ones; needed for training.
        """
        self.targets = list(targets)
        self.scale: NDArray[np.float64] | None = None
        """What scaled errors are divided by, for each target; None if that is unknown."""
        self._loss = loss

    def loss(self, out: Tensor, y: Tensor) -> Tensor:
        """Loss of values against true ones."""
        if self._loss is None:
            raise ValueError('This learner was not set up for training, so it has no loss.')
        return self._loss(out, y)

    def validation_figures(self, out: Tensor, y: Tensor) -> dict[str, Any]:
        """Sums (6, K) that the errors of a batch follow from."""
        return {'error_sums': error_sums(y.cpu().numpy(), out.detach().float().cpu().numpy())}

    def metrics(self, figures: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Mean absolute error of each target, as it is and scaled if `scale` is known; and R2.

        Where there is nothing to divide by, the value is 0.
        """
        nothing = np.zeros((len(SUMS), len(self.targets)))
        scores = scores_of_sums(reduce(add_sums, (f['error_sums'] for f in figures), nothing))
        metrics = {}
        for i, name in enumerate(self.targets):
            error = float(np.nan_to_num(scores['mae'][i]))
            metrics[f'{name}_abs_error'] = error
            if self.scale is not None:
                metrics[f'{name}_scaled_abs_error'] = error / float(self.scale[i])
            metrics[f'{name}_r2'] = float(np.nan_to_num(scores['r2'][i], neginf=0))
        return metrics

    def decode(self, out: Tensor, out_shape: tuple[int, int] | None = None) -> Tensor:  # noqa: ARG002  for pixels
        """The values as float32."""
        return out.float()

    def best(self, scores: Tensor) -> Tensor:
        """The values."""
        return scores
