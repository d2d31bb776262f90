"""Training items drawn so that every class comes up as often as every other."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import ConcatDataset, Dataset, Subset, WeightedRandomSampler

from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.errors import ConfigError, DataError
from rastervision.pytorch_learner.dataset.balanced_windows import BalancedWindowGeoDataset
from rastervision.pytorch_learner.dataset.subset import parts_of

log = logging.getLogger(__name__)


def balanced_sampler(
    dataset: Dataset[Any], classes: ClassConfig | None = None
) -> WeightedRandomSampler:
    """Draws as many items as there are, with replacement, and tells random windows what to draw.

    Args:
        dataset: The dataset.
        classes: The log names those that do not come up.

    Raises:
        ConfigError: A dataset does not tell the classes of its items.
        DataError: There are no labels.
    """
    weights = balance_classes(dataset, classes)
    return WeightedRandomSampler(weights.tolist(), len(weights))


def balance_classes(
    dataset: Dataset[Any], classes: ClassConfig | None = None
) -> NDArray[np.float64]:
    """Balance classes over all of a dataset; the arguments are those of `balanced_sampler`.

    Classes of random windows are drawn by their scenes from now on.

    Returns:
        (len,) weights by which items have to be drawn.
    """
    parts = _random_parts(dataset)
    kinds = item_kinds(dataset, parts)
    shares = [part.class_windows.shares for part in parts]
    num_classes = 1 + max(kinds.max(initial=-1), *(max(s, default=-1) for s in shares), -1)
    mixes = np.zeros((num_classes + len(parts), num_classes))
    np.fill_diagonal(mixes, 1)
    for i, by_class in enumerate(shares):
        mixes[num_classes + i, list(by_class)] = list(by_class.values())
    kinds = np.where(kinds < 0, num_classes - 1 - kinds, kinds)
    counts = np.bincount(kinds, minlength=len(mixes))
    weights = class_weights(counts, mixes)
    _report(parts, np.flatnonzero(weights), classes)
    for i, part in enumerate(parts):
        if counts[num_classes + i]:
            part.balance_classes({c: float(weights[c] * share) for c, share in shares[i].items()})
    result: NDArray[np.float64] = (mixes @ weights)[kinds]
    result /= result.mean()
    return result


def class_weights(counts: NDArray[np.int64], mixes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of classes by which all of them come up equally often.

    Args:
        counts: (R,) number of items of each kind.
        mixes: (R, K) how much there is of each class in items of a kind.

    Returns:
        (K,) weights that turn `mixes` into how often a class is to come up by an item of a kind; 0
        for classes that are nowhere.
    """
    totals = counts @ mixes
    weights = np.zeros(len(totals))
    weights[totals > 0] = 1 / totals[totals > 0]
    return weights


def item_kinds(
    dataset: Dataset[Any], parts: Sequence[BalancedWindowGeoDataset] = ()
) -> NDArray[np.int64]:
    """(len,) class id of every item, without reading images.

    Args:
        dataset: The dataset.
        parts: Datasets of random windows, which are of another class at every draw. For items of
            the first one, there is -1, for those of the second one -2, and so on.

    Raises:
        ConfigError: A dataset does not tell the classes of its items.
    """
    if isinstance(dataset, Subset):
        return item_kinds(dataset.dataset, parts)[np.asarray(dataset.indices, dtype=np.int64)]
    if isinstance(dataset, ConcatDataset):
        return np.concatenate([item_kinds(part, parts) for part in dataset.datasets])
    for i, part in enumerate(parts):
        if part is dataset:
            return np.full(len(part), -1 - i)
    class_ids = getattr(dataset, 'class_ids', None)
    if class_ids is None:
        raise ConfigError(
            f'balance_classes needs to know the class of every item, which '
            f'{type(dataset).__name__} does not tell: give it a method class_ids().'
        )
    found: NDArray[np.int64] = np.asarray(class_ids(), dtype=np.int64)
    return found


def _random_parts(dataset: Dataset[Any]) -> list[BalancedWindowGeoDataset]:
    found = [part for part in parts_of(dataset) if isinstance(part, BalancedWindowGeoDataset)]
    return list({id(part): part for part in found}.values())


def _report(
    parts: Sequence[BalancedWindowGeoDataset],
    drawn: NDArray[np.intp],
    classes: ClassConfig | None,
) -> None:
    """Log which classes do not come up, and why.

    Raises:
        DataError: None does.
    """
    if not len(drawn):
        scenes = ', '.join(part.scene.id for part in parts[:5])
        raise DataError(
            f'balance_classes: there is no label of any class to balance (scenes {scenes}). Look '
            'at the label files, their CRS and where they lie.'
        )
    if classes is None:
        return
    missed = {classes.get_name(c) for part in parts for c in part.class_windows.missed}
    for part in parts:
        for class_id in sorted(part.class_windows.missed):
            log.warning(
                'balance_classes: scene %r has labels of %r, but no window of that class was '
                'found around them; it is not drawn there. Use other sizes of windows, or a '
                'smaller ioa_thresh of the label source.',
                part.scene.id,
                classes.get_name(class_id),
            )
    ignored = classes.null_class if classes.null_is_nodata else None
    known = {classes.names[i] for i in drawn if i < len(classes)} | missed | {ignored}
    if missing := [name for name in classes.names if name not in known]:
        log.warning(
            'balance_classes: the training data have no items of %s. Look at the label files and '
            'at the class filters of the label sources.',
            ', '.join(missing),
        )
