"""Scoring predictions against the ground truth."""

from rastervision.core.compat_exports import further_names
from rastervision.core.data.label import Labels
from rastervision.core.evaluation.chip_classification_evaluation import (
    ChipClassificationEvaluation,
)
from rastervision.core.evaluation.chip_classification_evaluator import (
    ChipClassificationEvaluator,
    ChipClassificationEvaluatorConfig,
)
from rastervision.core.evaluation.chip_regression_evaluation import (
    ChipRegressionEvaluation,
)
from rastervision.core.evaluation.chip_regression_evaluator import (
    ChipRegressionEvaluator,
    ChipRegressionEvaluatorConfig,
)
from rastervision.core.evaluation.class_evaluation_item import ClassEvaluationItem
from rastervision.core.evaluation.classification_evaluation import ClassificationEvaluation
from rastervision.core.evaluation.classification_evaluator import (
    ClassificationEvaluator,
    ClassificationEvaluatorConfig,
)
from rastervision.core.evaluation.evaluation_item import EvaluationItem
from rastervision.core.evaluation.evaluator import Evaluator, EvaluatorConfig
from rastervision.core.evaluation.object_detection_evaluation import ObjectDetectionEvaluation
from rastervision.core.evaluation.object_detection_evaluator import (
    ObjectDetectionEvaluator,
    ObjectDetectionEvaluatorConfig,
)
from rastervision.core.evaluation.semantic_segmentation_evaluation import (
    SemanticSegmentationEvaluation,
)
from rastervision.core.evaluation.semantic_segmentation_evaluator import (
    SemanticSegmentationEvaluator,
    SemanticSegmentationEvaluatorConfig,
)
from rastervision.pipeline.config import Config
from rastervision.pipeline.lazy import further_exports

__all__ = [
    'ChipClassificationEvaluation',
    'ChipClassificationEvaluator',
    'ChipClassificationEvaluatorConfig',
    'ChipRegressionEvaluation',
    'ChipRegressionEvaluator',
    'ChipRegressionEvaluatorConfig',
    'ClassEvaluationItem',
    'ClassificationEvaluation',
    'ClassificationEvaluator',
    'ClassificationEvaluatorConfig',
    'Config',
    'EvaluationItem',
    'Evaluator',
    'EvaluatorConfig',
    'Labels',
    'ObjectDetectionEvaluation',
    'ObjectDetectionEvaluator',
    'ObjectDetectionEvaluatorConfig',
    'SemanticSegmentationEvaluation',
    'SemanticSegmentationEvaluator',
    'SemanticSegmentationEvaluatorConfig',
]

__getattr__, __dir__ = further_exports(globals(), further_names(__name__))
