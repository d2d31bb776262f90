"""Sources of pixels."""

from rastervision.core.data.raster_source.raster_source import (
    ChannelOrderError,
    RasterSource,
    RasterSourceConfig,
)
from rastervision.core.data.raster_source.rasterio_source import (
    RasterioSource,
    RasterioSourceConfig,
)

__all__ = [
    'ChannelOrderError',
    'RasterSource',
    'RasterSourceConfig',
    'RasterioSource',
    'RasterioSourceConfig',
]
