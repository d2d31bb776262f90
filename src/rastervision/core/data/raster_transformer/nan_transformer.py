"""NanTransformer: a number for NaN (C+E)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat

from rastervision.core.data.raster_transformer.raster_transformer import (
    RasterTransformer,
    RasterTransformerConfig,
)
from rastervision.pipeline.config import register_config


class NanTransformer(RasterTransformer):
    """Replaces NaN in valid pixels. A pixel whose bands are all NaN is not valid, and stays so."""

    def __init__(self, to_value: float = 0.0) -> None:
        """Constructor.

        Args:
            to_value: the replacement.
        """
        self.to_value = to_value

    def __repr__(self) -> str:
        return f'NanTransformer(to_value={self.to_value})'

    def transform(self, chip: NDArray[Any]) -> NDArray[Any]:
        if chip.dtype.kind not in 'fc':
            return chip
        nan = np.isnan(chip)
        if not nan.any():
            return chip
        out = chip.copy(order='K')
        np.copyto(out, chip.dtype.type(self.to_value), where=nan)
        return out


@register_config('nan_transformer')
class NanTransformerConfig(RasterTransformerConfig):
    """Replace NaN by a number."""

    to_value: FiniteFloat | None = Field(0.0, description='The replacement. None: 0.')

    def build(self, channel_order: list[int] | None = None) -> NanTransformer:  # noqa: ARG002 base
        return NanTransformer(0.0 if self.to_value is None else self.to_value)
