"""ChipRegressionEvaluation: how far predicted values are from the true ones."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.evaluation.confusion import ratio
from rastervision.core.moments import Moments, channel_moments
from rastervision.pipeline.file_system import json_to_file

SUMS = ('count', 'mean', 'squares', 'error', 'abs_error', 'error2')
"""What is known of each target, over the cells whose true and predicted values are known: the
number of true values, their mean and the sum of their squared distances from it; sums of errors."""


def error_sums(truth: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.float64]:
    """Sums from which all scores follow; those of several scenes are joined by `add_sums`.

    Args:
        truth: (N, K) true values, NaN where unknown.
        predicted: (N, K) predicted values.

    Returns:
        (6, K), see SUMS.
    """
    truth, predicted = truth.astype(np.float64), predicted.astype(np.float64)
    known = ~np.isnan(truth) & ~np.isnan(predicted)
    error = predicted - truth
    errors = [np.where(known, t, 0).sum(axis=0) for t in (error, np.abs(error), error**2)]
    return _rows(channel_moments(np.where(known, truth, np.nan).T), np.stack(errors))


def add_sums(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums (6, K) of the cells of both."""
    return _rows(_moments(one).merge(_moments(other)), one[3:] + other[3:])


def _moments(sums: NDArray[np.float64]) -> Moments:
    count, mean, squares = sums[:3]
    return Moments(count.astype(np.int64), mean, squares)


def _rows(truth: Moments, errors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([truth.counts, truth.means, truth.squares, *errors])


def scores_of_sums(sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Scores of each target from its sums (6, K); NaN for those without anything to divide by.

    mae and rmse are in the unit of the target, and so is bias, the mean of predicted - true. r2 is
    the share of the variance of the truth that the predictions explain; 0 for its mean.
    """
    count, mean, squares, error, abs_error, error2 = sums
    # values that are all the same leave a rest of rounding
    variation = np.where(squares > 1e-24 * count * mean**2, squares, 0)
    return {
        'mae': ratio(abs_error, count),
        'rmse': np.sqrt(ratio(error2, count)),
        'bias': ratio(error, count),
        'r2': 1 - ratio(error2, variation),
    }


class ChipRegressionEvaluation:
    """Scores of all targets, with those of single scenes where they were merged.

    Attributes:
        names: Names of the targets.
        sums: (6, K), see SUMS.
        scene_to_eval: Scores of single scenes by scene id.
    """

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.sums: NDArray[np.float64] = np.zeros((len(SUMS), len(names)))
        self.scene_to_eval: dict[str, ChipRegressionEvaluation] = {}

    def compute(self, truth: NDArray[Any], predicted: NDArray[Any]) -> None:
        """Score values: (N, K) true ones, and (N, K) predicted ones."""
        self.sums = error_sums(truth, predicted)

    def merge(self, other: 'ChipRegressionEvaluation', scene_id: str | None = None) -> None:
        """Add what another evaluation has added up; keep it under `scene_id` if that is given."""
        self.sums = add_sums(self.sums, other.sums)
        if scene_id is not None:
            self.scene_to_eval[scene_id] = other

    def to_json(self) -> dict[str, Any] | list[Any]:
        """Entries of all targets and their average; with scenes, {'overall', 'per_scene'}."""
        scores = scores_of_sums(self.sums)
        items: list[Any] = [
            {
                'target': name,
                'count': int(self.sums[0, i]),
                'metrics': {key: _plain(values[i]) for key, values in scores.items()},
            }
            for i, name in enumerate(self.names)
        ]
        means = {key: _plain(_mean(values)) for key, values in scores.items()}
        items.append({'target': 'average', 'count': int(self.sums[0].sum()), 'metrics': means})
        if not self.scene_to_eval:
            return items
        per_scene = {id_: evaluation.to_json() for id_, evaluation in self.scene_to_eval.items()}
        return {'overall': items, 'per_scene': per_scene}

    def save(self, output_uri: str) -> None:
        """Write the scores as JSON."""
        json_to_file(self.to_json(), output_uri)


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float('nan')


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
