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
from rastervision.core.data.raster_source.rasterized_source import (
    RasterizedSource,
    RasterizedSourceConfig,
    RasterizerConfig,
)

__all__ = [
    'ChannelOrderError',
    'RasterSource',
    'RasterSourceConfig',
    'RasterioSource',
    'RasterioSourceConfig',
    'RasterizedSource',
    'RasterizedSourceConfig',
    'RasterizerConfig',
]
