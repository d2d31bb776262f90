"""Backends that train and predict with PyTorch."""

from typing import TYPE_CHECKING

from rastervision.pipeline.lazy import lazy_exports

if TYPE_CHECKING:
    from rastervision.pipeline.registry import Registry

_HERE = 'rastervision.pytorch_backend'

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        'rastervision.core.data': ['ObjectDetectionLabels', 'SemanticSegmentationLabels'],
        'rastervision.core.data_sample': ['DataSample'],
        'rastervision.pytorch_learner': [
            'ObjectDetectionImageDataConfig',
            'ObjectDetectionLearnerConfig',
            'ObjectDetectionModelConfig',
            'SemanticSegmentationImageDataConfig',
            'SemanticSegmentationLearnerConfig',
            'SemanticSegmentationModelConfig',
        ],
        f'{_HERE}.pytorch_chip_classification': [
            'PyTorchChipClassification',
            'PyTorchChipClassificationConfig',
            'PyTorchChipClassificationSampleWriter',
        ],
        f'{_HERE}.pytorch_chip_regression': [
            'PyTorchChipRegression',
            'PyTorchChipRegressionConfig',
            'PyTorchChipRegressionSampleWriter',
        ],
        f'{_HERE}.pytorch_learner_backend': [
            'PyTorchLearnerBackend',
            'PyTorchLearnerBackendConfig',
        ],
        f'{_HERE}.pytorch_object_detection': [
            'PyTorchObjectDetection',
            'PyTorchObjectDetectionConfig',
            'PyTorchObjectDetectionSampleWriter',
        ],
        f'{_HERE}.pytorch_semantic_segmentation': [
            'PyTorchSemanticSegmentation',
            'PyTorchSemanticSegmentationConfig',
            'PyTorchSemanticSegmentationSampleWriter',
        ],
        f'{_HERE}.sample_writer': ['PyTorchLearnerSampleWriter'],
    },
    further={
        'rastervision.core.data': ['ChipClassificationLabels'],
        'rastervision.pipeline.config': ['register_config'],
        'rastervision.pipeline.file_system': ['json_to_file', 'make_dir'],
        f'{_HERE}.upgraders': [
            'clf_learner_backend_config_upgrader',
            'objdet_learner_backend_config_upgrader',
            'ss_learner_backend_config_upgrader',
        ],
        'rastervision.pytorch_learner': [
            'BoxList',
            'ClassificationImageDataConfig',
            'ClassificationLearnerConfig',
            'ClassificationModelConfig',
        ],
        'rastervision.pytorch_learner.utils.prediction': [
            'predict_scene_cc',
            'predict_scene_od',
            'predict_scene_ss',
        ],
    },
)


def register_plugin(registry: 'Registry') -> None:
    """Make the configs of this package known."""
    from rastervision.pytorch_backend import (  # noqa: F401
        pytorch_chip_classification,
        pytorch_chip_regression,
        pytorch_object_detection,
        pytorch_semantic_segmentation,
    )

    registry.set_plugin_version(_HERE, 2)
