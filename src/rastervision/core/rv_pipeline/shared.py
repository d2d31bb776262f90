"""ANALYZE and EVAL: work over scenes that several workers share, unit by unit."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rastervision.core.rv_pipeline.partial import PartialResults
from rastervision.core.rv_pipeline.scenes import LazyScenes
from rastervision.core.shared_work import SharedWork
from rastervision.core.utils.share import share_of_groups

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SceneTask:
    """Something to compute over the scenes of a group.

    Attributes:
        group: Name of the group.
        number: Number of the task among those of the group.
        work: What to compute.
        scenes: The scenes.
        images: The same without their labels.
    """

    group: str
    number: int
    work: SharedWork
    scenes: LazyScenes
    images: LazyScenes

    @property
    def name(self) -> str:
        """Name within the command."""
        return f'{self.group}/{self.number}'


def process_share(
    tasks: Iterable[SceneTask], stage_uri: str, split_ind: int, num_splits: int
) -> None:
    """Process one split's share of the units of all scenes, and leave it for `join_shares`.

    Work that cannot be shared is left to that one.
    """
    groups = [
        (task, i, task.work.work_units(image))
        for task in tasks
        if task.work.is_shareable()
        for i, image in enumerate(task.images)
    ]
    shares = share_of_groups([units for *_, units in groups], split_ind, num_splits)
    results: dict[str, dict[str, Any]] = {}
    for (task, i, units), part in zip(groups, shares, strict=True):
        if part.start < part.stop:
            scene = task.scenes[i]
            count = part.stop - part.start
            log.info('%s of %s: %d of %d pieces.', scene.id, task.group, count, len(units))
            results.setdefault(task.name, {})[scene.id] = task.work.process_units(scene, part)
    PartialResults(stage_uri).write(results, split_ind, num_splits)


def join_shares(tasks: Iterable[SceneTask], stage_uri: str, num_splits: int, tmp_dir: str) -> bool:
    """Write what follows from the shares of all splits; do the work that could not be shared.

    Returns:
        False when there is nothing to do, because it was done before.
    """
    partial = PartialResults(stage_uri)
    shares = partial.read(num_splits)
    if not shares:
        return False
    for task in tasks:
        if task.work.is_shareable():
            of_task = [share.get(task.name, {}) for share in shares]
            results = {
                id_: [share[id_] for share in of_task if id_ in share] for id_ in task.images.ids
            }
            task.work.join_units(task.images, results)
        else:
            task.work.process(task.scenes, tmp_dir)
    partial.remove()
    return True
