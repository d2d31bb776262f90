"""Labels of scenes."""

from rastervision.core.compat_exports import further_names
from rastervision.core.data.label.chip_classification_labels import ChipClassificationLabels
from rastervision.core.data.label.chip_regression_labels import (
    ChipRegressionLabels,
)
from rastervision.core.data.label.classification_label import ClassificationLabel
from rastervision.core.data.label.labels import Labels
from rastervision.core.data.label.np_box_list import NpBoxList
from rastervision.core.data.label.object_detection_labels import ObjectDetectionLabels
from rastervision.core.data.label.semantic_segmentation_discrete_labels import (
    SemanticSegmentationDiscreteLabels,
)
from rastervision.core.data.label.semantic_segmentation_labels import SemanticSegmentationLabels
from rastervision.core.data.label.semantic_segmentation_smooth_labels import (
    SemanticSegmentationSmoothLabels,
)
from rastervision.pipeline.lazy import further_exports

__all__ = [
    'ChipClassificationLabels',
    'ChipRegressionLabels',
    'ClassificationLabel',
    'Labels',
    'NpBoxList',
    'ObjectDetectionLabels',
    'SemanticSegmentationDiscreteLabels',
    'SemanticSegmentationLabels',
    'SemanticSegmentationSmoothLabels',
]

__getattr__, __dir__ = further_exports(globals(), further_names(__name__))
