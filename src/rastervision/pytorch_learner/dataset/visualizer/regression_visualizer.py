"""Pictures of regression: images with their values, and how well values are predicted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rastervision.pipeline.file_system import atomic_path
from rastervision.pytorch_learner.dataset.visualizer.whole_image_visualizer import (
    WholeImageVisualizer,
    to_numpy,
    write_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class RegressionVisualizer(WholeImageVisualizer):
    """Writes the values of the targets."""

    def plot_gt(self, ax: 'Axes', class_names: Sequence[str], y: Any) -> None:
        """Write the values `y` (K,) of the targets."""
        write_text(ax, _as_text(class_names, to_numpy(y)))

    def plot_pred(
        self,
        ax: 'Axes',
        class_names: Sequence[str],
        z: Any,
        y: Any = None,  # noqa: ARG002  of other tasks
    ) -> None:
        """Write the predicted values `z` (K,) of the targets."""
        write_text(ax, _as_text(class_names, to_numpy(z)))

    def plot_errors(
        self,
        output_path: str,
        y: NDArray[np.float32],
        z: NDArray[np.float32],
        max_points: int,
        bins: int,
    ) -> None:
        """Draw predicted over true values, and a histogram of the differences, for each target.

        Args:
            output_path: PNG file to write.
            y: (N, K) true values; NaN is left out.
            z: (N, K) predicted values.
            max_points: Number of points to draw, at most; every so-manieth value is drawn.
            bins: Number of bars.
        """
        from matplotlib.figure import Figure

        count = len(self.class_names)
        figure = Figure(figsize=(2.5 * self.scale, self.scale * count), layout='constrained')
        axs = figure.subplots(count, 2, squeeze=False)
        for row, name, true, predicted in zip(axs, self.class_names, y.T, z.T, strict=True):
            known = np.isfinite(true)
            _plot_scatter(row[0], true[known], predicted[known], max_points)
            row[0].set_title(name)
            # in float32, errors that are nearly the same cannot be told apart by bars
            row[1].hist(predicted[known].astype(np.float64) - true[known], bins=bins)
            row[1].set_title(f'{name}: predicted - true')
        with atomic_path(output_path) as path:
            figure.savefig(path, format='png')


def _plot_scatter(
    ax: 'Axes', true: NDArray[np.float32], predicted: NDArray[np.float32], max_points: int
) -> None:
    step = max(1, -(-len(true) // max_points))
    ax.scatter(true[::step], predicted[::step], s=4)
    if len(true):
        ends = [true.min(), true.max()]
        ax.plot(ends, ends, color='gray', linewidth=1)
    ax.set_xlabel('true')
    ax.set_ylabel('predicted')


def _as_text(names: Sequence[str], values: NDArray[Any]) -> str:
    return '\n'.join(
        f'{name}: {value:.4g}' for name, value in zip(names, values.ravel(), strict=True)
    )
