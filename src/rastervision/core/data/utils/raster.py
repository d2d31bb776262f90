"""Array operations on chips: filling, padding, resampling."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.chip import Chip


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


def scale_part(part: Box, size: tuple[int, int], out_shape: tuple[int, int]) -> Box:
    """A part of a window of `size` as a part of `out_shape`, both (height, width); never empty."""
    height, width = out_shape
    y_scale, x_scale = height / size[0], width / size[1]
    ymin = min(round(part.ymin * y_scale), height - 1)
    xmin = min(round(part.xmin * x_scale), width - 1)
    ymax, xmax = round(part.ymax * y_scale), round(part.xmax * x_scale)
    return Box(ymin, xmin, max(ymax, ymin + 1), max(xmax, xmin + 1))


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
    planes = _resize(chip.transpose(2, 0, 1), out_shape)
    if chip.dtype.kind in 'iub':
        planes = np.rint(planes)
    return np.asarray(planes.astype(chip.dtype).transpose(1, 2, 0))


def resize_chip(chip: Chip, out_shape: tuple[int, int]) -> Chip:
    """Resample a chip as `resize_bilinear` does, from the elements that have data.

    Args:
        chip: (..., H, W, C).
        out_shape: (height, width) of the result.

    Returns:
        Chip of shape (..., height, width, C). It is valid where the nearest pixel is.
    """
    size = chip.valid.shape[-2:]
    if size == tuple(out_shape):
        return chip
    nearest = np.ix_(
        *((np.arange(n) * 2 + 1) * m // (2 * n) for n, m in zip(out_shape, size, strict=True))
    )
    planes = np.moveaxis(chip.pixels, -1, -3)
    dtype = planes.dtype
    known = np.broadcast_to(chip.valid[..., None, :, :], planes.shape)
    if dtype.kind in 'fc':
        known = known & ~np.isnan(planes)
    weights = _resize(known.astype(np.float64), out_shape)
    total = _resize(np.where(known, planes, 0), out_shape)
    mean = np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)
    if dtype.kind in 'fc':
        mean[weights == 0] = np.nan
    else:
        mean = np.rint(mean)
    return Chip(np.moveaxis(mean.astype(dtype), -3, -1), chip.valid[..., *nearest]).zeroed()


def _resize(planes: NDArray[Any], out_shape: tuple[int, int]) -> NDArray[Any]:
    """(..., H, W) planes as (..., height, width) floats."""
    rows = _linear_weights(planes.shape[-2], out_shape[0])
    columns = _linear_weights(planes.shape[-1], out_shape[1])
    return np.asarray(rows @ planes @ columns.T)


def _linear_weights(size: int, out_size: int) -> NDArray[np.float64]:
    """(out_size, size) weights of a linear kernel, rows summing up to 1."""
    step = size / out_size
    centres = (np.arange(out_size) + 0.5) * step - 0.5
    distance = np.abs(np.arange(size)[None] - np.clip(centres, 0, size - 1)[:, None])
    weights = np.maximum(0, 1 - distance / max(step, 1))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
