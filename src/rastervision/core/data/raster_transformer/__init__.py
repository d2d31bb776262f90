"""Changes to the pixels of chips. Release 0.31 exported the names of other packages as well."""

from rastervision.core.compat_exports import further_names
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.raster_transformer.cast_transformer import (
    CastTransformer,
    CastTransformerConfig,
)
from rastervision.core.data.raster_transformer.min_max_transformer import (
    MinMaxTransformer,
    MinMaxTransformerConfig,
)
from rastervision.core.data.raster_transformer.nan_transformer import (
    NanTransformer,
    NanTransformerConfig,
)
from rastervision.core.data.raster_transformer.raster_transformer import (
    RasterTransformer,
    RasterTransformerConfig,
)
from rastervision.core.data.raster_transformer.reclass_transformer import (
    ReclassTransformer,
    ReclassTransformerConfig,
)
from rastervision.core.data.raster_transformer.rgb_class_transformer import (
    RGBClassTransformer,
    RGBClassTransformerConfig,
)
from rastervision.core.data.raster_transformer.stats_transformer import (
    StatsTransformer,
    StatsTransformerConfig,
)
from rastervision.core.raster_stats import RasterStats
from rastervision.pipeline.config import Config
from rastervision.pipeline.lazy import further_exports

__all__ = [
    'CastTransformer',
    'CastTransformerConfig',
    'ClassConfig',
    'Config',
    'MinMaxTransformer',
    'MinMaxTransformerConfig',
    'NanTransformer',
    'NanTransformerConfig',
    'RGBClassTransformer',
    'RGBClassTransformerConfig',
    'RasterStats',
    'RasterTransformer',
    'RasterTransformerConfig',
    'ReclassTransformer',
    'ReclassTransformerConfig',
    'StatsTransformer',
    'StatsTransformerConfig',
]

__getattr__, __dir__ = further_exports(globals(), further_names(__name__))
