"""Small helpers for sizes."""

from collections.abc import Sequence
from typing import TypeVar, cast

from rastervision.core.windows import PadDirection, required_padding

T = TypeVar('T')


def ensure_tuple(x: T | Sequence[T], n: int = 2) -> tuple[T, ...]:
    """Repeat a single value `n` times; check the length of a sequence.

    Raises:
        ValueError: a sequence of another length.
    """
    if not isinstance(x, (tuple, list)):
        return (cast('T', x),) * n
    if len(x) != n:
        raise ValueError(f'Expected one value or {n} values, got {x}.')
    return tuple(x)


def calculate_required_padding(
    extent_sz: int | tuple[int, int],
    chip_sz: int | tuple[int, int],
    stride: int | tuple[int, int],
    pad_direction: PadDirection,
    crop_sz: int | None = None,
) -> tuple[int, int]:
    """Padding with which sliding windows leave no pixel of an extent out.

    Args:
        extent_sz: (height, width) of the extent, in pixels.
        chip_sz: (height, width) of the windows.
        stride: (vertical, horizontal) step.
        pad_direction: side(s) to pad. With 'both' the result is for each of the two sides.
        crop_sz: pixels that will be cut from each edge of every window, so that what remains
            must cover the extent. Needs pad_direction='both'.

    Returns:
        (vertical, horizontal) padding in pixels.
    """
    sizes = zip(ensure_tuple(extent_sz), ensure_tuple(chip_sz), ensure_tuple(stride), strict=True)
    v, h = (required_padding(*axis, pad_direction, crop_sz) for axis in sizes)
    return v, h
