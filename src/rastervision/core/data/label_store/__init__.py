"""What predictions are written to and read from."""

from rastervision.core.compat_exports import further_names
from rastervision.core.data.label_store.chip_classification_geojson_store import (
    ChipClassificationGeoJSONStore,
    ChipClassificationGeoJSONStoreConfig,
)
from rastervision.core.data.label_store.chip_regression_geojson_store import (
    ChipRegressionGeoJSONStore,
    ChipRegressionGeoJSONStoreConfig,
)
from rastervision.core.data.label_store.label_store import (
    LabelStore,
    LabelStoreConfig,
    LabelWriter,
)
from rastervision.core.data.label_store.object_detection_geojson_store import (
    ObjectDetectionGeoJSONStore,
    ObjectDetectionGeoJSONStoreConfig,
)
from rastervision.core.data.label_store.semantic_segmentation_label_store import (
    SemanticSegmentationLabelStore,
    SemanticSegmentationLabelStoreConfig,
)
from rastervision.core.data.label_store.vector_output import (
    BuildingVectorOutputConfig,
    PolygonVectorOutputConfig,
    VectorOutputConfig,
)
from rastervision.core.data.utils.label_geojson import boxes_to_geojson
from rastervision.pipeline.lazy import further_exports

__all__ = [
    'BuildingVectorOutputConfig',
    'ChipClassificationGeoJSONStore',
    'ChipClassificationGeoJSONStoreConfig',
    'ChipRegressionGeoJSONStore',
    'ChipRegressionGeoJSONStoreConfig',
    'LabelStore',
    'LabelStoreConfig',
    'LabelWriter',
    'ObjectDetectionGeoJSONStore',
    'ObjectDetectionGeoJSONStoreConfig',
    'PolygonVectorOutputConfig',
    'SemanticSegmentationLabelStore',
    'SemanticSegmentationLabelStoreConfig',
    'VectorOutputConfig',
    'boxes_to_geojson',
]

__getattr__, __dir__ = further_exports(globals(), further_names(__name__))
