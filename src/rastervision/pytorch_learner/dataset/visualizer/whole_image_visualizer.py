"""Pictures of tasks that say something about an image as a whole: it stands beside the image."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rastervision.pytorch_learner.dataset.visualizer.visualizer import Visualizer

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class WholeImageVisualizer(Visualizer):
    """Writes the truth and the prediction beside the image; subclasses say in which words."""

    @abstractmethod
    def plot_gt(self, ax: 'Axes', class_names: Sequence[str], y: Any) -> None:
        """Write what is true of an image.

        Args:
            ax: Where to write.
            class_names: Names of the classes or targets.
            y: The label.
        """

    @abstractmethod
    def plot_pred(self, ax: 'Axes', class_names: Sequence[str], z: Any, y: Any = None) -> None:
        """Write what is predicted of an image.

        Args:
            ax: Where to write.
            class_names: Names of the classes or targets.
            z: The prediction.
            y: The label; None without.
        """

    def plot_xyz(
        self,
        axs: Sequence['Axes'],
        x: Tensor,
        y: Any = None,
        z: Any = None,
        plot_title: bool = True,
    ) -> None:
        """Draw an image, and write its label and the prediction.

        Args:
            axs: As many axes as `get_plot_ncols` says.
            x: (C, H, W) image.
            y: Label, None without.
            z: Prediction, None without.
            plot_title: Write a title above every picture.
        """
        used = self.plot_image(axs, x, plot_title)
        if y is not None:
            self.plot_gt(axs[used], self.class_names, y)
            axs[used].set_title('Ground truth' if plot_title else '')
            used += 1
        if z is not None:
            self.plot_pred(axs[used], self.class_names, z, y)
            axs[used].set_title('Prediction' if plot_title else '')

    def get_plot_ncols(self, **kwargs: Any) -> int:
        """Number of pictures for each image; the arguments are `x`, `y` and `z` of a batch."""
        groups = self.get_channel_display_groups(kwargs['x'].shape[-3])
        return len(groups) + sum(kwargs.get(name) is not None for name in ('y', 'z'))


def write_text(ax: 'Axes', text: str, color: str = 'black') -> None:
    """Write in the middle of axes, without anything else."""
    ax.axis('off')
    ax.text(0.5, 0.5, text, color=color, ha='center', va='center', transform=ax.transAxes)


def to_numpy(y: Any) -> NDArray[Any]:
    """A label or prediction as an array."""
    return y.detach().cpu().numpy() if isinstance(y, Tensor) else np.asarray(y)
