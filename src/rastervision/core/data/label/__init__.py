"""Labels of scenes."""

from rastervision.core.compat_exports import further_names
from rastervision.core.data.label.chip_classification_labels import (
    ChipClassificationLabels,
    ClassificationLabel,
)
from rastervision.core.data.label.chip_regression_labels import (
    ChipRegressionLabels,
)
from rastervision.core.data.label.labels import Labels
from rastervision.core.data.label.semantic_segmentation_discrete_labels import (
    SemanticSegmentationDiscreteLabels,
)
from rastervision.core.data.label.semantic_segmentation_labels import SemanticSegmentationLabels
from rastervision.core.data.label.semantic_segmentation_smooth_labels import (
    SemanticSegmentationSmoothLabels,
)

__all__ = [
from rastervision.pipeline.lazy import further_exports
    'Labels',
    'SemanticSegmentationDiscreteLabels',
    'SemanticSegmentationLabels',
    'SemanticSegmentationSmoothLabels',
]

__getattr__, __dir__ = further_exports(globals(), further_names(__name__))
