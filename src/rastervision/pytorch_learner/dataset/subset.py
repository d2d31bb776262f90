"""Parts and unions of datasets."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import ConcatDataset, Dataset, Subset

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.dataset.utils.utils import DatasetError

_SEED = 1234


def random_subset(
    dataset: Dataset[Any], size: int | None, fraction: float | None = None
) -> Dataset[Any]:
    """Some items of a dataset, picked at random but always the same.

    Args:
        dataset: The dataset.
        size: Number of items; with None, `fraction` says how many.
        fraction: Share of the items, from 0 to 1; with None as well, all items are kept.

    Raises:
        ConfigError: If the dataset has fewer than `size` items.
    """
    total = len(dataset)  # type: ignore[arg-type] # torch's Dataset does not declare it
    if size is None:
        if fraction is None:
            return dataset
        size = int(fraction * total)
    if size > total:
        raise ConfigError(
            f'{size} training chips were asked for but there are {total}; lower train_sz or '
            'group_train_sz.'
        )
    order = torch.randperm(total, generator=torch.Generator().manual_seed(_SEED))
    return Subset(dataset, order[:size].tolist())


def concat(datasets: Iterable[Dataset[Any] | None]) -> Dataset[Any] | None:
    """One dataset after the other; None if there is none."""
    given = [ds for ds in datasets if ds is not None]
    if not given:
        return None
    return given[0] if len(given) == 1 else ConcatDataset(given)


def parts_of(dataset: Dataset[Any]) -> Iterator[Dataset[Any]]:
    """The datasets that a dataset was put together from by `random_subset` and `concat`."""
    if isinstance(dataset, Subset):
        yield from parts_of(dataset.dataset)
    elif isinstance(dataset, ConcatDataset):
        for part in dataset.datasets:
            yield from parts_of(part)
    else:
        yield dataset


def refuse_windows(dataset: Dataset[Any]) -> None:
    """Make sure that the items of a dataset can be joined into batches.

    Raises:
        DatasetError: They come with their windows.
    """
    if any(getattr(part, 'return_window', False) for part in parts_of(dataset)):
        raise DatasetError(
            'The items of a dataset with return_window=True cannot be joined into batches; leave '
            'return_window out. The windows of a sliding dataset are its `windows`.'
        )
