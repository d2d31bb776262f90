"""Pictures of semantic segmentation: images, class ids and predicted class ids."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rastervision.pytorch_learner.dataset.visualizer.visualizer import Visualizer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap


class SemanticSegmentationVisualizer(Visualizer):
    """Draws class ids in the colours of the classes, beside the image."""

    def plot_xyz(
        self,
        axs: Sequence['Axes'],
        x: Tensor,
        y: Tensor | NDArray[Any] | None = None,
        z: Tensor | None = None,
        plot_title: bool = True,
    ) -> None:
        """Draw an image, its class ids and the prediction.

        Args:
            axs: As many axes as `get_plot_ncols` says.
            x: (C, H, W) image.
            y: (H, W) class ids.
            z: (H, W) predicted class ids, or (K, H, W) scores.
            plot_title: Write a title above every picture.
        """
        used = self.plot_image(axs, x, plot_title)
        colors, count = self._colormap(), len(self.class_names)
        if y is not None:
            self.plot_gt(axs[used], y, count, colors)
            axs[used].set_title('Ground truth' if plot_title else '')
            used += 1
        if z is not None:
            self.plot_pred(axs[used], z, count, colors)
            axs[used].set_title('Predicted labels' if plot_title else '')
        if plot_title:
            self._add_legend(axs[-1])

    def plot_gt(
        self,
        ax: 'Axes',
        y: Tensor | NDArray[Any],
        num_classes: int,
        cmap: 'Colormap',
        **kwargs: Any,
    ) -> None:
        """Draw class ids (H, W)."""
        ids = _to_numpy(y)
        ax.imshow(
            ids, vmin=0, vmax=max(num_classes - 1, 1), cmap=cmap, interpolation='none', **kwargs
        )
        ax.axis('off')

    def plot_pred(
        self,
        ax: 'Axes',
        z: Tensor | NDArray[Any],
        num_classes: int,
        cmap: 'Colormap',
        **kwargs: Any,
    ) -> None:
        """Draw predicted class ids (H, W), or those with the highest of scores (K, H, W)."""
        scores = _to_numpy(z)
        ids = scores.argmax(axis=0) if scores.ndim == 3 else scores
        self.plot_gt(ax, ids, num_classes, cmap, **kwargs)

    def get_plot_ncols(self, **kwargs: Any) -> int:
        """Number of pictures for each image; the arguments are `x`, `y` and `z` of a batch."""
        groups = self.get_channel_display_groups(kwargs['x'].shape[-3])
        return len(groups) + sum(kwargs.get(name) is not None for name in ('y', 'z'))

    def _colormap(self) -> 'Colormap':
        from matplotlib.colors import ListedColormap

        return ListedColormap(self.class_config.color_triples)

    def _add_legend(self, ax: 'Axes') -> None:
        from matplotlib.patches import Patch

        patches = [
            Patch(facecolor=color, edgecolor='black', label=name)
            for name, color in zip(self.class_names, self.class_config.color_triples, strict=True)
        ]
        ax.legend(handles=patches, loc='center left', bbox_to_anchor=(1.0, 0.5))


def _to_numpy(y: Tensor | NDArray[Any]) -> NDArray[Any]:
    return y.detach().cpu().numpy() if isinstance(y, Tensor) else np.asarray(y)
