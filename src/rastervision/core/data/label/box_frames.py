"""BoxFrames: boxes from the frame of the scene to that of a window, and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.label.boxes import Boxes


class BoxFrames:
    """Functions of labels that place (N, 4) boxes ymin, xmin, ymax, xmax in another frame."""

    @staticmethod
    def local_to_global(npboxes: Boxes, window: Box) -> Boxes:
        """From pixels from a window's upper left corner to the window's frame."""
        return np.asarray(npboxes + _corner(window))

    @staticmethod
    def global_to_local(npboxes: Boxes, window: Box) -> Boxes:
        """From a window's frame to pixels from its upper left corner."""
        return np.asarray(npboxes - _corner(window))

    @staticmethod
    def local_to_normalized(npboxes: Boxes, window: Box) -> Boxes:
        """From pixels from a window's upper left corner to shares of its height and width."""
        return np.asarray(npboxes / np.array(window.size * 2))

    @staticmethod
    def normalized_to_local(npboxes: Boxes, window: Box) -> Boxes:
        """From shares of a window's height and width to pixels from its upper left corner."""
        return np.asarray(npboxes * np.array(window.size * 2))


def _corner(window: Box) -> NDArray[Any]:
    return np.array([window.ymin, window.xmin, window.ymin, window.xmin])
