"""Array operations on chips: filling, padding, resampling."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box


def fill_overflow(bbox: Box, window: Box, chip: NDArray[Any], fill_value: int = 0) -> NDArray[Any]:
    """Fill the part of a chip that lies outside a box.

    Args:
        bbox: box to keep.
        window: box of the chip, in the frame of `bbox`.
        chip: (H, W, ...) pixels of `window`; changed in place.
        fill_value: value to write.

    Returns:
        `chip`.
    """
    inside = window.intersection(bbox)
    if not inside.area:
        chip[:] = fill_value
        return chip
    part = inside.translate(-window.ymin, -window.xmin)
    chip[: part.ymin] = fill_value
    chip[part.ymax :] = fill_value
    chip[:, : part.xmin] = fill_value
    chip[:, part.xmax :] = fill_value
    return chip


def pad_to_window_size(chip: NDArray[Any], window: Box, bbox: Box, fill_value: int) -> NDArray[Any]:
    """Pad a chip that was read where a window and a box meet to the size of the window.

    Args:
        chip: (h, w, ...) pixels of the intersection of `window` and `bbox`.
        window: wanted box, in the frame of `bbox`.
        bbox: box that limited the chip.
        fill_value: value outside of `bbox`.

    Returns:
        (H, W, ...) pixels of `window`; `chip` itself when nothing is missing.
    """
    if chip.shape[:2] == window.size:
        return chip
    out = np.full((*window.size, *chip.shape[2:]), fill_value, dtype=chip.dtype)
    part = window.intersection(bbox).translate(-window.ymin, -window.xmin)
    out[part.to_slices()] = chip
    return out


def resize_bilinear(chip: NDArray[Any], out_shape: tuple[int, int]) -> NDArray[Any]:
    """Resample a chip with a linear kernel.

    Pixels are areas: the corners of the chip stay its corners. When a side shrinks, the kernel
    grows with the step, so that every pixel counts.

    Args:
        chip: (H, W, C) pixels.
        out_shape: (height, width) of the result.

    Returns:
        (height, width, C) pixels of the same dtype; integers are rounded.
    """
    if chip.shape[:2] == tuple(out_shape):
        return chip
    rows = _linear_weights(chip.shape[0], out_shape[0])
    columns = _linear_weights(chip.shape[1], out_shape[1])
    planes = columns @ (rows @ chip.transpose(2, 0, 1)).transpose(0, 2, 1)
    if chip.dtype.kind in 'iub':
        planes = np.rint(planes)
    return np.asarray(planes.astype(chip.dtype).transpose(2, 1, 0))


def _linear_weights(size: int, out_size: int) -> NDArray[np.float64]:
    """(out_size, size) weights of a linear kernel, rows summing up to 1."""
    step = size / out_size
    centres = (np.arange(out_size) + 0.5) * step - 0.5
    distance = np.abs(np.arange(size)[None] - np.clip(centres, 0, size - 1)[:, None])
    weights = np.maximum(0, 1 - distance / max(step, 1))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
