"""Visualizer: batches of images, labels and predictions as pictures."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system import atomic_path
from rastervision.pytorch_learner.dataset.subset import refuse_windows
from rastervision.pytorch_learner.dataset.tensors import is_missing
from rastervision.pytorch_learner.plot_options import (
    ChannelDisplayGroups,
    ChannelInds,
    check_channels,
    get_default_channel_display_groups,
    validate_channel_display_groups,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Batch = tuple[Tensor, Any]


class Visualizer(ABC):
    """Draws batches; subclasses draw the labels and predictions of their task.

    Pictures are made with matplotlib's object interface, so nothing depends on, or changes, the
    state of `matplotlib.pyplot`, and no display is needed to write a file.
    """

    scale = 3.0
    """Width and height of each picture, in inches."""

    def __init__(
        self,
        class_names: list[str],
        class_colors: list[str | tuple[int, int, int]] | None = None,
        transform: dict[str, Any] | None = None,
        channel_display_groups: ChannelDisplayGroups | None = None,
    ) -> None:
        """Constructor.

        Args:
            class_names: Names of the classes.
            class_colors: Their colours; chosen when None.
            transform: Albumentations transform, as a dictionary, of images before they are drawn.
            channel_display_groups: Groups of one to three channels, each drawn as one picture;
                with titles as a dictionary. By default, the first three channels.
        """
        colors = None if class_colors is None else list(class_colors)
        self.class_config = ClassConfig(names=list(class_names), colors=colors)
        self.transform = transform
        self._channel_display_groups = validate_channel_display_groups(channel_display_groups)

    @property
    def class_names(self) -> list[str]:
        """Names of the classes."""
        return self.class_config.names

    @property
    def class_colors(self) -> list[Any]:
        """Colours of the classes."""
        return self.class_config.colors or []

    @abstractmethod
    def plot_xyz(
        self,
        axs: Sequence['Axes'],
        x: Tensor,
        y: Any = None,
        z: Any = None,
        plot_title: bool = True,
    ) -> None:
        """Draw an image, its label and its prediction, side by side.

        Args:
            axs: As many axes as `get_plot_ncols` says.
            x: (C, H, W) image.
            y: Label, None without.
            z: Prediction, None without.
            plot_title: Write a title above every picture.
        """

    @abstractmethod
    def get_plot_ncols(self, **kwargs: Any) -> int:
        """Number of pictures for each image; the arguments are `x`, `y` and `z` of a batch."""

    def get_plot_nrows(self, **kwargs: Any) -> int:
        """Number of images to draw; the arguments are `x`, `y` and `z` of a batch."""
        x: Tensor = kwargs['x']
        return x.shape[0] * (x.shape[1] if x.ndim == 5 else 1)

    def get_plot_params(self, **kwargs: Any) -> dict[str, Any]:
        """Rows, columns and size in inches of the figure of a batch `x`, `y`, `z`."""
        rows, columns = self.get_plot_nrows(**kwargs), self.get_plot_ncols(**kwargs)
        return {
            'nrows': rows,
            'ncols': columns,
            'figsize': (self.scale * columns, self.scale * rows),
        }

    def plot_batch(
        self,
        x: Tensor,
        y: Any = None,
        output_path: str | None = None,
        z: Any = None,
        batch_limit: int | None = None,
        show: bool = False,
    ) -> None:
        """Draw a batch, one row an image (and time step).

        Args:
            x: (N, C, H, W) images, or (N, T, C, H, W) for time series.
            y: N labels; None or all NaN without.
            output_path: File to write; its extension says in which format, PNG without one.
            z: N predictions.
            batch_limit: Draw this many images at most.
            show: Show the figure, in a notebook or a window.

        Raises:
            ConfigError: batch_limit is not above 0, or a group names a channel that there is not.
        """
        if batch_limit is not None and batch_limit < 1:
            raise ConfigError(f'batch_limit has to be above 0, got {batch_limit}.')
        limit = len(x) if batch_limit is None else min(batch_limit, len(x))
        x = x[:limit]
        y = None if is_missing(y) else y[:limit]
        z = None if z is None else z[:limit]
        params = self.get_plot_params(x=x, y=y, z=z)
        figure = _new_figure(params['figsize'], show)
        axs = figure.subplots(params['nrows'], params['ncols'], squeeze=False)
        steps = x.shape[1] if x.ndim == 5 else 1
        for row, image in enumerate(x.flatten(0, 1) if x.ndim == 5 else x):
            label = None if y is None else y[row // steps]
            prediction = None if z is None else z[row // steps]
            self.plot_xyz(axs[row], image, label, prediction, plot_title=row == 0)
        if output_path is not None:
            output_path = output_path if Path(output_path).suffix else f'{output_path}.png'
            with atomic_path(output_path) as path:
                figure.savefig(path, format=_file_format(output_path), bbox_inches='tight')
        if show:
            from matplotlib import pyplot as plt

            plt.show()
            plt.close(figure)

    def get_channel_display_groups(self, nb_img_channels: int) -> dict[str, ChannelInds]:
        """The groups of channels to draw, by title."""
        if self._channel_display_groups is not None:
            check_channels(self._channel_display_groups, nb_img_channels)
            return self._channel_display_groups
        return get_default_channel_display_groups(nb_img_channels)

    def get_collate_fn(self) -> Callable[..., Any] | None:
        """What joins samples into batches; None for torch's own."""
        return None

    def get_batch(self, dataset: Dataset[Any], batch_sz: int = 4, **kwargs: Any) -> Batch:
        """The first batch of a dataset.

        Args:
            dataset: The dataset.
            batch_sz: Number of samples.
            kwargs: Further arguments of torch's DataLoader, such as `shuffle`.

        Raises:
            DatasetError: Samples come with their windows.
        """
        refuse_windows(dataset)
        loader = DataLoader(dataset, batch_sz, collate_fn=self.get_collate_fn(), **kwargs)
        batch: Batch = next(iter(loader))
        return batch

    def plot_image(self, axs: Sequence['Axes'], x: Tensor, plot_title: bool = True) -> int:
        """Draw the groups of channels of an image (C, H, W).

        Returns:
            How many axes were used.
        """
        groups = self.get_channel_display_groups(x.shape[0])
        plot_channel_groups(
            axs, channel_groups_to_imgs(self._for_display(x), groups), groups, plot_title=plot_title
        )
        return len(groups)

    def _for_display(self, x: Tensor) -> NDArray[np.float32]:
        """An image (C, H, W) as (H, W, C) in [0, 1]."""
        image = x.detach().float().cpu().permute(1, 2, 0).numpy()
        if self.transform is not None and _may_apply(self.transform):
            from rastervision.pytorch_learner.utils.utils import (
                deserialize_albumentation_transform,
            )

            image = deserialize_albumentation_transform(self.transform)(image=image)['image']
        return _into_unit_range(image)


def channel_groups_to_imgs(
    x: NDArray[np.float32], channel_groups: dict[str, ChannelInds]
) -> list[NDArray[np.float32]]:
    """One picture for each group of channels.

    Args:
        x: (H, W, C) image.
        channel_groups: One to three channels by title.

    Returns:
        (H, W, 1) pictures for one channel and (H, W, 3) for two, whose third is 0, or three.
    """
    images = []
    for group in channel_groups.values():
        image = x[..., list(group)]
        if len(group) == 2:
            image = np.pad(image, ((0, 0), (0, 0), (0, 1)))
        images.append(image)
    return images


def plot_channel_groups(
    axs: Iterable['Axes'],
    imgs: Iterable[NDArray[np.float32]],
    channel_groups: dict[str, ChannelInds],
    plot_title: bool = True,
) -> None:
    """Draw pictures of groups of channels.

    Args:
        axs: Axes, one for each group or more.
        imgs: (H, W, 1) or (H, W, 3) pictures in [0, 1].
        channel_groups: The groups by title.
        plot_title: Write the titles.
    """
    for ax, image, title in zip(axs, imgs, channel_groups, strict=False):
        ax.imshow(image, cmap='gray' if image.shape[-1] == 1 else None, vmin=0, vmax=1)
        ax.axis('off')
        if plot_title:
            ax.set_title(title)


def _into_unit_range(image: NDArray[Any]) -> NDArray[np.float32]:
    image = np.nan_to_num(image.astype(np.float32))
    low, high = float(image.min()), float(image.max())
    if low >= 0 and high <= 1:
        return image
    return ((image - low) / max(high - low, 1e-6)).astype(np.float32)


def _may_apply(transform: dict[str, Any]) -> bool:
    """Tell whether a serialised transform does anything: that of the default has probability 0."""
    inner = transform.get('transform')
    return not isinstance(inner, dict) or bool(inner.get('p', 1) or inner.get('always_apply'))


def _file_format(path: str) -> str:
    return path.rpartition('.')[2].lower()


def _new_figure(size: tuple[float, float], show: bool) -> 'Figure':
    """A figure that pyplot knows of only if it is to be shown."""
    if show:
        from matplotlib import pyplot as plt

        return plt.figure(figsize=size, layout='compressed')
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout='compressed')
