"""What a model says about one window of a scene."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rastervision.core.box import Box

__all__ = ['WindowBoxes', 'WindowScores']


@dataclass(frozen=True, slots=True, eq=False)
class WindowScores:
    """The scores of one window: what chip classification and chip regression predict.

    Attributes:
        window: The window, in the extent frame.
        scores: (K,) float32: the probability of every class, or the values of the targets.
        valid: False where the image has no data anywhere in the window.
    """

    window: 'Box'
    scores: 'NDArray[np.float32]'
    valid: bool


@dataclass(frozen=True, slots=True, eq=False)
class WindowBoxes:
    """The objects found in one window: what object detection predicts.

    Attributes:
        window: The window, in the extent frame.
        boxes: (N, 4) float32: ymin, xmin, ymax, xmax in pixels from the window's upper left corner.
        class_ids: (N,) int64.
        scores: (N,) float32.
        valid: False where the image has no data anywhere in the window.
    """

    window: 'Box'
    boxes: 'NDArray[np.float32]'
    class_ids: 'NDArray[np.int64]'
    scores: 'NDArray[np.float32]'
    valid: bool
