"""Scoring predictions against the ground truth."""

from rastervision.core.data.label import Labels
from rastervision.core.evaluation.class_evaluation_item import ClassEvaluationItem
from rastervision.core.evaluation.classification_evaluation import ClassificationEvaluation
from rastervision.core.evaluation.classification_evaluator import (
    ClassificationEvaluator,
    ClassificationEvaluatorConfig,
)
from rastervision.core.evaluation.evaluation_item import EvaluationItem
from rastervision.core.evaluation.evaluator import Evaluator, EvaluatorConfig
from rastervision.core.evaluation.semantic_segmentation_evaluation import (
    SemanticSegmentationEvaluation,
)
from rastervision.core.evaluation.semantic_segmentation_evaluator import (
    SemanticSegmentationEvaluator,
    SemanticSegmentationEvaluatorConfig,
)
from rastervision.pipeline.config import Config

__all__ = [
    'ClassEvaluationItem',
    'ClassificationEvaluation',
    'ClassificationEvaluator',
    'ClassificationEvaluatorConfig',
    'Config',
    'EvaluationItem',
    'Evaluator',
    'EvaluatorConfig',
    'Labels',
    'SemanticSegmentationEvaluation',
    'SemanticSegmentationEvaluator',
    'SemanticSegmentationEvaluatorConfig',
]
