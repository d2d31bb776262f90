"""Flips, quarter turns and resizing without Albumentations.

Albumentations copies image and labels at every step to make them contiguous, so that the default
augmentation takes several times as long as reading a chip. The same steps on views cost nothing.
Nor does the library have to be imported for them, which takes a second.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from rastervision.pytorch_learner.dataset.randomness import torch_rng

if TYPE_CHECKING:
    from albumentations.core.transforms_interface import BasicTransform

_CHANNELS_AT_ONCE = 4
"""OpenCV takes a limited number of channels, and is fastest with few."""


def _flip_columns(array: Any, _rows: int, columns: int, _draw: int) -> Any:
    return np.flip(array, columns)


def _flip_rows(array: Any, rows: int, _columns: int, _draw: int) -> Any:
    return np.flip(array, rows)


def _transpose(array: Any, rows: int, columns: int, _draw: int) -> Any:
    return np.swapaxes(array, rows, columns)


def _quarter_turns(array: Any, rows: int, columns: int, draw: int) -> Any:
    return np.rot90(array, draw, (rows, columns))


_MOVES: dict[str, Callable[[Any, int, int, int], Any]] = {
    'HorizontalFlip': _flip_columns,
    'VerticalFlip': _flip_rows,
    'Transpose': _transpose,
    'RandomRotate90': _quarter_turns,
}


def _mirror(low: Any, high: Any, length: int) -> tuple[Any, Any]:
    return length - high, length - low


def _move_boxes(name: str, boxes: NDArray[Any], size: tuple[int, int], draw: int) -> NDArray[Any]:
    """Boxes (N, 4) yxyx of an image of (height, width) after a flip or quarter turns of it."""
    height, width = size
    ymin, xmin, ymax, xmax = boxes.T
    if name == 'HorizontalFlip':
        xmin, xmax = _mirror(xmin, xmax, width)
    elif name == 'VerticalFlip':
        ymin, ymax = _mirror(ymin, ymax, height)
    elif name == 'Transpose':
        ymin, xmin, ymax, xmax = xmin, ymin, xmax, ymax
    else:
        for _ in range(draw):  # the right edge becomes the upper one
            (ymin, ymax), xmin, xmax = _mirror(xmin, xmax, width), ymin, ymax
            height, width = width, height
    return np.stack([ymin, xmin, ymax, xmax], axis=1)


_PROBABILITIES = {'RandomRotate90': 1.0}
_PROBABILITY = 0.5


@dataclass(frozen=True, slots=True)
class Turn:
    """A flip or quarter turn.

    Attributes:
        name: Its name in Albumentations.
        p: Its probability.
    """

    name: str
    p: float


@dataclass(frozen=True, slots=True)
class Resize:
    """A resizing to (height, width), bilinear for images; class ids are not mixed."""

    height: int
    width: int


Step = Turn | Resize


class QuickTransform:
    """Applies a sequence of flips, quarter turns and resizings.

    It is called as an Albumentations transform, also for time series. The probabilities are those
    of Albumentations; the random numbers follow torch's seed.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        """Constructor; see `quick_transform` and `from_names`."""
        self.steps = tuple(steps)
        self._is_random = any(isinstance(step, Turn) for step in steps)

    @classmethod
    def from_names(cls, augmentors: Sequence[str], size: int) -> Self | None:
        """Transforms of Albumentations by name, with their defaults, and a resizing to a square.

        Returns:
            None if not all of them are flips and quarter turns.
        """
        if not _MOVES.keys() >= set(augmentors):
            return None
        turns = [Turn(name, _PROBABILITIES.get(name, _PROBABILITY)) for name in augmentors]
        return cls([*turns, Resize(size, size)])

    def __call__(
        self,
        *,
        image: NDArray[Any],
        mask: NDArray[Any] | None = None,
        boxes: NDArray[Any] | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Transform an image (..., H, W, C) and, in the same way, what belongs to it.

        Args:
            image: The image.
            mask: (H, W) class ids.
            boxes: (N, 4) ymin, xmin, ymax, xmax in pixels.

        Returns:
            What was given, by name: views, unless they had to be resized.
        """
        rng = torch_rng() if self._is_random else None
        for step in self.steps:
            size = image.shape[-3], image.shape[-2]
            if isinstance(step, Resize):
                image = _resize_image(image, step)
                mask = None if mask is None else _resize_ids(mask, step)
                boxes = None if boxes is None else _resize_boxes(boxes, size, step)
            elif rng is not None and rng.random() < step.p:
                move, draw = _MOVES[step.name], int(rng.integers(4))
                image = move(image, -3, -2, draw)
                mask = None if mask is None else move(mask, -2, -1, draw)
                boxes = None if boxes is None else _move_boxes(step.name, boxes, size, draw)
        given = {'image': image, 'mask': mask, 'boxes': boxes}
        return {name: value for name, value in given.items() if value is not None}


def quick_transform(transform: 'BasicTransform | QuickTransform') -> QuickTransform | None:
    """The quick form of a transform, or None if there is none."""
    steps = _steps_of(transform)
    return None if steps is None else QuickTransform(steps)


def _steps_of(transform: Any) -> Sequence[Step] | None:
    """The steps of a transform, if all of them are simple."""
    if isinstance(transform, QuickTransform):
        return transform.steps
    name = type(transform).__name__
    if not type(transform).__module__.startswith('albumentations.'):
        return None
    if name == 'Compose' and transform.p == 1 and not transform.processors:
        parts = [_steps_of(part) for part in transform.transforms]
        return None if None in parts else [step for part in parts for step in part or ()]
    if name in _MOVES:
        return [Turn(name, transform.p)]
    if name == 'Resize' and transform.p == 1 and _is_plain(transform):
        return [Resize(transform.height, transform.width)]
    return None


def _is_plain(resize: Any) -> bool:
    """Whether a Resize of Albumentations interpolates as it does by default."""
    import cv2

    return (
        resize.interpolation == cv2.INTER_LINEAR
        and resize.mask_interpolation == cv2.INTER_NEAREST
        and getattr(resize, 'area_for_downscale', None) is None
    )


def _resize_image(image: NDArray[Any], size: Resize) -> NDArray[Any]:
    height, width = size.height, size.width
    if image.shape[-3:-1] == (height, width):
        return image
    import cv2

    images = image.reshape(-1, *image.shape[-3:])
    out = np.empty((len(images), height, width, image.shape[-1]), image.dtype)
    for i, one in enumerate(images):
        for c in range(0, image.shape[-1], _CHANNELS_AT_ONCE):
            part = np.ascontiguousarray(one[..., c : c + _CHANNELS_AT_ONCE])
            resized = cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
            out[i, ..., c : c + _CHANNELS_AT_ONCE] = resized.reshape(height, width, -1)
    return out.reshape(*image.shape[:-3], height, width, image.shape[-1])


def _resize_ids(ids: NDArray[Any], size: Resize) -> NDArray[Any]:
    if ids.shape == (size.height, size.width):
        return ids
    rows = _nearest(ids.shape[0], size.height)
    return ids[rows[:, None], _nearest(ids.shape[1], size.width)]


def _resize_boxes(boxes: NDArray[Any], old: tuple[int, int], new: Resize) -> NDArray[Any]:
    yscale, xscale = new.height / old[0], new.width / old[1]
    resized: NDArray[Any] = boxes * np.array([yscale, xscale, yscale, xscale])
    return resized


def _nearest(length: int, new_length: int) -> NDArray[np.intp]:
    """Index of the pixel that stands for each of `new_length` ones, rounded as OpenCV does."""
    scale = 1 / (new_length / length)
    index: NDArray[np.intp] = np.floor(np.arange(new_length) * scale).astype(np.intp)
    return index.clip(max=length - 1)
