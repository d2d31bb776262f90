"""Chip: pixels with their validity, and the rules by which a pixel is nodata."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rastervision.pipeline.errors import DataError

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Chip:
    """Pixels of a window.

    Attributes:
        pixels: (..., H, W, C).
        valid: (..., H, W) bool, True where there is real data.
    """

    pixels: NDArray[Any]
    valid: Mask

    def __post_init__(self) -> None:
        """Check that both arrays are of the same window."""
        if self.pixels.ndim < 3 or self.pixels.shape[:-1] != self.valid.shape:
            raise ValueError(
                f'Pixels {self.pixels.shape} must be (..., H, W, C) and the mask '
                f'{self.valid.shape} must be (..., H, W).'
            )

    def filled(self, value: float = 0) -> NDArray[Any]:
        """Pixels with `value` where they are not valid; no copy when all are."""
        if self.valid.all():
            return self.pixels
        out = self.pixels.copy(order='K')
        np.copyto(out, out.dtype.type(value), where=~self.valid[..., None])
        return out

    @property
    def ground(self) -> Mask:
        """(H, W), True where there is real data, in a time series at any of the times."""
        return np.asarray(self.valid.reshape(-1, *self.valid.shape[-2:]).any(axis=0))

    def zeroed(self) -> 'Chip':
        """The chip with 0 where it is not valid; itself when all is valid."""
        return self if self.valid.all() else Chip(self.filled(), self.valid)


def all_valid(height: int, width: int) -> Mask:
    """(H, W) mask of True."""
    return np.ones((height, width), dtype=bool)


def no_data(
    height: int, width: int, channels: int, dtype: np.dtype[Any], lead: tuple[int, ...] = ()
) -> Chip:
    """A chip (*lead, H, W, C) of zeros of which nothing is valid."""
    planes = np.zeros((*lead, channels, height, width), dtype=dtype)
    return Chip(np.moveaxis(planes, -3, -1), np.zeros((*lead, height, width), dtype=bool))


def representable(nodata: float | None, dtype: np.dtype[Any]) -> Any | None:
    """A nodata value as a scalar of a raster's dtype; None when no pixel can have it.

    A float value is rounded to the raster's precision, as GDAL does. A NaN or a value out of
    range in an integer raster can not occur.
    """
    if nodata is None:
        return None
    if dtype.kind in 'iu':
        info = np.iinfo(dtype)
        if not (float(nodata).is_integer() and info.min <= nodata <= info.max):
            return None
        return dtype.type(int(nodata))
    if dtype.kind == 'f' and np.isfinite(nodata) and abs(nodata) > float(np.finfo(dtype).max):
        return None
    return dtype.type(nodata)


def check_real(dtype: np.dtype[Any], user: str) -> None:
    """Raise DataError for complex numbers, which `user` has no use for."""
    if dtype.kind == 'c':
        raise DataError(
            f'{user} cannot use complex numbers; put a cast_transformer to float32 first, which '
            'takes magnitudes.'
        )


def is_nodata(band: NDArray[Any], nodata: Any) -> Mask:
    """Where the elements of one band equal its nodata value; NaN equals NaN."""
    if np.isnan(nodata):
        return np.asarray(np.isnan(band))
    return np.asarray(band == nodata)


def nodata_elements(bands: NDArray[Any], nodata: Sequence[float | None]) -> list[Mask | None]:
    """Per band, where its elements have the declared nodata value.

    Args:
        bands: (C, H, W) pixels.
        nodata: (C,) declared nodata values; None for a band that has none.

    Returns:
        (C,) masks of shape (H, W); None for a band in which no element can be nodata.
    """
    scalars = (representable(value, bands.dtype) for value in nodata)
    return [
        None if scalar is None else is_nodata(band, scalar)
        for band, scalar in zip(bands, scalars, strict=True)
    ]


def valid_pixels(bands: NDArray[Any], elements: Sequence[Mask | None]) -> Mask | None:
    """Where at least one band has data: its element is neither nodata nor NaN.

    Args:
        bands: (C, H, W) pixels.
        elements: (C,) masks from `nodata_elements`.

    Returns:
        (H, W) mask; None when every pixel is valid.
    """
    floating = bands.dtype.kind in 'fc'
    invalid: Mask | None = None
    for band, nodata in zip(bands, elements, strict=True):
        empty = nodata
        if floating:
            nan = np.isnan(band)
            empty = nan if nodata is None else nan | nodata
        if empty is None:
            return None
        invalid = empty if invalid is None else invalid & empty
    return None if invalid is None else ~invalid
