"""Transforms applied to images together with their labels."""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rastervision.pytorch_learner.dataset.quick_transform import QuickTransform
from rastervision.pytorch_learner.dataset.utils.utils import DatasetError

if TYPE_CHECKING:
    from albumentations.core.transforms_interface import BasicTransform

    Transform: TypeAlias = BasicTransform | QuickTransform

Sample = tuple[NDArray[Any], Any]


class TransformType(Enum):
    """What the label of a sample is, and so how a transform applies to it."""

    noop = 'noop'
    classification = 'classification'
    regression = 'regression'
    semantic_segmentation = 'semantic_segmentation'


def apply_transform(transform: 'Transform', **kwargs: Any) -> dict[str, Any]:
    """Apply a transform.

    Args:
        transform: The transform.
        kwargs: Its arguments: `image` of shape (H, W, C), or (T, H, W, C) for a time series whose
            images all change in the same way, and maybe `mask` of shape (H, W).

    Returns:
        The changed arguments by name.

    Raises:
        DatasetError: If the transform cannot handle such an image.
    """
    image = kwargs['image']
    if type(transform).__name__ == 'Resize' and image.shape[-3:-1] == _size_of(transform):
        return kwargs
    if image.dtype == np.float64:
        kwargs['image'] = image.astype(np.float32)
    try:
        if image.ndim == 3 or isinstance(transform, QuickTransform):
            changed: dict[str, Any] = transform(**kwargs)
            return changed
        kwargs['images'] = kwargs.pop('image')
        out = transform(**kwargs)
    except Exception as error:  # Albumentations and OpenCV raise errors of many classes
        raise DatasetError(
            f'{type(transform).__name__} cannot be applied to an image of shape {image.shape} and '
            f'type {image.dtype}: {error}'
        ) from error
    return {**out, 'image': out['images']}


def _size_of(resize: Any) -> tuple[int, int]:
    return resize.height, resize.width


def image_only_transformer(inp: Sample, transform: 'Transform') -> Sample:
    """Transform the image (..., H, W, C) and leave the label as it is."""
    x, y = inp
    return apply_transform(transform, image=x)['image'], y


def semantic_segmentation_transformer(inp: Sample, transform: 'Transform') -> Sample:
    """Transform the image (..., H, W, C) and its class ids (H, W), if there are any."""
    x, y = inp
    if y is None:
        return image_only_transformer(inp, transform)
    out = apply_transform(transform, image=x, mask=y)
    return out['image'], out['mask']


def no_transformer(inp: Sample, transform: 'Transform') -> Sample:  # noqa: ARG001  one signature
    """Leave the sample as it is."""
    return inp


classification_transformer = image_only_transformer
regression_transformer = image_only_transformer

TRANSFORMERS: dict[TransformType, Callable[[Sample, 'Transform'], Sample]] = {
    TransformType.noop: no_transformer,
    TransformType.classification: classification_transformer,
    TransformType.regression: regression_transformer,
    TransformType.semantic_segmentation: semantic_segmentation_transformer,
}
