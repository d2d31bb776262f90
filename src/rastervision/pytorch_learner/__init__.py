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
        f'{_HERE}.data_config': ['DataConfig'],
        f'{_HERE}.external_module': ['ExternalModuleConfig'],
        f'{_HERE}.geo_data_config': ['GeoDataConfig', 'SceneDatasetConfig'],
        f'{_HERE}.image_data_config': ['ImageDataConfig'],
        f'{_HERE}.learner_config': ['LearnerConfig'],
        f'{_HERE}.model_config': ['ModelConfig'],
        f'{_HERE}.plot_options': [
            'PlotOptions',
            'get_default_channel_display_groups',
            'validate_channel_display_groups',
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
            'DatasetError',
            'GeoDataset',
            'GeoDatasetError',
            'ImageDataset',
            'ImageDatasetError',
            'RandomWindowGeoDataset',
            'SemanticSegmentationDataReader',
            'SemanticSegmentationImageDataset',
            'SemanticSegmentationRandomWindowGeoDataset',
            'SemanticSegmentationSlidingWindowGeoDataset',
            'SemanticSegmentationVisualizer',
            'SlidingWindowGeoDataset',
            'TransformType',
            'Visualizer',
        ],
        f'{_HERE}.inference.engine': ['ONNXRuntimeAdapter'],
        f'{_HERE}.learner': ['Learner'],
        f'{_HERE}.models.adapt': ['adjust_conv_channels'],
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
)


def register_plugin(registry: 'Registry') -> None:
    """Make the configs of this package known."""
    from rastervision.pytorch_learner import semantic_segmentation_learner_config  # noqa: F401

    registry.set_plugin_version(_HERE, 7)
    further=further_names(__name__),
