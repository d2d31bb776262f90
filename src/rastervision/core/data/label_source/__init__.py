"""The ground truth of scenes."""

from rastervision.core.data.label_source.label_source import LabelSource, LabelSourceConfig
from rastervision.core.data.label_source.semantic_segmentation_label_source import (
    SemanticSegmentationLabelSource,
    SemanticSegmentationLabelSourceConfig,
)

__all__ = [
    'LabelSource',
    'LabelSourceConfig',
    'SemanticSegmentationLabelSource',
    'SemanticSegmentationLabelSourceConfig',
]
