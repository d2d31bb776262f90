"""Flips, quarter turns and resizing without Albumentations' copies.

Albumentations copies image and labels at every step to make them contiguous, so that the default
augmentation takes several times as long as reading a chip. The same steps on views cost nothing.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from rastervision.pytorch_learner.dataset.randomness import torch_rng
from rastervision.pytorch_learner.dataset.transform import Sample, apply_transform

if TYPE_CHECKING:
    from albumentations.core.transforms_interface import BasicTransform

Turn = Callable[[Any, int, int, int], Any]


def _flip_columns(array: Any, _rows: int, columns: int, _draw: int) -> Any:
    return np.flip(array, columns)


def _flip_rows(array: Any, rows: int, _columns: int, _draw: int) -> Any:
    return np.flip(array, rows)


def _transpose(array: Any, rows: int, columns: int, _draw: int) -> Any:
    return np.swapaxes(array, rows, columns)


def _quarter_turns(array: Any, rows: int, columns: int, draw: int) -> Any:
    return np.rot90(array, draw, (rows, columns))


_TURNS: dict[str, Turn] = {
    'HorizontalFlip': _flip_columns,
    'VerticalFlip': _flip_rows,
    'Transpose': _transpose,
    'RandomRotate90': _quarter_turns,
}


class QuickTransform:
    """Applies a sequence of Albumentations' flips, quarter turns and resizings.

    The probabilities are those of Albumentations; the random numbers follow torch's seed.
    """

    def __init__(self, steps: list['BasicTransform']) -> None:
        """Constructor; see `quick_transform`."""
        self.steps = steps

    def __call__(self, sample: Sample, y_is_mask: bool) -> Sample:
        """Transform a sample.

        Args:
            sample: Image (..., H, W, C) and label.
            y_is_mask: Whether the label is (H, W) and changes with the image.

        Returns:
            Views of the arrays, unless they had to be resized.
        """
        x, y = sample
        mask = y if y_is_mask else None
        is_random = any(_name(step) in _TURNS for step in self.steps)
        rng = torch_rng() if is_random else None
        for step in self.steps:
            if (turn := _TURNS.get(_name(step))) is None:
                x, mask = _resize(step, x, mask)
            elif rng is not None and rng.random() < step.p:
                draw = int(rng.integers(4))
                x = turn(x, -3, -2, draw)
                mask = None if mask is None else turn(mask, -2, -1, draw)
        return x, mask if y_is_mask else y


def quick_transform(transform: 'BasicTransform') -> QuickTransform | None:
    """The quick form of a transform, or None if there is none."""
    steps = _flatten(transform)
    return None if steps is None else QuickTransform(steps)


def _flatten(transform: 'BasicTransform') -> list['BasicTransform'] | None:
    """The steps of a transform, if all of them are simple."""
    if not type(transform).__module__.startswith('albumentations.'):
        return None
    if _name(transform) == 'Compose' and transform.p == 1 and not transform.processors:
        parts = [_flatten(part) for part in transform.transforms]
        return None if None in parts else [step for part in parts for step in part or []]
    is_simple = _name(transform) in _TURNS or (_name(transform) == 'Resize' and transform.p == 1)
    return [transform] if is_simple else None


def _name(transform: 'BasicTransform') -> str:
    return type(transform).__name__


def _resize(step: 'BasicTransform', x: Any, mask: Any) -> tuple[Any, Any]:
    args = {'image': x} if mask is None else {'image': x, 'mask': mask}
    out = apply_transform(step, **args)
    return out['image'], out.get('mask')
