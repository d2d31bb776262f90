"""ANALYZE and EVAL: work over scenes that several workers share, unit by unit."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from rastervision.core.data import Scene, SceneConfig
from rastervision.core.rv_pipeline.partial import PartialResults
from rastervision.core.rv_pipeline.scenes import (
    LazyScenes,
    analyzer_scene,
    evaluated_groups,
    scenes_of_group,
    without_labels,
)
from rastervision.core.shared_work import SharedWork
from rastervision.core.utils.share import share_of_groups

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig

log = logging.getLogger(__name__)

BuildScene: TypeAlias = Callable[[SceneConfig], Scene]


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


def analyses(config: 'RVPipelineConfig', build_scene: BuildScene) -> list[SceneTask]:
    """Every analyzer over every group of scenes."""
    tasks = []
    for group, ids in config.dataset.scene_groups.items():
        members = [analyzer_scene(s) for s in scenes_of_group(config.dataset, ids)]
        scenes = LazyScenes(members, build_scene)
        for i, analyzer_cfg in enumerate(config.analyzers if members else []):
            analyzer = analyzer_cfg.build(scene_group=(group, ids))
            tasks.append(SceneTask(group, i, analyzer, scenes, scenes))
    return tasks


def evaluations(config: 'RVPipelineConfig', build_scene: BuildScene) -> list[SceneTask]:
    """Every evaluator over every group of scenes that have labels."""
    tasks = []
    classes = config.dataset.class_config
    for group, members in evaluated_groups(config.dataset):
        scenes = LazyScenes(members, build_scene)
        images = LazyScenes([without_labels(s) for s in members], build_scene)
        for i, evaluator_cfg in enumerate(config.evaluators):
            evaluator = evaluator_cfg.build(classes, scene_group=(group, set(scenes.ids)))
            tasks.append(SceneTask(group, i, evaluator, scenes, images))
    return tasks


def process(
    tasks: Sequence[SceneTask], stage_uri: str, split_ind: int, num_splits: int, tmp_dir: str
) -> None:
    """Carry out tasks; with several splits, leave one split's share of them for `join_shares`."""
    if num_splits > 1:
        _process_share(tasks, stage_uri, split_ind, num_splits)
        return
    PartialResults(stage_uri).remove()  # of a run with splits that ended
    for task in tasks:
        name = type(task.work).__name__
        log.info('%s of %s (scenes: %d).', name, task.group, len(task.scenes))
        task.work.process(task.scenes, tmp_dir)


def _process_share(
    tasks: Iterable[SceneTask], stage_uri: str, split_ind: int, num_splits: int
) -> None:
    """Process the units of all scenes; work that cannot be shared is left to `join_shares`."""
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
