"""Helpers of the datasets."""

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
