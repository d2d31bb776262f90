"""Which bands of a raster become its channels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rastervision.pipeline.errors import ConfigError


class ChannelOrderError(ConfigError):
    """channel_order names a band that the raster does not have."""

    def __init__(
        self, channel_order: Sequence[int], num_channels_raw: int, source: str = 'the raster'
    ) -> None:
        """Constructor.

        Args:
            channel_order: the order that was asked for.
            num_channels_raw: number of bands that there are.
            source: what has these bands, for the message.
        """
        self.channel_order = list(channel_order)
        self.num_channels_raw = num_channels_raw
        super().__init__(
            f'channel_order {self.channel_order} does not fit {source}, which has '
            f'{num_channels_raw} band(s); use values in 0..{num_channels_raw - 1}.'
        )


def as_channel_order(value: Any, num_channels_raw: int, source: str) -> list[int]:
    """Indices of bands from what a user gave.

    Args:
        value: a sequence of indices; None for all bands in their order.
        num_channels_raw: number of bands that there are.
        source: what has these bands, for messages.

    Raises:
        ConfigError: something else.
        ChannelOrderError: a band that does not exist, or no band at all.
    """
    if value is None:
        return list(range(num_channels_raw))
    if not isinstance(value, Sequence | np.ndarray) or not all(map(_is_index, value)):
        raise ConfigError(
            f'channel_order must be a list of indices of bands, from 0, got {value!r}.'
        )
    order = [int(band) for band in value]
    if not order or any(not 0 <= band < num_channels_raw for band in order):
        raise ChannelOrderError(order, num_channels_raw, source)
    return order


def _is_index(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
