"""Which scenes a command works on, as configs."""

from collections.abc import Callable, Collection, Sequence
from itertools import takewhile
from typing import Any, Literal, TypeAlias, overload

from rastervision.core.data import (
    DatasetConfig,
    RasterSourceConfig,
    Scene,
    SceneConfig,
    StatsTransformerConfig,
)
from rastervision.core.utils.config_walk import C, find_configs

Split: TypeAlias = Literal['train', 'valid']


class LazyScenes(Sequence[Scene]):
    """Scenes that are built when they are asked for; the last one is kept."""

    def __init__(
        self, configs: Sequence[SceneConfig], build: Callable[[SceneConfig], Scene]
    ) -> None:
        self._configs = configs
        self._build = build
        self._last: tuple[int, Scene] | None = None

    @property
    def ids(self) -> list[str]:
        """Ids of the scenes; none of them is built."""
        return [config.id for config in self._configs]

    def __len__(self) -> int:
        return len(self._configs)

    @overload
    def __getitem__(self, index: int) -> Scene: ...
    @overload
    def __getitem__(self, index: slice) -> 'LazyScenes': ...
    def __getitem__(self, index: int | slice) -> 'Scene | LazyScenes':
        if isinstance(index, slice):
            return LazyScenes(self._configs[index], self._build)
        index = range(len(self._configs))[index]
        if self._last is None or self._last[0] != index:
            self._last = None
            self._last = index, self._build(self._configs[index])
        return self._last[1]


def analyzer_scene(scene: SceneConfig) -> SceneConfig:
    """Return a copy of a scene that shows the values from which statistics are made.

    These are the values that reach the first statistics transformer: channel order and the
    transformers before it are applied, it and those after it are not.
    """
    scene = scene.copy()
    scene.label_source = None
    scene.label_store = None
    for source in find_configs(scene.raster_source, RasterSourceConfig):
        source.transformers = list(
            takewhile(lambda t: not isinstance(t, StatsTransformerConfig), source.transformers)
        )
    return scene


def without_labels(scene: SceneConfig) -> SceneConfig:
    """Return a copy of a scene without its ground truth, which takes long to read."""
    scene = scene.copy()
    scene.label_source = None
    return scene


def for_training(config: C) -> C:
    """Return a copy of a config without what is in its datasets and no model depends on.

    These are test scenes, scene groups, and where predictions go.
    """
    config = config.copy()
    for dataset in find_configs(config, DatasetConfig):
        dataset.scene_groups = {}  # first, since they name the scenes
        dataset.test_scenes = []
        for scene in dataset.all_scenes:
            scene.label_store = None
    return config


def file_sources(scene: SceneConfig) -> list[Any]:
    """Return the configs of a scene's raster sources that read files, in order."""
    sources = find_configs(scene.raster_source, RasterSourceConfig)
    return [source for source in sources if hasattr(source, 'uris')]


def share_images(sources: Sequence[Any]) -> bool:
    """Say whether sources read the same image, such as several channels of it."""
    return all(source.uris == sources[0].uris for source in sources)


def images_per_scene(scene: SceneConfig) -> int:
    """Return how many images a model of such scenes reads for a prediction."""
    sources = file_sources(scene)
    return 1 if share_images(sources) else len(sources)


def chipped_scenes(dataset: DatasetConfig) -> list[tuple[Split, SceneConfig]]:
    """Return the scenes that CHIP cuts chips from, with what the chips are for."""
    train: list[tuple[Split, SceneConfig]] = [('train', s) for s in dataset.train_scenes]
    return train + [('valid', s) for s in dataset.validation_scenes]


def predicted_scenes(dataset: DatasetConfig) -> list[SceneConfig]:
    """Return the scenes that PREDICT writes predictions for.

    A test scene may be one of the validation scenes as well; it is there once.
    """
    return _once([*dataset.validation_scenes, *dataset.test_scenes])


def scenes_of_group(dataset: DatasetConfig, ids: Collection[str]) -> list[SceneConfig]:
    """Return the scenes with these ids, each once."""
    return [s for s in _once(dataset.all_scenes) if s.id in ids]


def _once(scenes: list[SceneConfig]) -> list[SceneConfig]:
    return list({scene.id: scene for scene in scenes}.values())


def evaluated_groups(dataset: DatasetConfig) -> list[tuple[str, list[SceneConfig]]]:
    """Return the scene groups that EVAL scores, with the scenes that can be scored.

    A scene can be scored when it is predicted and has labels; a group without any is left out.
    """
    scenes = [s for s in predicted_scenes(dataset) if s.label_source is not None]
    groups = {
        group: [s for s in scenes if s.id in ids] for group, ids in dataset.scene_groups.items()
    }
    return [(group, members) for group, members in groups.items() if members]
