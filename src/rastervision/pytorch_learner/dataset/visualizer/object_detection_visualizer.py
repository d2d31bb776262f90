"""Pictures of object detection: images with boxes, and with predicted boxes."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from rastervision.pytorch_learner.boxlist import BoxList, collate_fn
from rastervision.pytorch_learner.dataset.visualizer.visualizer import Visualizer

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ObjectDetectionVisualizer(Visualizer):
    """Draws boxes in the colours of their classes; predictions are drawn beside the truth."""

    score_thresh = 0.5
    """Score above which predictions are drawn."""

    def get_collate_fn(self) -> Callable[..., Any]:
        """What joins images into a tensor, and their boxes into a list."""
        return collate_fn

    def plot_xyz(
        self,
        axs: Sequence['Axes'],
        x: Tensor,
        y: BoxList | None = None,
        z: BoxList | None = None,
        plot_title: bool = True,
    ) -> None:
        """Draw an image with its boxes, and once more with those that were predicted.

        Args:
            axs: As many axes as `get_plot_ncols` says.
            x: (C, H, W) image.
            y: Its boxes, with `class_ids`.
            z: The predicted ones, maybe with `scores`.
            plot_title: Write a title above every picture.
        """
        count = self.plot_image(axs, x, plot_title)
        if isinstance(y, BoxList):  # NaN without labels
            self._draw(axs[:count], y)
        if z is None:
            return
        self.plot_image(axs[count:], x, plot_title)
        self._draw(axs[count:], z.score_filter(self.score_thresh) if 'scores' in z else z)
        if plot_title:
            for ax in axs[count:]:
                ax.set_title(f'{ax.get_title()} (predicted)')

    def get_plot_ncols(self, **kwargs: Any) -> int:
        """Number of pictures for each image; the arguments are `x`, `y` and `z` of a batch."""
        groups = self.get_channel_display_groups(kwargs['x'].shape[-3])
        return len(groups) * (1 if kwargs.get('z') is None else 2)

    def _draw(self, axs: Sequence['Axes'], boxes: BoxList) -> None:
        from matplotlib.patches import Rectangle

        scores = boxes.get_field('scores')
        class_ids = boxes.get_field('class_ids').tolist()
        for ax in axs:
            for i, (class_id, box) in enumerate(zip(class_ids, boxes.boxes.tolist(), strict=True)):
                xmin, ymin, xmax, ymax = box
                color = self.class_config.color_triples[class_id]
                corner = (xmin - 0.5, ymin - 0.5)  # pictures have their pixels' centres at integers
                ax.add_patch(
                    Rectangle(corner, xmax - xmin, ymax - ymin, fill=False, edgecolor=color)
                )
                text = self.class_names[class_id]
                text = text if scores is None else f'{text} {float(scores[i]):.2f}'
                ax.text(*corner, text, color=color, fontsize=5, va='bottom', clip_on=True)
