"""Scenes and their parts: imagery, labels, transformers, stores."""

from rastervision.core.box import Box
from rastervision.core.compat_exports import further_names
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import (
    CRSTransformer,
    IdentityCRSTransformer,
    RasterioCRSTransformer,
)
from rastervision.core.data.dataset_config import DatasetConfig
from rastervision.core.data.label import (
    Labels,
    SemanticSegmentationDiscreteLabels,
    SemanticSegmentationLabels,
    SemanticSegmentationSmoothLabels,
)
from rastervision.core.data.label_source import (
    LabelSource,
    LabelSourceConfig,
    SemanticSegmentationLabelSource,
    SemanticSegmentationLabelSourceConfig,
)
from rastervision.core.data.label_store import (
    BuildingVectorOutputConfig,
    LabelStore,
    LabelStoreConfig,
    PolygonVectorOutputConfig,
    SemanticSegmentationLabelStore,
    SemanticSegmentationLabelStoreConfig,
    VectorOutputConfig,
)
from rastervision.core.data.raster_source import (
    RasterioSource,
    RasterioSourceConfig,
    RasterizedSource,
    RasterizedSourceConfig,
    RasterizerConfig,
    RasterSource,
    RasterSourceConfig,
)
from rastervision.core.data.raster_transformer import (
    CastTransformer,
    CastTransformerConfig,
    MinMaxTransformer,
    MinMaxTransformerConfig,
    NanTransformer,
    NanTransformerConfig,
    RasterTransformer,
    RasterTransformerConfig,
    ReclassTransformer,
    ReclassTransformerConfig,
    RGBClassTransformer,
    RGBClassTransformerConfig,
    StatsTransformer,
    StatsTransformerConfig,
)
from rastervision.core.data.scene import Scene, SceneConfig
from rastervision.core.data.vector_source import (
    GeoJSONVectorSource,
    GeoJSONVectorSourceConfig,
    VectorSource,
    VectorSourceConfig,
)
from rastervision.core.data.vector_transformer import (
    BufferTransformer,
    BufferTransformerConfig,
    ClassInferenceTransformer,
    ClassInferenceTransformerConfig,
    ShiftTransformer,
    ShiftTransformerConfig,
    VectorTransformer,
    VectorTransformerConfig,
)
from rastervision.core.sampling.aoi_sampler import AoiSampler
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError

__all__ = [
    'AoiSampler',
    'Box',
    'BufferTransformer',
    'BufferTransformerConfig',
    'BuildingVectorOutputConfig',
    'CRSTransformer',
    'CastTransformer',
    'CastTransformerConfig',
    'ClassConfig',
    'ClassInferenceTransformer',
    'ClassInferenceTransformerConfig',
    'Config',
    'ConfigError',
    'DatasetConfig',
    'GeoJSONVectorSource',
    'GeoJSONVectorSourceConfig',
    'IdentityCRSTransformer',
    'LabelSource',
    'LabelSourceConfig',
    'LabelStore',
    'LabelStoreConfig',
    'Labels',
    'MinMaxTransformer',
    'MinMaxTransformerConfig',
    'NanTransformer',
    'NanTransformerConfig',
from rastervision.pipeline.lazy import starred_exports
    'PolygonVectorOutputConfig',
    'RGBClassTransformer',
    'RGBClassTransformerConfig',
    'RasterSource',
    'RasterSourceConfig',
    'RasterTransformer',
    'RasterTransformerConfig',
    'RasterioCRSTransformer',
    'RasterioSource',
    'RasterioSourceConfig',
    'RasterizedSource',
    'RasterizedSourceConfig',
    'RasterizerConfig',
    'ReclassTransformer',
    'ReclassTransformerConfig',
    'Scene',
    'SceneConfig',
    'SemanticSegmentationDiscreteLabels',
    'SemanticSegmentationLabelSource',
    'SemanticSegmentationLabelSourceConfig',
    'SemanticSegmentationLabelStore',
    'SemanticSegmentationLabelStoreConfig',
    'SemanticSegmentationLabels',
    'SemanticSegmentationSmoothLabels',
    'ShiftTransformer',
    'ShiftTransformerConfig',
    'StatsTransformer',
    'StatsTransformerConfig',
    'VectorOutputConfig',
    'VectorSource',
    'VectorSourceConfig',
    'VectorTransformer',
    'VectorTransformerConfig',
]

__getattr__, __dir__ = starred_exports(globals(), further_names(__name__))
