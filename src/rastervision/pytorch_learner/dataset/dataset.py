"""Datasets whose samples pass through a transform and become tensors."""

from typing import TYPE_CHECKING, Any

from torch.utils.data import Dataset

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.dataset.quick_transform import QuickTransform, quick_transform
from rastervision.pytorch_learner.dataset.randomness import is_random, reseed
from rastervision.pytorch_learner.dataset.tensors import (
    image_to_tensor,
    label_to_tensor,
    scale_to_unit,
)
from rastervision.pytorch_learner.dataset.transform import (
    TRANSFORMERS,
    Sample,
    TransformType,
    with_boxes,
)

if TYPE_CHECKING:
    from rastervision.pytorch_learner.dataset.transform import Transform


class AlbumentationsDataset(Dataset[Any]):
    """Applies an Albumentations transform to the samples of another dataset."""

    def __init__(
        self,
        orig_dataset: Any,
        transform: 'Transform | None' = None,
        transform_type: TransformType = TransformType.noop,
        normalize: bool = True,
        to_pytorch: bool = True,
    ) -> None:
        """Constructor.

        Args:
            orig_dataset: Gives by `[key]` an image of shape (H, W, C), or (T, H, W, C) for a time
                series, and its label or None.
            transform: The transform, of Albumentations or of ours, which draws its random numbers
                from torch's global seed; or any function of `image`, and of `mask` for semantic
                segmentation, that returns a dictionary of the same.
            transform_type: What the labels are.
            normalize: Scale images of unsigned integers to [0, 1] by the largest number of their
                type.
            to_pytorch: Give tensors: images as float32 with the channels before rows and columns,
                class ids as int64, boxes as a BoxList, NaN where there is no label. Otherwise,
                give arrays.

        Raises:
            ConfigError: The transform is none.
        """
        if transform is not None and not callable(transform):
            raise ConfigError(
                'transform has to be a transform of Albumentations, or a function of image and '
                f'mask, got {transform!r}.'
            )
        self.orig_dataset = orig_dataset
        self.transform = transform
        self.transform_type = transform_type
        self.normalize = normalize
        self.to_pytorch = to_pytorch
        self._transformer = TRANSFORMERS[transform_type]
        self._applied: Transform | None = None
        self._reseeds = False
        boxes = transform_type is TransformType.object_detection
        if transform is None:
            self._applied = QuickTransform([]) if boxes else None
        elif transform_type is not TransformType.noop:
            quick = quick_transform(transform)
            self._applied = quick or (with_boxes(transform) if boxes else transform)
            self._reseeds = quick is None and is_random(transform)

    def __getitem__(self, key: Any) -> Any:
        """A sample: (image, label)."""
        return self.prepare(self.orig_dataset[key])

    def __len__(self) -> int:
        return len(self.orig_dataset)

    def prepare(self, sample: Sample) -> tuple[Any, Any]:
        """Transform a sample of the original dataset and make tensors of it."""
        if self._applied is not None:
            if self._reseeds:
                reseed(self._applied)
            sample = self._transformer(sample, self._applied)
        x, y = sample
        if self.to_pytorch:
            return image_to_tensor(x, self.normalize), label_to_tensor(y)
        return (scale_to_unit(x) if self.normalize else x), y


class ImageDataset(AlbumentationsDataset):
    """A dataset of chips in image files."""
