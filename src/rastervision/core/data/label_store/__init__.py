"""What predictions are written to and read from."""

from rastervision.core.data.label_store.label_store import (
    LabelStore,
    LabelStoreConfig,
    LabelWriter,
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

__all__ = [
    'BuildingVectorOutputConfig',
    'LabelStore',
    'LabelStoreConfig',
    'LabelWriter',
    'PolygonVectorOutputConfig',
    'SemanticSegmentationLabelStore',
    'SemanticSegmentationLabelStoreConfig',
    'VectorOutputConfig',
]
