"""Datasets: windows of scenes, and chips in files."""

from rastervision.pipeline.lazy import lazy_exports
from rastervision.pytorch_learner.compat_exports import further_names

_HERE = 'rastervision.pytorch_learner.dataset'

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        'rastervision.core.box': ['Box'],
        'rastervision.core.data.scene': ['Scene'],
        'rastervision.core.sampling': ['AoiSampler'],
        f'{_HERE}.dataset': ['AlbumentationsDataset', 'ImageDataset'],
        f'{_HERE}.geo_dataset': [
            'GeoDataset',
            'RandomWindowGeoDataset',
            'SlidingWindowGeoDataset',
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
        f'{_HERE}.visualizer': ['SemanticSegmentationVisualizer', 'Visualizer'],
    },
)
    further=further_names(__name__),
