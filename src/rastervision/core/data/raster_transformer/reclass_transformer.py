"""ReclassTransformer: other numbers for class ids (C+E)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rastervision.core.data.raster_transformer.raster_transformer import (
    RasterTransformer,
    RasterTransformerConfig,
)
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError


class ReclassTransformer(RasterTransformer):
    """Maps values to values, all at once; others stay as they are."""

    def __init__(self, mapping: Mapping[int, int]) -> None:
        """Constructor.

        Args:
            mapping: old value to new value.

        Raises:
            ConfigError: it does not map numbers to numbers.
        """
        if not isinstance(mapping, Mapping) or not all(
            isinstance(value, int | float | np.number) for pair in mapping.items() for value in pair
        ):
            raise ConfigError(
                f'mapping of a ReclassTransformer must map numbers to numbers, got {mapping!r}.'
            )
        self.mapping = dict(mapping)
        self._tables: dict[np.dtype[Any], NDArray[Any]] = {}

    def __repr__(self) -> str:
        return f'ReclassTransformer(mapping={self.mapping})'

    def transform(self, chip: NDArray[Any]) -> NDArray[Any]:
        """Transform pixels.

        Raises:
            ConfigError: a new value that the chip's dtype cannot hold.
        """
        for value in self.mapping.values():
            if chip.dtype.kind in 'iu' and not _fits(value, chip.dtype):
                raise ConfigError(
                    f'mapping gives {value}, which a raster of {chip.dtype} cannot hold; put a '
                    'cast_transformer before the reclass_transformer.'
                )
        if chip.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}:
            return np.asarray(self._table(chip.dtype)[chip])
        out = chip.copy(order='K')
        for old, new in self.mapping.items():
            out[chip == old] = new
        return out

    def _table(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        if dtype not in self._tables:
            table = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
            for old, new in self.mapping.items():
                if _fits(old, dtype):
                    table[old] = new
            self._tables[dtype] = table
        return self._tables[dtype]


def _fits(value: int, dtype: np.dtype[Any]) -> bool:
    info = np.iinfo(dtype)
    return bool(info.min <= value <= info.max)


@register_config('reclass_transformer')
class ReclassTransformerConfig(RasterTransformerConfig):
    """Map class ids, or other values, to other values."""

    mapping: dict[int, int] = Field(
        ..., description='Old value to new value. Values that are not listed stay.'
    )

    def build(self, channel_order: list[int] | None = None) -> ReclassTransformer:  # noqa: ARG002
        return ReclassTransformer(self.mapping)
