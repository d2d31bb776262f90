"""What a chain of transformers does to the shape and the dtype of chips."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rastervision.core.data.raster_transformer.raster_transformer import RasterTransformer


def get_transformed_num_channels(
    raster_transformers: Sequence[RasterTransformer], in_channels: int
) -> int:
    """Number of channels after all transformers."""
    for transformer in raster_transformers:
        in_channels = transformer.get_out_channels(in_channels)
    return in_channels


def get_transformed_dtype(
    raster_transformers: Sequence[RasterTransformer], in_dtype: np.dtype[Any]
) -> np.dtype[Any]:
    """Dtype after all transformers."""
    for transformer in raster_transformers:
        in_dtype = transformer.get_out_dtype(in_dtype)
    return in_dtype
