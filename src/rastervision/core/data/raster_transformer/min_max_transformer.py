"""MinMaxTransformer: stretches every chip by itself (C+E)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rastervision.core.chip import Chip, Mask, check_real
from rastervision.core.data.raster_transformer.raster_transformer import (
    RasterTransformer,
    RasterTransformerConfig,
)
from rastervision.pipeline.config import register_config


class MinMaxTransformer(RasterTransformer):
    """Scales every channel of a chip from its own minimum and maximum to 0 and 255, as uint8.

    A channel of one value becomes 0. As each chip has its own scale, neighbours may not match:
    `StatsTransformer` has one scale for all.
    """

    def __init__(self, ignore_nodata: bool = False) -> None:
        """Constructor.

        Args:
            ignore_nodata: whether the minimum and maximum are those of the valid pixels. False
                counts nodata as 0, like release 0.31.
        """
        self.ignore_nodata = ignore_nodata

    def __repr__(self) -> str:
        return f'MinMaxTransformer(ignore_nodata={self.ignore_nodata})'

    def transform(self, chip: NDArray[Any]) -> NDArray[Any]:
        return _stretch(chip, None)

    def apply(self, chip: Chip) -> Chip:
        valid = chip.valid if self.ignore_nodata and not chip.valid.all() else None
        return Chip(_stretch(chip.zeroed().pixels, valid), chip.valid)

    def get_out_dtype(self, in_dtype: np.dtype[Any]) -> np.dtype[Any]:
        check_real(in_dtype, 'A min_max_transformer')
        return np.dtype(np.uint8)


def _stretch(chip: NDArray[Any], valid: Mask | None) -> NDArray[np.uint8]:
    values = np.moveaxis(chip.astype(np.float64), -1, -3)
    counted = values if valid is None else np.where(valid[..., None, :, :], values, np.nan)
    shape = (*values.shape[:-2], -1)
    flat = counted.reshape(shape)
    low = np.fmin.reduce(flat, axis=-1)[..., None, None]
    span = np.fmax.reduce(flat, axis=-1)[..., None, None] - low
    distance = values - low
    scaled = np.divide(distance, span, out=np.zeros_like(distance), where=span > 0) * 255
    scaled = np.nan_to_num(scaled).clip(0, 255)
    return np.moveaxis(scaled.astype(np.uint8), -3, -1)


@register_config('min_max_transformer')
class MinMaxTransformerConfig(RasterTransformerConfig):
    """Stretch every channel of a chip from its own minimum and maximum to 0 and 255."""

    ignore_nodata: bool = Field(
        False,
        description='Take minimum and maximum from valid pixels only. False counts nodata as 0.',
    )

    def build(self, channel_order: list[int] | None = None) -> MinMaxTransformer:  # noqa: ARG002
        return MinMaxTransformer(self.ignore_nodata)
