"""ScoreTile: class scores of a window, on their way from the model to the files."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box


@dataclass(frozen=True, eq=False, slots=True)
class ScoreTile:
    """Class scores of a window.

    Attributes:
        box: the window, in the extent frame; it may reach out of the extent.
        scores: (C, h, w) float32.
        valid: (h, w) bool, True where the image has data.
    """

    box: Box
    scores: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def __post_init__(self) -> None:
        """Check that the arrays are of the window's size."""
        size = self.box.size
        if self.scores.ndim != 3 or self.scores.shape[1:] != size or self.valid.shape != size:
            raise ValueError(
                f'Scores {self.scores.shape} must be (C, h, w) and the mask {self.valid.shape} '
                f'(h, w) for a window of {size}.'
            )


def best_class(scores: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """The class of the highest score per pixel, the first one among equals.

    Args:
        scores: (C, h, w) scores or votes of up to 256 classes.

    Returns:
        (h, w) class ids, and the (h, w) scores that they have.
    """
    # a running maximum: argmax over the first axis would stride through memory
    best = scores[0].copy()
    classes = np.zeros(best.shape, dtype=np.uint8)
    for class_id, score in enumerate(scores[1:], start=1):
        higher = (score > best).view(np.uint8)
        if class_id > 1:
            higher *= np.uint8(class_id)
        np.maximum(classes, higher, out=classes)
        np.maximum(best, score, out=best)
    return classes, best
