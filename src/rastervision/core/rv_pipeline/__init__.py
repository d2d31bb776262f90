"""Pipelines over geospatial scenes: analyze, chip, train, predict, eval, bundle."""

from rastervision.core.analyzer import AnalyzerConfig, StatsAnalyzerConfig
from rastervision.core.backend import Backend, BackendConfig
from rastervision.core.box import Box
from rastervision.core.data import (
    DatasetConfig,
    Labels,
    LabelStoreConfig,
    Scene,
    SceneConfig,
    SemanticSegmentationLabelStoreConfig,
    StatsTransformerConfig,
)
from rastervision.core.data_sample import DataSample
from rastervision.core.evaluation import EvaluatorConfig, SemanticSegmentationEvaluatorConfig
from rastervision.core.rv_pipeline.chip_options import ChipOptions
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
from rastervision.core.sampling import WindowSamplingConfig, WindowSamplingMethod
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.pipeline import Pipeline, PipelineConfig

__all__ = [
    'AnalyzerConfig',
    'Backend',
    'BackendConfig',
    'Box',
    'ChipOptions',
    'Config',
    'ConfigError',
    'DataSample',
    'DatasetConfig',
    'EvaluatorConfig',
    'LabelStoreConfig',
    'Labels',
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
