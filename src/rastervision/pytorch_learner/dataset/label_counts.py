"""Warnings and errors about training data whose labels teach nothing."""

import logging
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from rastervision.core.sampling.class_windows import PROBES
from rastervision.pipeline.errors import DataError
from rastervision.pytorch_learner.dataset.classification_dataset import (
    ClassificationRandomWindowGeoDataset,
)
from rastervision.pytorch_learner.dataset.geo_dataset import RandomWindowGeoDataset
from rastervision.pytorch_learner.dataset.object_detection_dataset import (
    ObjectDetectionImageDataset,
)
from rastervision.pytorch_learner.dataset.subset import parts_of

log = logging.getLogger(__name__)

LOOK_AT_FILES = 'Look at the label files, their CRS and where they lie.'


def warn_without_boxes(dataset: Dataset[Any], origin: str = '') -> None:
    """Log it if no scene of a dataset, or no chip, has an object.

    Args:
        dataset: Windows of scenes, or chips.
        origin: Where chips come from; scenes have names.
    """
    parts = list(parts_of(dataset))
    scenes = [part.scene for part in parts if hasattr(part, 'scene')]
    chips = [part.orig_dataset for part in parts if isinstance(part, ObjectDetectionImageDataset)]
    if scenes and not any(len(scene.label_source.get_labels()) for scene in scenes):
        log.warning(
            'No training scene has an object (%s): the model will learn to find nothing. %s',
            ', '.join(scene.id for scene in scenes[:5]),
            LOOK_AT_FILES,
        )
    if chips and not any(reader.num_boxes for reader in chips):
        log.warning(
            'No training chip has an object (%s): the model will learn to find nothing. Look at '
            'the annotations in labels.json, and at the labels that the chips were made from.',
            origin,
        )


def warn_of_one_class(
    dataset: Dataset[Any], names: list[str], origin: str = '', balanced: bool = False
) -> None:
    """Log it if all items of a dataset are of one class, as far as `PROBES` random windows tell.

    Args:
        dataset: Windows of scenes, or chips, with a class each.
        names: Names of the classes.
        origin: Where chips come from, for the log; empty for windows of scenes.
        balanced: Whether random windows are drawn around the labels of all classes.
    """
    found: set[int] = set()
    for part in parts_of(dataset):
        if isinstance(part, ClassificationRandomWindowGeoDataset):
            found |= set(part.class_windows.shares) if balanced else _probed(part)
        elif hasattr(part, 'class_ids'):
            found |= {int(class_id) for class_id in part.class_ids()}
        if len(found) > 1:
            return
    if len(found) != 1 or len(names) < 2:
        return
    what, hint = 'windows that were looked at', LOOK_AT_FILES
    if origin:
        what = f'chips ({origin})'
        hint = 'Look at the names of their folders, and at the labels that they were made from.'
    log.warning(
        'All training %s are of the class %r: the model will learn nothing else. %s',
        what,
        names[found.pop()],
        hint,
    )


def check_targets(dataset: Dataset[Any], names: list[str], origin: str = '') -> None:
    """Log it if no item of a dataset has a value of some target.

    Args:
        dataset: Windows of scenes, or chips, with values (NaN where unknown).
        names: Names of the targets.
        origin: Where chips come from; empty for windows of scenes.

    Raises:
        DataError: No item has a value of any target, and all items were looked at.
    """
    parts = [part for part in parts_of(dataset) if hasattr(part, 'targets')]
    rows = [row for part in parts for row in part.targets()]
    if not rows:
        return
    unknown = np.isnan(np.array(rows)).all(axis=0).tolist()
    missing = [name for name, is_unknown in zip(names, unknown, strict=True) if is_unknown]
    if not missing:
        return
    what, hint = 'window that was looked at', LOOK_AT_FILES
    if origin:
        what, hint = f'chip ({origin})', 'Look at the labels that the chips were made from.'
    text = f'No training {what} has a value of {", ".join(map(repr, missing))}. {hint}'
    has_probes = any(isinstance(part, RandomWindowGeoDataset) for part in parts)
    if len(missing) == len(names) and not has_probes:
        raise DataError(text)
    log.warning('%s', text)


def _probed(windows: ClassificationRandomWindowGeoDataset) -> set[int]:
    """Classes of some random windows."""
    rng = np.random.default_rng(0)
    return {windows.class_id_of(windows.sampler.sample(rng)) for _ in range(PROBES)}
