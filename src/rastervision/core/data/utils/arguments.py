"""Arguments of sources as users give them, checked before they are used."""

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from rastervision.core.box import Box
from rastervision.pipeline.errors import ConfigError

T = TypeVar('T')


def as_bbox(value: Any, name: str = 'bbox') -> Box:
    """A Box in whole pixels from a Box or (ymin, xmin, ymax, xmax).

    Raises:
        ConfigError: something else, parts of pixels, or sides in the wrong order.
    """
    try:
        sides = np.array(tuple(value))
    except (TypeError, ValueError):
        sides = np.array(())
    if sides.shape != (4,) or sides.dtype.kind not in 'iuf' or not _are_whole(sides):
        raise ConfigError(
            f'{name} must be a Box, or (ymin, xmin, ymax, xmax), of whole pixels, got {value!r}.'
        )
    box = Box(*map(int, sides.tolist()))
    if box.height < 0 or box.width < 0:
        raise ConfigError(
            f'{name} {box.tuple_format()} ends before it starts; it must be (ymin, xmin, ymax, '
            'xmax) with ymin < ymax and xmin < xmax.'
        )
    return box


def as_window(value: Any) -> Box:
    """Like `as_bbox`, for a window to read; parts of pixels are cut off by `Box.to_int`."""
    if not isinstance(value, Box):
        return as_bbox(value, 'the window')
    box = value.to_int()
    return box if box.height >= 0 and box.width >= 0 else as_bbox(box, 'the window')


def _are_whole(numbers: Any) -> bool:
    return bool((np.isfinite(numbers) & (numbers == np.trunc(numbers))).all())


def check_transformers(transformers: Iterable[T], kind: type, name: str) -> list[T]:
    """A list of transformers of a kind.

    Args:
        transformers: as given.
        kind: base class of the transformers.
        name: of the argument.

    Raises:
        ConfigError: a single one, a class in place of an object of it, or something else.
    """
    if not isinstance(transformers, Iterable):
        raise ConfigError(f'{name} must be a list of transformers, got {transformers!r}.')
    items = list(transformers)
    for item in items:
        if isinstance(item, type):
            raise ConfigError(
                f'{name} has the class {item.__name__}; make an object of it: {item.__name__}(...).'
            )
        if not isinstance(item, kind):
            raise ConfigError(f'{name} must be a list of {kind.__name__}, but has {item!r}.')
    return items
