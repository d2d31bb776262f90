"""What all data configs share: classes, channels, transforms and plots."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.plot_options import PlotOptions, check_transform
from rastervision.pytorch_learner.upgraders import data_config_upgrader

if TYPE_CHECKING:
    from albumentations.core.transforms_interface import BasicTransform
    from torch.utils.data import Dataset

    from rastervision.pytorch_learner.dataset.transform import Transform
    from rastervision.pytorch_learner.learner_config import LearnerConfig

Split = Literal['train', 'valid', 'test']
SPLITS: tuple[Split, ...] = ('train', 'valid', 'test')

AUGMENTORS = [
    'Blur',
    'RandomRotate90',
    'HorizontalFlip',
    'VerticalFlip',
    'GaussianBlur',
    'GaussNoise',
    'RGBShift',
    'ToGray',
    'RandomBrightnessContrast',
    'ColorJitter',
]
DEFAULT_AUGMENTORS = ['RandomRotate90', 'HorizontalFlip', 'VerticalFlip']


@register_config('data', upgrader=data_config_upgrader)
class DataConfig(Config):
    """Training, validation and test data; subclasses say where they come from."""

    class_config: ClassConfig | None = Field(
        None, description='The classes. By default, those of scene_dataset.'
    )
    img_channels: Annotated[int, Field(gt=0)] | None = Field(
        None,
        description='Number of channels of the images. By default, taken from the training data.',
    )
    img_sz: int = Field(
        256,
        gt=0,
        description='Length of the sides in pixels to which images are resized before they reach '
        'the model.',
    )
    train_sz: Annotated[int, Field(gt=0)] | None = Field(
        None, description='Number of training chips to use, picked at random; all by default.'
    )
    train_sz_rel: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description='Share of the training chips to use (0 to 1), instead of train_sz.'
    )
    num_workers: int = Field(
        4,
        ge=0,
        description='Number of processes that read data; 0 reads in the main process. Each draws '
        'random numbers of its own, so a seed repeats a training with the same number only.',
    )
    augmentors: list[str] = Field(
        DEFAULT_AUGMENTORS,
        description='Names of Albumentations transforms for training images, applied in this '
        f'order; any of {", ".join(AUGMENTORS)}.',
    )
    base_transform: dict[str, Any] | None = Field(
        None,
        description='Albumentations transform, as a dictionary, for all images; applied after '
        'the resizing to img_sz.',
    )
    aug_transform: dict[str, Any] | None = Field(
        None,
        description='Albumentations transform, as a dictionary, for training images; applied '
        'before base_transform and instead of augmentors.',
    )
    plot_options: PlotOptions | None = Field(
        default_factory=PlotOptions, description='How batches are drawn.'
    )
    preview_batch_limit: int | None = Field(
        None,
        ge=1,
        description='Number of images in each plot of a batch; the whole batch by default.',
    )

    @model_validator(mode='after')
    def _check_augmentors(self) -> Self:
        self.validate_list('augmentors', AUGMENTORS)
        return self

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, in the order of their ids."""
        return self._classes().names

    @property
    def class_colors(self) -> list[Any]:
        """Colours of the classes, in the order of their ids."""
        return self._classes().colors or []

    @property
    def num_classes(self) -> int:
        """Number of classes, the null class included."""
        return len(self._classes())

    def _classes(self) -> ClassConfig:
        if self.class_config is None:
            raise ConfigError('class_config is not set: give the data config a ClassConfig.')
        return self.class_config

    def update(self, learner: 'LearnerConfig | None' = None) -> None:  # noqa: ARG002  for subclasses
        """Fill the default plots once the number of channels is known."""
        if self.plot_options is not None:
            self.plot_options.update(img_channels=self.img_channels)

    def validate_config(self) -> None:
        if self.train_sz is not None and self.train_sz_rel is not None:
            raise ConfigError(
                f'train_sz={self.train_sz} and train_sz_rel={self.train_sz_rel} exclude each '
                'other; give one of them.'
            )
        if self.plot_options is not None and self.img_channels is not None:
            self.plot_options.validate_channels(self.img_channels)
        for field in ('base_transform', 'aug_transform'):
            check_transform(field, getattr(self, field))

    def get_data_transforms(self) -> 'tuple[BasicTransform, BasicTransform]':
        """The transform of validation, test and prediction images, and that of training images.

        Both resize to `img_sz` and then apply `base_transform`. The second augments before that.
        """
        from rastervision.pytorch_learner.alb import alb
        from rastervision.pytorch_learner.utils.utils import (
            deserialize_albumentation_transform as deserialize,
        )

        base = [alb.Resize(self.img_sz, self.img_sz)]
        if self.base_transform is not None:
            base.append(deserialize(self.base_transform))
        if self.aug_transform is not None:
            augment = [deserialize(self.aug_transform)]
        else:
            augment = [getattr(alb, name)() for name in self.augmentors]
        both = [*augment, *base]
        return (
            base[0] if len(base) == 1 else alb.Compose(base),
            both[0] if len(both) == 1 else alb.Compose(both),
        )

    def transform_of(self, split: Split) -> 'Transform':
        """What `get_data_transforms` has for a split, without Albumentations if possible."""
        training = split == 'train'
        own = type(self).get_data_transforms is not DataConfig.get_data_transforms
        if not own and self.base_transform is None and not (training and self.aug_transform):
            from rastervision.pytorch_learner.dataset.quick_transform import QuickTransform

            names = self.augmentors if training else []
            if (quick := QuickTransform.from_names(names, self.img_sz)) is not None:
                return quick
        return self.get_data_transforms()[training]

    def build(
        self, tmp_dir: str | None = None, for_chipping: bool = False
    ) -> 'tuple[Dataset[Any] | None, Dataset[Any] | None, Dataset[Any] | None]':
        """Make the training, validation and test data.

        Args:
            tmp_dir: Folder for files that are downloaded or unpacked; it has to outlive the
                datasets.
            for_chipping: Give chips as they are to be stored: numpy arrays with their windows,
                neither augmented nor scaled nor resized to `img_sz`.

        Returns:
            The three datasets; None for one that has no data.
        """
        train, valid, test = (self.build_dataset(s, tmp_dir, for_chipping) for s in SPLITS)
        return train, valid, test

    def build_dataset(
        self, split: Split, tmp_dir: str | None = None, for_chipping: bool = False
    ) -> 'Dataset[Any] | None':
        """Make the data of one split; see `build`."""
        raise NotImplementedError(f'{type(self).__name__} does not say where its data come from.')

    def warn_about_labels(self, dataset: 'Dataset[Any]') -> None:
        """Log what is odd about the labels of all training data together; for subclasses."""

    def limit_train_dataset(self, dataset: 'Dataset[Any]') -> 'Dataset[Any]':
        """The part of the training data that `train_sz` or `train_sz_rel` asks for."""
        if self.train_sz is None and self.train_sz_rel is None:
            return dataset
        return self.random_subset_dataset(dataset, self.train_sz, self.train_sz_rel)

    def random_subset_dataset(
        self, ds: 'Dataset[Any]', size: int | None = None, fraction: float | None = None
    ) -> 'Dataset[Any]':
        """A part of a dataset, picked at random but always the same.

        Args:
            ds: The dataset.
            size: Number of items. Give this or `fraction`.
            fraction: Share of the items, from 0 to 1.

        Raises:
            ConfigError: If the dataset has fewer than `size` items.
        """
        from rastervision.pytorch_learner.dataset.subset import random_subset

        return random_subset(ds, size, fraction)

    def infer_img_channels(self, dataset: 'Dataset[Any]') -> int:
        """Fill or check `img_channels` by the first item of a dataset.

        Args:
            dataset: Its items begin with an image of shape (..., C, H, W).

        Raises:
            ConfigError: If `img_channels` was given and differs.
        """
        channels: int = dataset[0][0].shape[-3]
        if self.img_channels is None:
            self.img_channels = channels
            DataConfig.update(self)
        elif self.img_channels != channels:
            raise ConfigError(
                f'img_channels={self.img_channels} but the training images have {channels}; leave '
                'img_channels out, or change channel_order.'
            )
        return channels
