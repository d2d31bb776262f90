"""Datasets, models, training and prediction with PyTorch."""

from typing import TYPE_CHECKING

from rastervision.pipeline.lazy import lazy_exports
from rastervision.pytorch_learner.compat_exports import further_names

if TYPE_CHECKING:
    from rastervision.pipeline.registry import Registry

_HERE = 'rastervision.pytorch_learner'

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        'rastervision.core.data.class_config': ['ClassConfig'],
        'rastervision.core.data.scene': ['Scene'],
        'rastervision.core.sampling': ['WindowSamplingConfig', 'WindowSamplingMethod'],
        'rastervision.pipeline.config': ['Config'],
        'rastervision.pipeline.errors': ['ConfigError'],
        f'{_HERE}.backbone': ['Backbone'],
        f'{_HERE}.classification_learner_config': [
            'ClassificationDataConfig',
            'ClassificationDataFormat',
            'ClassificationGeoDataConfig',
            'ClassificationImageDataConfig',
            'ClassificationLearnerConfig',
            'ClassificationModelConfig',
        ],
        f'{_HERE}.data_config': ['DataConfig'],
        f'{_HERE}.external_module': ['ExternalModuleConfig'],
        f'{_HERE}.geo_data_config': ['GeoDataConfig', 'SceneDatasetConfig'],
        f'{_HERE}.image_data_config': ['ImageDataConfig'],
        f'{_HERE}.learner_config': ['LearnerConfig'],
        f'{_HERE}.model_config': ['ModelConfig'],
        f'{_HERE}.object_detection_learner_config': [
            'ObjectDetectionDataConfig',
            'ObjectDetectionDataFormat',
            'ObjectDetectionGeoDataConfig',
            'ObjectDetectionImageDataConfig',
            'ObjectDetectionLearnerConfig',
            'ObjectDetectionModelConfig',
        ],
        f'{_HERE}.plot_options': [
            'PlotOptions',
            'get_default_channel_display_groups',
            'validate_channel_display_groups',
        ],
        f'{_HERE}.regression_learner_config': [
            'RegressionDataConfig',
            'RegressionDataFormat',
            'RegressionGeoDataConfig',
            'RegressionImageDataConfig',
            'RegressionLearnerConfig',
            'RegressionModelConfig',
            'RegressionPlotOptions',
        ],
        f'{_HERE}.semantic_segmentation_learner_config': [
            'SemanticSegmentationDataConfig',
            'SemanticSegmentationDataFormat',
            'SemanticSegmentationGeoDataConfig',
            'SemanticSegmentationImageDataConfig',
            'SemanticSegmentationLearnerConfig',
            'SemanticSegmentationModelConfig',
        ],
        f'{_HERE}.solver_config': ['SolverConfig'],
    },
    heavy={  # these need torch or Albumentations
        f'{_HERE}.dataset': [
            'AlbumentationsDataset',
            'ClassificationImageDataset',
            'ClassificationRandomWindowGeoDataset',
            'ClassificationSlidingWindowGeoDataset',
            'ClassificationVisualizer',
            'CocoDataset',
            'DatasetError',
            'GeoDataset',
            'GeoDatasetError',
            'ImageDataset',
            'ImageDatasetError',
            'ObjectDetectionImageDataset',
            'ObjectDetectionRandomWindowGeoDataset',
            'ObjectDetectionSlidingWindowGeoDataset',
            'ObjectDetectionVisualizer',
            'RandomWindowGeoDataset',
            'RegressionDataReader',
            'RegressionImageDataset',
            'RegressionRandomWindowGeoDataset',
            'RegressionSlidingWindowGeoDataset',
            'RegressionVisualizer',
            'SemanticSegmentationDataReader',
            'SemanticSegmentationImageDataset',
            'SemanticSegmentationRandomWindowGeoDataset',
            'SemanticSegmentationSlidingWindowGeoDataset',
            'SemanticSegmentationVisualizer',
            'SlidingWindowGeoDataset',
            'TransformType',
            'Visualizer',
        ],
        f'{_HERE}.classification_learner': ['ClassificationLearner'],
        f'{_HERE}.inference.engine': ['ONNXRuntimeAdapter'],
        f'{_HERE}.learner': ['Learner'],
        f'{_HERE}.models.adapt': ['adjust_conv_channels'],
        f'{_HERE}.object_detection_learner': ['ObjectDetectionLearner'],
        f'{_HERE}.object_detection_utils': [
            'BoxList',
            'ONNXRuntimeAdapterForFasterRCNN',
            'TorchVisionODAdapter',
            'collate_fn',
            'compute_coco_eval',
        ],
        f'{_HERE}.models.regression': ['RegressionModel'],
        f'{_HERE}.regression_learner': ['RegressionLearner'],
        f'{_HERE}.semantic_segmentation_learner': ['SemanticSegmentationLearner'],
        f'{_HERE}.utils.torch_hub': [
            'get_hubconf_dir_from_cfg',
            'torch_hub_load_github',
            'torch_hub_load_local',
            'torch_hub_load_uri',
        ],
        f'{_HERE}.utils.utils': [
            'MinMaxNormalize',
            'deserialize_albumentation_transform',
            'serialize_albumentation_transform',
            'validate_albumentation_transform',
        ],
    },
    further=further_names(__name__),
)


def register_plugin(registry: 'Registry') -> None:
    """Make the configs of this package known."""
    from rastervision.pytorch_learner import (  # noqa: F401
        classification_learner_config,
        object_detection_learner_config,
        regression_learner_config,
        semantic_segmentation_learner_config,
    )

    registry.set_plugin_version(_HERE, 7)
