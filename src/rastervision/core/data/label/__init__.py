"""Labels of scenes."""

from rastervision.core.data.label.labels import Labels
from rastervision.core.data.label.semantic_segmentation_discrete_labels import (
    SemanticSegmentationDiscreteLabels,
)
from rastervision.core.data.label.semantic_segmentation_labels import SemanticSegmentationLabels
from rastervision.core.data.label.semantic_segmentation_smooth_labels import (
    SemanticSegmentationSmoothLabels,
)

__all__ = [
    'Labels',
    'SemanticSegmentationDiscreteLabels',
    'SemanticSegmentationLabels',
    'SemanticSegmentationSmoothLabels',
]
