"""Training items drawn so that every class comes up as often as every other."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import ConcatDataset, Dataset, Subset, WeightedRandomSampler

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.dataset.classification_dataset import (
    PROBES,
    ClassificationRandomWindowGeoDataset,
)
from rastervision.pytorch_learner.dataset.subset import parts_of

log = logging.getLogger(__name__)

ANY_CLASS = -1
"""Stands for the class of an item that is another one at every draw."""


def balance_random_windows(dataset: Dataset[Any], names: Sequence[str] = ()) -> None:
    """Balance the classes of all datasets of random windows in a dataset.

    Args:
        dataset: The dataset.
        names: Names of the classes; the log tells which of them were not found.
    """
    found: set[str] = set()
    parts = [p for p in parts_of(dataset) if isinstance(p, ClassificationRandomWindowGeoDataset)]
    for part in parts:
        found.update(names[i] for i in part.balance_classes() if i < len(names))
    if parts and (missing := [name for name in names if name not in found]):
        log.warning(
            'balance_classes: none of %d random windows of each scene is of %s, so these classes '
            'will hardly be drawn. Use sliding windows, or an AOI around what is rare.',
            PROBES,
            ', '.join(missing),
        )


def balanced_sampler(dataset: Dataset[Any]) -> WeightedRandomSampler:
    """Draws as many items as there are, with replacement.

    Raises:
        ConfigError: A dataset does not tell the classes of its items.
    """
    weights = balancing_weights(item_classes(dataset))
    return WeightedRandomSampler(weights.tolist(), len(weights))


def balancing_weights(class_ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights of items by which every class is drawn equally often.

    Args:
        class_ids: (N,) classes of the items; `ANY_CLASS` for random windows, which are balanced
            themselves.

    Returns:
        (N,) weights whose mean is 1.
    """
    weights = np.ones(len(class_ids))
    known = class_ids != ANY_CLASS
    _, index, counts = np.unique(class_ids[known], return_inverse=True, return_counts=True)
    if len(counts):
        weights[known] = (known.sum() / len(counts) / counts)[index]
    return weights


def item_classes(dataset: Dataset[Any]) -> NDArray[np.int64]:
    """(len,) class id of every item, without reading images; see `ANY_CLASS`.

    Raises:
        ConfigError: A dataset does not tell the classes of its items.
    """
    if isinstance(dataset, Subset):
        return item_classes(dataset.dataset)[np.asarray(dataset.indices, dtype=np.int64)]
    if isinstance(dataset, ConcatDataset):
        return np.concatenate([item_classes(part) for part in dataset.datasets])
    if isinstance(dataset, ClassificationRandomWindowGeoDataset):
        return np.full(len(dataset), ANY_CLASS)
    class_ids = getattr(dataset, 'class_ids', None)
    if class_ids is None:
        raise ConfigError(
            f'balance_classes needs to know the class of every item, which '
            f'{type(dataset).__name__} does not tell: give it a method class_ids().'
        )
    found: NDArray[np.int64] = np.asarray(class_ids(), dtype=np.int64)
    return found
