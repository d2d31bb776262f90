"""Boxes as arrays on their way into a network: formats, and what of them lies in the image."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rastervision.pytorch_learner.dataset.utils.utils import DatasetError

Labels: TypeAlias = tuple[NDArray[Any], NDArray[Any], str]
"""Boxes (N, 4), class ids (N,), and what the four numbers of a box are."""

MIN_SIDE = 1.0
"""Boxes with a shorter side, in pixels, are no targets."""


def to_yxyx(boxes: Any, box_format: str) -> NDArray[Any]:
    """Boxes (N, 4) in pixels as float ymin, xmin, ymax, xmax.

    Args:
        boxes: The boxes; without any, an array of any shape.
        box_format: `yxyx`, `xyxy` or `xywh` (xmin, ymin, width, height).

    Raises:
        DatasetError: The format is another one.
    """
    array = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    a, b, c, d = array.T
    if box_format == 'yxyx':
        return array
    if box_format == 'xyxy':
        return np.stack([b, a, d, c], axis=1)
    if box_format == 'xywh':
        return np.stack([b, a, b + d, a + c], axis=1)
    raise DatasetError(f"The box format {box_format!r} is none of 'yxyx', 'xyxy' and 'xywh'.")


def keep_inside(boxes: NDArray[Any], class_ids: NDArray[Any], img_size: tuple[int, ...]) -> Labels:
    """What lies in an image.

    Args:
        boxes: (N, 4) ymin, xmin, ymax, xmax.
        class_ids: (N,) class ids.
        img_size: (height, width) of the image.

    Returns:
        The boxes cut at the edges, without those of which less than a pixel is left.
    """
    height, width = img_size
    cut = np.clip(boxes, 0, [height, width, height, width])
    keep = (cut[:, 2:] - cut[:, :2] >= MIN_SIDE).all(axis=1)
    return cut[keep], np.asarray(class_ids)[keep], 'yxyx'


def yxyx_to_albu(yxyx: NDArray[Any], img_size: tuple[int, ...]) -> NDArray[Any]:
    """Boxes (N, 4) in pixels as Albumentations has them: xmin, ymin, xmax, ymax in [0, 1].

    Args:
        yxyx: ymin, xmin, ymax, xmax.
        img_size: (height, width) of the image; what lies outside of it is cut off.
    """
    height, width = img_size
    ymin, xmin, ymax, xmax = np.asarray(yxyx, dtype=np.float64).reshape(-1, 4).T
    normal = np.stack([xmin / width, ymin / height, xmax / width, ymax / height], axis=1)
    return normal.clip(0, 1)


def xywh_to_albu(xywh: NDArray[Any], img_size: tuple[int, ...]) -> NDArray[Any]:
    """Like `yxyx_to_albu`, for xmin, ymin, width, height."""
    return yxyx_to_albu(to_yxyx(xywh, 'xywh'), img_size)


def albu_to_yxyx(xyxy: NDArray[Any], img_size: tuple[int, ...]) -> NDArray[Any]:
    """The way back of `yxyx_to_albu`.

    Args:
        xyxy: (N, 4) boxes of Albumentations.
        img_size: (height, width) of the image.
    """
    height, width = img_size
    xmin, ymin, xmax, ymax = np.asarray(xyxy, dtype=np.float64).reshape(-1, 4).T
    return np.stack([ymin * height, xmin * width, ymax * height, xmax * width], axis=1)
