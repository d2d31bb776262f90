"""Warnings about training data whose labels teach nothing."""

import logging
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from rastervision.core.sampling.class_windows import PROBES
from rastervision.pytorch_learner.dataset.classification_dataset import (
    ClassificationRandomWindowGeoDataset,
)
from rastervision.pytorch_learner.dataset.subset import parts_of

log = logging.getLogger(__name__)


def warn_without_boxes(dataset: Dataset[Any]) -> None:
    """Log it if no scene of a dataset has an object."""
    scenes = [part.scene for part in parts_of(dataset) if hasattr(part, 'scene')]
    if scenes and not any(len(scene.label_source.get_labels()) for scene in scenes):
        log.warning(
            'No training scene has an object (%s): the model will learn to find nothing. Look at '
            'the label files, their CRS and where they lie.',
            ', '.join(scene.id for scene in scenes[:5]),
        )


def warn_of_one_class(dataset: Dataset[Any], names: list[str]) -> None:
    """Log it if all windows of a dataset are of one class, as far as `PROBES` random ones tell.

    Args:
        dataset: Windows of scenes with a class each.
        names: Names of the classes.
    """
    found: set[int] = set()
    for part in parts_of(dataset):
        if isinstance(part, ClassificationRandomWindowGeoDataset):
            rng = np.random.default_rng(0)
            found |= {part.class_id_of(part.sampler.sample(rng)) for _ in range(PROBES)}
        elif hasattr(part, 'class_ids'):
            found |= {int(class_id) for class_id in part.class_ids()}
        if len(found) > 1:
            return
    if len(found) == 1 and len(names) > 1:
        log.warning(
            'All training windows that were looked at are of the class %r: the model will learn '
            'nothing else. Look at the label files, their CRS and where they lie.',
            names[found.pop()],
        )
