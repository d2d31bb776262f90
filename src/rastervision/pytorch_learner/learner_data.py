"""The data part of a Learner: datasets, and the loaders that make batches of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader, Dataset, RandomSampler, Sampler

from rastervision.pipeline.errors import ConfigError, DataError
from rastervision.pytorch_learner.data_config import SPLITS, Split
from rastervision.pytorch_learner.dataset.image_range import warn_of_dark_images
from rastervision.pytorch_learner.dataset.subset import parts_of, refuse_windows
from rastervision.pytorch_learner.training.loaders import make_loader

if TYPE_CHECKING:
    from rastervision.pytorch_learner.learner_config import LearnerConfig

DEFAULT_BATCH_SZ = 8


class LearnerData:
    """Builds datasets and loaders; see `LearnerSetup`."""

    cfg: 'LearnerConfig'
    tmp_dir: str
    train_ds: Dataset[Any] | None
    valid_ds: Dataset[Any] | None
    test_ds: Dataset[Any] | None
    train_dl: DataLoader[Any]
    valid_dl: DataLoader[Any] | None
    test_dl: DataLoader[Any] | None

    @property
    def batch_sz(self) -> int:
        """Number of items in a batch."""
        return self.cfg.solver.batch_sz if self.cfg.solver else DEFAULT_BATCH_SZ

    def setup_data(self) -> None:
        """Set datasets and loaders.

        Raises:
            DataError: There are no training data, or they have no labels.
        """
        if all(ds is None for ds in (self.train_ds, self.valid_ds, self.test_ds)):
            self.train_ds, self.valid_ds, self.test_ds = self.build_datasets()
        if self.train_ds is None or not dataset_size(self.train_ds):
            raise DataError(
                'There are no training data: the training scenes, or the folders of chips, give '
                'no chip.'
            )
        refuse_windows(self.train_ds)
        check_labelled(self.train_ds)
        warn_of_dark_images(self.train_ds)
        self.cfg.data.infer_img_channels(self.train_ds)
        self.train_dl, self.valid_dl, self.test_dl = self.build_dataloaders()

    def build_datasets(
        self,
    ) -> tuple[Dataset[Any] | None, Dataset[Any] | None, Dataset[Any] | None]:
        """Training, validation and test data."""
        train, valid, test = (self.build_dataset(split) for split in SPLITS)
        return train, valid, test

    def build_dataset(self, split: Split) -> Dataset[Any] | None:
        """Data of a split, None if there are none."""
        return self.cfg.data.build_dataset(split, self.tmp_dir)

    def get_dataset(self, split: Split) -> Dataset[Any] | None:
        """Data of a split, None if there are none.

        Raises:
            ConfigError: There is no such split.
        """
        dataset: Dataset[Any] | None = getattr(self, f'{checked_split(split)}_ds')
        return dataset

    def get_collate_fn(self) -> Callable[..., Any] | None:
        """What joins items into batches; torch's own when None."""
        return None

    def build_sampler(self, ds: Dataset[Any], split: Split) -> Sampler[int] | None:
        """Order of the items of a split; for training random, and balanced if so configured."""
        if split == 'train' and getattr(self.cfg.data, 'balance_classes', False):
            from rastervision.pytorch_learner.dataset.class_balance import balanced_sampler

            return balanced_sampler(ds, self.cfg.data.class_config)
        return RandomSampler(ds) if split == 'train' else None  # type: ignore[arg-type] # any Dataset

    def build_dataloaders(
        self,
    ) -> tuple[DataLoader[Any], DataLoader[Any] | None, DataLoader[Any] | None]:
        """Loaders of training, validation and test data; None for a split without data."""
        valid = self.build_dataloader('valid') if dataset_size(self.valid_ds) else None
        test = self.build_dataloader('test') if dataset_size(self.test_ds) else None
        return self.build_dataloader('train'), valid, test

    def build_dataloader(self, split: Split, **kwargs: Any) -> DataLoader[Any]:
        """Make the loader of a split; further arguments are those of torch's DataLoader.

        Raises:
            DataError: The split has no data.
        """
        dataset = self.get_dataset(split)
        if dataset is None:
            raise DataError(f'There are no {split} data.')
        return make_loader(
            dataset,
            self.batch_sz,
            sampler=self.build_sampler(dataset, split),
            num_workers=self.cfg.data.num_workers,
            collate_fn=self.get_collate_fn(),
            training=split == 'train',
            **kwargs,
        )

    def get_dataloader(self, split: Split) -> DataLoader[Any]:
        """Loader of a split.

        Raises:
            DataError: The split has no data, or the learner is for predictions only.
            ConfigError: There is no such split.
        """
        loader: DataLoader[Any] | None = getattr(self, f'{checked_split(split)}_dl', None)
        if loader is None:
            raise DataError(f'There are no {split} data.')
        return loader


def checked_split(split: str) -> Split:
    """The name of a split.

    Raises:
        ConfigError: It is none.
    """
    if split not in SPLITS:
        raise ConfigError(f'split has to be train, valid or test, got {split!r}.')
    return split


def check_labelled(dataset: Dataset[Any]) -> None:
    """Make sure that training data have labels: all scenes, and the first item of other data.

    Raises:
        DataError: They have none.
    """
    for part in parts_of(dataset):
        scene = getattr(part, 'scene', None)
        if scene is not None and scene.label_source is None:
            raise DataError(
                f"Scene '{scene.id}' has no labels to train on: give it a label_source."
            )
    with torch.random.fork_rng(devices=[]):  # looking changes no random number
        y = dataset[0][1]
    if isinstance(y, torch.Tensor) and y.ndim == 0 and torch.isnan(y):
        raise DataError(f'The items of {type(dataset).__name__} have no labels to train on.')


def dataset_size(dataset: Dataset[Any] | None) -> int:
    """Number of items; 0 without a dataset."""
    return 0 if dataset is None else len(dataset)  # type: ignore[arg-type] # any Dataset
