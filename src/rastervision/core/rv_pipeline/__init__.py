"""Pipelines over geospatial scenes: analyze, chip, train, predict, eval, bundle."""

from rastervision.core.analyzer import AnalyzerConfig, StatsAnalyzerConfig
from rastervision.core.backend import Backend, BackendConfig
from rastervision.core.box import Box
from rastervision.core.compat_exports import further_names
from rastervision.core.data import (
    ChipClassificationGeoJSONStoreConfig,
    DatasetConfig,
    Labels,
    LabelStoreConfig,
    ObjectDetectionGeoJSONStoreConfig,
    Scene,
    SceneConfig,
    SemanticSegmentationLabelStoreConfig,
    StatsTransformerConfig,
)
from rastervision.core.data_sample import DataSample
from rastervision.core.evaluation import (
    ChipClassificationEvaluatorConfig,
    EvaluatorConfig,
    ObjectDetectionEvaluatorConfig,
    SemanticSegmentationEvaluatorConfig,
)
from rastervision.core.rv_pipeline.chip_classification import (
    ChipClassification,
    ChipClassificationConfig,
)
from rastervision.core.rv_pipeline.chip_options import ChipOptions
from rastervision.core.rv_pipeline.chip_regression import (
    ChipRegression,
    ChipRegressionConfig,
)
from rastervision.core.rv_pipeline.object_detection import ObjectDetection, ObjectDetectionConfig
from rastervision.core.rv_pipeline.object_detection_options import (
    ObjectDetectionChipOptions,
    ObjectDetectionPredictOptions,
)
from rastervision.core.rv_pipeline.predict_options import PredictOptions
from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline
from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig
from rastervision.core.rv_pipeline.semantic_segmentation import (
    SemanticSegmentation,
    SemanticSegmentationConfig,
)
from rastervision.core.rv_pipeline.semantic_segmentation_options import (
    SemanticSegmentationChipOptions,
    SemanticSegmentationPredictOptions,
)
from rastervision.core.sampling import (
    ObjectDetectionWindowSamplingConfig,
    WindowSamplingConfig,
    WindowSamplingMethod,
)
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.lazy import further_exports
from rastervision.pipeline.pipeline import Pipeline, PipelineConfig

__all__ = [
    'AnalyzerConfig',
    'Backend',
    'BackendConfig',
    'Box',
    'ChipClassification',
    'ChipClassificationConfig',
    'ChipClassificationEvaluatorConfig',
    'ChipClassificationGeoJSONStoreConfig',
    'ChipOptions',
    'ChipRegression',
    'ChipRegressionConfig',
    'Config',
    'ConfigError',
    'DataSample',
    'DatasetConfig',
    'EvaluatorConfig',
    'LabelStoreConfig',
    'Labels',
    'ObjectDetection',
    'ObjectDetectionChipOptions',
    'ObjectDetectionConfig',
    'ObjectDetectionEvaluatorConfig',
    'ObjectDetectionGeoJSONStoreConfig',
    'ObjectDetectionPredictOptions',
    'ObjectDetectionWindowSamplingConfig',
    'Pipeline',
    'PipelineConfig',
    'PredictOptions',
    'RVPipeline',
    'RVPipelineConfig',
    'Scene',
    'SceneConfig',
    'SemanticSegmentation',
    'SemanticSegmentationChipOptions',
    'SemanticSegmentationConfig',
    'SemanticSegmentationEvaluatorConfig',
    'SemanticSegmentationLabelStoreConfig',
    'SemanticSegmentationPredictOptions',
    'StatsAnalyzerConfig',
    'StatsTransformerConfig',
    'WindowSamplingConfig',
    'WindowSamplingMethod',
]

__getattr__, __dir__ = further_exports(globals(), further_names(__name__))
