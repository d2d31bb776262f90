"""Transforms applied to images together with their labels."""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rastervision.pytorch_learner.dataset.boxes import (
    albu_to_yxyx,
    keep_inside,
    to_yxyx,
    yxyx_to_albu,
)
from rastervision.pytorch_learner.dataset.quick_transform import QuickTransform
from rastervision.pytorch_learner.dataset.randomness import of_albumentations
from rastervision.pytorch_learner.dataset.utils.utils import DatasetError

if TYPE_CHECKING:
    from albumentations.core.transforms_interface import BasicTransform

    Transform: TypeAlias = BasicTransform | QuickTransform | Callable[..., dict[str, Any]]

Sample = tuple[NDArray[Any], Any]


class TransformType(Enum):
    """What the label of a sample is, and so how a transform applies to it."""

    noop = 'noop'
    classification = 'classification'
    regression = 'regression'
    object_detection = 'object_detection'
    semantic_segmentation = 'semantic_segmentation'


def apply_transform(transform: 'Transform', **kwargs: Any) -> dict[str, Any]:
    """Apply a transform.

    Args:
        transform: The transform.
        kwargs: Its arguments: `image` of shape (H, W, C), or (T, H, W, C) for a time series whose
            images all change in the same way, and maybe `mask` of shape (H, W) or, with a transform
            that takes boxes, those.

    Returns:
        The changed arguments by name.

    Raises:
        DatasetError: If the transform cannot handle such an image, or returns something else.
    """
    image = kwargs['image']
    if type(transform).__name__ == 'Resize' and image.shape[-3:-1] == _size_of(transform):
        return kwargs
    if image.dtype == np.float64:
        kwargs['image'] = image.astype(np.float32)
    name = 'image'
    if image.ndim != 3 and not isinstance(transform, (QuickTransform, InTurn)):
        name = 'images'
        kwargs[name] = kwargs.pop('image')
    try:
        out: Any = transform(**kwargs)
    except DatasetError:
        raise
    except Exception as error:  # Albumentations and OpenCV raise errors of many classes
        raise DatasetError(
            f'{type(transform).__name__} cannot be applied to an image of shape {image.shape} and '
            f'type {image.dtype}: {error}'
        ) from error
    missing = set(kwargs) - set(out) if isinstance(out, dict) else set(kwargs)
    if missing:
        raise DatasetError(
            f'{type(transform).__name__} has to return a dictionary of what it was given; it '
            f'returned no {", ".join(sorted(missing))}.'
        )
    return {**out, 'image': _as_array(out[name])}


def _as_array(image: Any) -> NDArray[Any]:
    """Pixels (..., H, W, C), also of the tensors (..., C, H, W) that ToTensorV2 gives."""
    if hasattr(image, 'numpy'):
        image = np.moveaxis(image.numpy(), -3, -1)
    array: NDArray[Any] = image
    return array


class InTurn:
    """One transform after the other, of whatever kind."""

    def __init__(self, *transforms: Any) -> None:
        """Constructor.

        Args:
            transforms: Each takes `image`, and maybe `mask`, and returns a dictionary of them.
        """
        self.transforms = transforms

    def __call__(self, **kwargs: Any) -> dict[str, Any]:
        for transform in self.transforms:
            kwargs = apply_transform(transform, **kwargs)
        return kwargs


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
    return out['image'], np.asarray(out['mask'])


def object_detection_transformer(inp: Sample, transform: 'Transform') -> Sample:
    """Transform the image (..., H, W, C) and its boxes, if there are any.

    Args:
        inp: The image and its label: boxes (N, 4), class ids (N,), and what the four numbers of a
            box are: `yxyx`, `xyxy` or `xywh`, in pixels.
        transform: The transform.

    Returns:
        The image and its label, with boxes `yxyx`. Parts of boxes outside of the image are cut
        off; boxes of which less than a pixel is left are dropped, with their class ids.
    """
    x, y = inp
    if y is None:  # a transform that takes boxes needs some
        none = np.zeros((0, 4)), np.zeros(0, np.int64), 'yxyx'
        return object_detection_transformer((x, none), transform)[0], None
    boxes, class_ids, _ = keep_inside(to_yxyx(y[0], y[2]), y[1], x.shape[-3:-1])
    if isinstance(transform, QuickTransform):
        out = apply_transform(transform, image=x, boxes=boxes)
        x, boxes = out['image'], out['boxes']
    else:
        takes_boxes = with_boxes(transform)
        field, *others = takes_boxes.processors['bboxes'].params.label_fields
        labels = dict.fromkeys((field, *others), class_ids)
        normal = yxyx_to_albu(boxes, x.shape[-3:-1])
        out = apply_transform(takes_boxes, image=x, bboxes=normal, **labels)
        x, class_ids = out['image'], np.asarray(out[field], dtype=class_ids.dtype)
        boxes = albu_to_yxyx(out['bboxes'], x.shape[-3:-1])
    return x, keep_inside(boxes, class_ids, x.shape[-3:-1])


def with_boxes(transform: Any) -> Any:
    """A transform of Albumentations that takes `bboxes` and their class ids.

    Args:
        transform: Any; one with `bbox_params` is returned as it is.

    Raises:
        DatasetError: Its bbox_params ask for something else, or it is not of Albumentations.
    """
    if not of_albumentations(transform):
        raise DatasetError(
            f'{type(transform).__name__} is none of Albumentations, so it cannot move boxes.'
        )
    processor = getattr(transform, 'processors', {}).get('bboxes')
    if processor is None:
        from rastervision.pytorch_learner.alb import alb

        params = alb.BboxParams(format='albumentations', label_fields=['class_ids'], clip=True)
        return alb.Compose([transform], bbox_params=params)
    params = processor.params
    if params.format != 'albumentations' or not params.label_fields:
        raise DatasetError(
            f'bbox_params of the transform has the format {params.format!r} and the label fields '
            f"{params.label_fields}; use format='albumentations' and one label field, or leave "
            'bbox_params out.'
        )
    return transform


def no_transformer(inp: Sample, transform: 'Transform') -> Sample:  # noqa: ARG001  one signature
    """Leave the sample as it is."""
    return inp


classification_transformer = image_only_transformer
regression_transformer = image_only_transformer

TRANSFORMERS: dict[TransformType, Callable[[Sample, 'Transform'], Sample]] = {
    TransformType.noop: no_transformer,
    TransformType.classification: classification_transformer,
    TransformType.regression: regression_transformer,
    TransformType.object_detection: object_detection_transformer,
    TransformType.semantic_segmentation: semantic_segmentation_transformer,
}
