"""The ground truth of scenes."""

from rastervision.core.compat_exports import further_names
from rastervision.core.data.label_source.chip_classification_label_source import (
    ChipClassificationLabelSource,
    ChipClassificationLabelSourceConfig,
)
from rastervision.core.data.label_source.chip_regression_label_source import (
    ChipRegressionLabelSource,
    ChipRegressionLabelSourceConfig,
)
from rastervision.core.data.label_source.label_source import LabelSource, LabelSourceConfig
from rastervision.core.data.label_source.object_detection_label_source import (
    ObjectDetectionLabelSource,
    ObjectDetectionLabelSourceConfig,
)
from rastervision.core.data.label_source.semantic_segmentation_label_source import (
    SemanticSegmentationLabelSource,
    SemanticSegmentationLabelSourceConfig,
)
from rastervision.pipeline.lazy import further_exports

__all__ = [
    'ChipClassificationLabelSource',
    'ChipClassificationLabelSourceConfig',
    'ChipRegressionLabelSource',
    'ChipRegressionLabelSourceConfig',
    'LabelSource',
    'LabelSourceConfig',
    'ObjectDetectionLabelSource',
    'ObjectDetectionLabelSourceConfig',
    'SemanticSegmentationLabelSource',
    'SemanticSegmentationLabelSourceConfig',
]

__getattr__, __dir__ = further_exports(globals(), further_names(__name__))
