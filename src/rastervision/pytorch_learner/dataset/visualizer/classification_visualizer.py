"""Pictures of classification: images with their class and the predicted one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rastervision.pytorch_learner.dataset.visualizer.whole_image_visualizer import (
    WholeImageVisualizer,
    to_numpy,
    write_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ClassificationVisualizer(WholeImageVisualizer):
    """Writes names of classes; those of predictions are green if right and red if wrong."""

    def plot_gt(self, ax: 'Axes', class_names: Sequence[str], y: Any) -> None:
        """Write the name of class id `y`."""
        write_text(ax, class_names[_class_id(y)])

    def plot_pred(self, ax: 'Axes', class_names: Sequence[str], z: Any, y: Any = None) -> None:
        """Write the name of class id `z`, or of the class with the highest of scores (K,)."""
        predicted = _class_id(z)
        color = 'black'
        if y is not None:
            color = 'green' if predicted == _class_id(y) else 'red'
        write_text(ax, class_names[predicted], color)


def _class_id(y: Any) -> int:
    values = to_numpy(y)
    return int(values if values.ndim == 0 else values.argmax())
