"""Sources of pixels. Release 0.31 exported the names of other packages as well."""

from rastervision.core.box import Box
from rastervision.core.compat_exports import further_names
from rastervision.core.data.crs_transformer import RasterioCRSTransformer
from rastervision.core.data.raster_source.multi_raster_source import (
    MultiRasterSource,
    MultiRasterSourceConfig,
    TemporalMultiRasterSource,
)
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
from rastervision.core.data.raster_source.stac_config import (
    STACItemCollectionConfig,
    STACItemConfig,
)
from rastervision.core.data.raster_source.xarray_source import (
    XarrayFileSourceConfig,
    XarraySource,
    XarraySourceConfig,
)
from rastervision.core.data.raster_transformer import RasterTransformerConfig
from rastervision.core.data.vector_source import VectorSourceConfig
from rastervision.core.data.vector_transformer import (
    BufferTransformerConfig,
    ClassInferenceTransformerConfig,
)
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.lazy import further_exports

__all__ = [
    'Box',
    'BufferTransformerConfig',
    'ChannelOrderError',
    'ClassInferenceTransformerConfig',
    'Config',
    'ConfigError',
    'MultiRasterSource',
    'MultiRasterSourceConfig',
    'RasterSource',
    'RasterSourceConfig',
    'RasterTransformerConfig',
    'RasterioCRSTransformer',
    'RasterioSource',
    'RasterioSourceConfig',
    'RasterizedSource',
    'RasterizedSourceConfig',
    'RasterizerConfig',
    'STACItemCollectionConfig',
    'STACItemConfig',
    'TemporalMultiRasterSource',
    'VectorSourceConfig',
    'XarrayFileSourceConfig',
    'XarraySource',
    'XarraySourceConfig',
]

__getattr__, __dir__ = further_exports(globals(), further_names(__name__))
