"""RGBClassTransformer: colours to class ids and back (C+E)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rastervision.core.chip import Chip
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.raster_transformer.raster_transformer import (
    RasterTransformer,
    RasterTransformerConfig,
)
from rastervision.core.data.utils.colors import rgb_to_int_array
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError, DataError


class RGBClassTransformer(RasterTransformer):
    """Turns pixels with the colours of classes into class ids.

    Colours that belong to no class become the null class.

    Attributes:
        null_class_id: id of the null class, None when there is none.
    """

    def __init__(self, class_config: ClassConfig) -> None:
        """Constructor.

        Args:
            class_config: classes with their colours.

        Raises:
            ConfigError: two classes have the same colour.
        """
        self.class_config = class_config
        ids = class_config.get_color_to_class_id()
        if len(ids) < len(class_config):
            raise ConfigError(
                f'Two classes have the same colour, so that colours cannot tell them apart: '
                f'{dict(zip(class_config.names, class_config.colors or [], strict=True))}.'
            )
        named = class_config.null_class is not None
        self.null_class_id = class_config.null_class_id if named else None
        colors = np.array(sorted(ids), dtype=np.uint32)
        self._colors = colors
        self._ids = np.array([ids[color] for color in colors.tolist()], dtype=np.uint8)
        self._palette = np.array(class_config.rgb_colors, dtype=np.uint8)

    def __repr__(self) -> str:
        return f'RGBClassTransformer(names={self.class_config.names})'

    def transform(self, chip: NDArray[Any]) -> NDArray[np.uint8]:
        """(..., 3) colours to (..., 1) class ids."""
        return self.rgb_to_class(chip)[..., None]

    def apply(self, chip: Chip) -> Chip:
        """Colours to class ids, 0 where the chip is not valid: no class need have the colour."""
        if chip.valid.all():
            return super().apply(chip)
        ids = np.zeros((*chip.valid.shape, 1), dtype=np.uint8)
        ids[chip.valid] = self.transform(chip.pixels[chip.valid])
        return Chip(ids, chip.valid)

    def rgb_to_class(self, array_rgb: NDArray[Any]) -> NDArray[np.uint8]:
        """(..., 3) colours to (...) class ids.

        Raises:
            DataError: another number of channels than 3, or, without a null class, a colour
                that belongs to no class.
        """
        if array_rgb.shape[-1] != 3:
            raise DataError(
                f'Colours need 3 channels, got {array_rgb.shape[-1]}; set channel_order to the '
                'red, green and blue band.'
            )
        colors = rgb_to_int_array(array_rgb)
        at = np.searchsorted(self._colors, colors).clip(max=len(self._colors) - 1)
        ids, known = self._ids[at], self._colors[at] == colors
        if known.all():
            return np.asarray(ids)
        if self.null_class_id is None:
            raise DataError(
                f'The colour {array_rgb[~known][0].tolist()} belongs to no class and there is no '
                'null class to take its place; name one as null_class of the class config.'
            )
        return np.where(known, ids, np.uint8(self.null_class_id))

    def class_to_rgb(self, class_labels: NDArray[Any]) -> NDArray[np.uint8]:
        """(...) class ids to (..., 3) colours."""
        return np.asarray(self._palette[class_labels])

    def get_out_channels(self, in_channels: int) -> int:  # noqa: ARG002 fixed
        return 1

    def get_out_dtype(self, in_dtype: np.dtype[Any]) -> np.dtype[Any]:  # noqa: ARG002 fixed
        return np.dtype(np.uint8)


@register_config('rgb_class_transformer')
class RGBClassTransformerConfig(RasterTransformerConfig):
    """Turn pixels with the colours of classes into class ids."""

    class_config: ClassConfig = Field(
        ..., description='The classes with their colours. Other colours become the null class.'
    )

    def build(self, channel_order: list[int] | None = None) -> RGBClassTransformer:  # noqa: ARG002
        class_config = self.class_config.copy()
        class_config.ensure_null_class()
        return RGBClassTransformer(class_config)
