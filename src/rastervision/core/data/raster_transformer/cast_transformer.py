"""CastTransformer: another dtype (C+E)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from rastervision.core.data.raster_transformer.raster_transformer import (
    RasterTransformer,
    RasterTransformerConfig,
)
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError


class CastTransformer(RasterTransformer):
    """Casts chips to a dtype.

    Values beyond the range of an integer dtype wrap around, NaN becomes 0. Complex values become
    their magnitudes when the dtype is real.
    """

    def __init__(self, to_dtype: str) -> None:
        """Constructor.

        Args:
            to_dtype: NumPy name of the dtype.

        Raises:
            ConfigError: there is no such dtype.
        """
        try:
            self.to_dtype = np.dtype(to_dtype)
        except TypeError:
            raise ConfigError(
                f'A CastTransformer casts to a NumPy dtype such as uint8; {to_dtype!r} is none.'
            ) from None

    def __repr__(self) -> str:
        return f'CastTransformer(to_dtype={str(self.to_dtype)!r})'

    def transform(self, chip: NDArray[Any]) -> NDArray[Any]:
        if chip.dtype.kind == 'c' and self.to_dtype.kind != 'c':
            chip = np.abs(chip)
        if chip.dtype.kind == 'f' and self.to_dtype.kind in 'iu':
            chip = np.nan_to_num(chip)
            with np.errstate(invalid='ignore'):
                return chip.astype(self.to_dtype)
        return chip.astype(self.to_dtype)

    def get_out_dtype(self, in_dtype: np.dtype[Any]) -> np.dtype[Any]:  # noqa: ARG002 fixed
        return self.to_dtype


@register_config('cast_transformer')
class CastTransformerConfig(RasterTransformerConfig):
    """Cast chips to a dtype."""

    to_dtype: str = Field(..., description="NumPy name of the dtype, e.g. 'float32'.")

    @field_validator('to_dtype')
    @classmethod
    def _check_dtype(cls, value: str) -> str:
        CastTransformer(value)
        return value

    def build(self, channel_order: list[int] | None = None) -> CastTransformer:  # noqa: ARG002 base
        return CastTransformer(self.to_dtype)
