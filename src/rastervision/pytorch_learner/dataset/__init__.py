"""Datasets: windows of scenes, and chips in files."""

from rastervision.pipeline.lazy import lazy_exports
from rastervision.pytorch_learner.compat_exports import further_names

_HERE = 'rastervision.pytorch_learner.dataset'

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        'rastervision.core.box': ['Box'],
        'rastervision.core.data.label': ['ObjectDetectionLabels'],
        'rastervision.core.data.scene': ['Scene'],
        'rastervision.core.sampling': ['AoiSampler'],
        f'{_HERE}.boxes': ['albu_to_yxyx', 'xywh_to_albu', 'yxyx_to_albu'],
        f'{_HERE}.classification_dataset': [
            'ClassificationImageDataset',
            'ClassificationRandomWindowGeoDataset',
            'ClassificationSlidingWindowGeoDataset',
            'make_cc_geodataset',
            'make_image_folder_dataset',
        ],
        f'{_HERE}.dataset': ['AlbumentationsDataset', 'ImageDataset'],
        f'{_HERE}.geo_dataset': [
            'GeoDataset',
            'RandomWindowGeoDataset',
            'SlidingWindowGeoDataset',
        ],
        f'{_HERE}.object_detection_dataset': [
            'CocoDataset',
            'ObjectDetectionImageDataset',
            'ObjectDetectionRandomWindowGeoDataset',
            'ObjectDetectionSlidingWindowGeoDataset',
            'make_od_geodataset',
        ],
        f'{_HERE}.regression_dataset': [
            'RegressionDataReader',
            'RegressionImageDataset',
            'RegressionRandomWindowGeoDataset',
            'RegressionSlidingWindowGeoDataset',
            'make_cr_geodataset',
        ],
        f'{_HERE}.semantic_segmentation_dataset': [
            'SemanticSegmentationDataReader',
            'SemanticSegmentationImageDataset',
            'SemanticSegmentationRandomWindowGeoDataset',
            'SemanticSegmentationSlidingWindowGeoDataset',
            'make_ss_geodataset',
        ],
        f'{_HERE}.transform': [
            'TransformType',
            'apply_transform',
            'classification_transformer',
            'object_detection_transformer',
            'regression_transformer',
            'semantic_segmentation_transformer',
        ],
        f'{_HERE}.utils': [
            'DatasetError',
            'GeoDatasetError',
            'ImageDatasetError',
            'discover_images',
            'load_image',
        ],
        f'{_HERE}.visualizer': [
            'ClassificationVisualizer',
            'ObjectDetectionVisualizer',
            'RegressionVisualizer',
            'SemanticSegmentationVisualizer',
            'Visualizer',
        ],
        'rastervision.pytorch_learner.boxlist': ['BoxList'],
    },
    further=further_names(__name__),
)
