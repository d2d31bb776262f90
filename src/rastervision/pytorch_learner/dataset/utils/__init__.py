"""Helpers of the datasets."""

from rastervision.pipeline.lazy import starred_exports
from rastervision.pytorch_learner.dataset.utils.utils import (
    DatasetError,
    GeoDatasetError,
    ImageDatasetError,
    class_folder,
    discover_images,
    load_image,
)

__all__ = [
    'DatasetError',
    'GeoDatasetError',
    'ImageDatasetError',
    'class_folder',
    'discover_images',
    'load_image',
]

__getattr__, __dir__ = starred_exports(
    globals(),
    {'rastervision.pytorch_learner.dataset.classification_dataset': ['make_image_folder_dataset']},
)
