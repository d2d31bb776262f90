"""What the commands of a pipeline read and write, by its config alone."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from rastervision.core.analyzer import StatsAnalyzerConfig
from rastervision.core.data import SceneConfig, SemanticSegmentationLabelStoreConfig
from rastervision.core.rv_pipeline import layout
from rastervision.core.rv_pipeline.input_files import expanded, input_uris
from rastervision.core.rv_pipeline.scenes import (
    analyzer_scene,
    chipped_scenes,
    evaluated_groups,
    predicted_scenes,
    scenes_of_group,
    without_labels,
)
from rastervision.pipeline.code_files import is_builtin
from rastervision.pipeline.config import Config
from rastervision.pipeline.fingerprint import CommandFacts

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig


class PipelineFacts:
    """Facts of the six commands of a pipeline.

    What a third party's backend reads is not known: TRAIN is taken to read the whole config. Where
    a third party's class writes is not known either: it is taken to be the folder of the command.
    """

    def __init__(self, config: 'RVPipelineConfig') -> None:
        """Prepare to tell.

        Args:
            config: An updated config.
        """
        self.config = config
        self.dataset = config.dataset
        self.common = {'class_config': config.dataset.class_config.to_dict(), **_own_fields(config)}
        self._inside = self._written_by_commands()
        self._inputs_at = cache(self._expanded)  # opening rasters takes time

    def of(self, command: str) -> CommandFacts:
        """Return the facts of a command."""
        facts: CommandFacts = getattr(self, f'_{command}')()
        return facts

    def _facts(
        self,
        command: str,
        config: dict[str, Any],
        reads: Iterable[Config | str],
        upstream: tuple[str, ...],
        outputs: Iterable[str],
    ) -> CommandFacts:
        inputs = (uri for part in reads for uri in input_uris(part, self._inputs_at))
        return CommandFacts(
            {name: value for name, value in config.items() if value is not None},
            tuple(dict.fromkeys(inputs)),
            upstream,
            tuple(dict.fromkeys(outputs)),
            self.config.stage_uri(command),
        )

    # --- the commands

    def _analyze(self) -> CommandFacts:
        if not self.config.analyzers:
            return self._facts('analyze', {'analyzers': []}, [], (), [])
        groups = self._groups()
        ids = {scene_id for members in groups.values() for scene_id in members}
        scenes = [analyzer_scene(s) for s in scenes_of_group(self.dataset, ids)]
        config = {
            **self.common,
            'analyzers': [analyzer.to_dict() for analyzer in self.config.analyzers],
            'scene_groups': groups,
            **_scene_parts(scenes),
        }
        outputs = self.analyses()
        return self._facts('analyze', config, self._read(scenes), (), outputs)

    def _chip(self) -> CommandFacts:
        backend = self.config.backend
        if not backend.needs_chips(self.config):
            return self._facts('chip', {'backend': 'it reads no chips'}, [], (), [])
        work = chipped_scenes(self.dataset)
        scenes = [_without_store(scene) for _, scene in work]
        is_known = is_builtin(type(backend))
        options = self.config.chip_options
        config = {
            **self.common,
            'backend': backend.type_hint if is_known else backend.to_dict(),
            'chip_options': None if options is None else options.to_dict(),
            'scenes': [(split, scene.id) for split, scene in work],
            **_scene_parts(scenes),
        }
        folder = self.config.stage_uri('chip')
        files = [layout.chips_uri(folder, split, scene.id) for split, scene in work]
        outputs = files if is_known else [folder]
        return self._facts('chip', config, self._read(scenes), ('analyze',), outputs)

    def _train(self) -> CommandFacts:
        cfg, folder = self.config, self.config.stage_uri('train')
        part = cfg.backend.training_config(cfg) if is_builtin(type(cfg.backend)) else None
        weights = [] if cfg.source_bundle_uri is None else [cfg.source_bundle_uri]
        upstream = ('analyze', 'chip') if cfg.backend.needs_chips(cfg) else ('analyze',)
        if part is None:
            reads = [cfg.backend, *weights, *self._read(self.dataset.all_scenes)]
            return self._facts('train', cfg.to_dict(), reads, upstream, [folder])
        config = {**self.common, 'source_bundle_uri': cfg.source_bundle_uri}
        config |= dict(_by_field(part.to_dict(), 'backend', depth=2))
        outputs = [layout.model_bundle_uri(folder)]
        return self._facts('train', config, [part, *weights], upstream, outputs)

    def _predict(self) -> CommandFacts:
        scenes = [without_labels(scene) for scene in predicted_scenes(self.dataset)]
        options = self.config.predict_options
        config = {
            **self.common,
            'predict_options': None if options is None else options.to_dict(),
            **_scene_parts(scenes),
        }
        outputs = [uri for scene in scenes for uri in self._predictions(scene)]
        return self._facts('predict', config, self._read(scenes), ('analyze', 'train'), outputs)

    def _eval(self) -> CommandFacts:
        folder = self.config.stage_uri('eval')
        groups = evaluated_groups(self.dataset)
        scenes = list({s.id: s for _, members in groups for s in members}.values())
        config = {
            **self.common,
            'evaluators': [evaluator.to_dict() for evaluator in self.config.evaluators],
            'scene_groups': {group: [s.id for s in members] for group, members in groups},
            **_scene_parts(scenes),
        }
        outputs = []
        for group, _ in groups:
            for evaluator in self.config.evaluators:
                is_known = is_builtin(type(evaluator))
                outputs.append(evaluator.get_output_uri(group) if is_known else folder)
            outputs.append(self.config.preview_uri(group))
        return self._facts('eval', config, self._read(scenes), ('analyze', 'predict'), outputs)

    def _bundle(self) -> CommandFacts:
        outputs = [layout.model_bundle_uri(self.config.stage_uri('bundle'))]
        return self._facts('bundle', self.config.to_dict(), [], ('analyze', 'train'), outputs)

    # --- what they write

    def _groups(self) -> dict[str, list[str]]:
        return {name: sorted(ids) for name, ids in self.dataset.scene_groups.items() if ids}

    def analyses(self) -> list[str]:
        """Return the files, or folders of a third party's analyzers, that ANALYZE writes."""
        folder = self.config.stage_uri('analyze')
        return [
            layout.join_uri(analyzer.output_uri, group, 'stats.json')
            if isinstance(analyzer, StatsAnalyzerConfig) and analyzer.output_uri
            else folder
            for group in self._groups()
            for analyzer in self.config.analyzers
        ]

    def _predictions(self, scene: SceneConfig) -> Iterator[str]:
        """Yield the files that the predictions for a scene are in."""
        store = scene.label_store
        uri = getattr(store, 'uri', None)
        if uri is None:
            return
        if not isinstance(store, SemanticSegmentationLabelStoreConfig):
            yield uri
            return
        classes = self.dataset.class_config.copy()
        classes.ensure_null_class()
        yield layout.join_uri(uri, 'labels.tif')
        if store.smooth_output:
            yield layout.join_uri(uri, 'scores.tif')
        for output in store.vector_output:
            yield layout.join_uri(uri, 'vector_output', output.file_name(classes))

    def _written_by_commands(self) -> set[str]:
        """What configs may name as something to read although a command writes it."""
        stats = layout.stats_root(self.config.stage_uri('analyze'))
        return {
            *self.analyses(),
            *(layout.join_uri(stats, group, 'stats.json') for group in self.dataset.scene_groups),
            self.config.stage_uri('chip'),
            *(uri for scene in predicted_scenes(self.dataset) for uri in self._predictions(scene)),
        }

    # --- what they read

    def _expanded(self, uri: str, is_raster: bool) -> list[str]:
        return [] if uri in self._inside else expanded(uri, is_raster)

    def _read(self, scenes: Iterable[SceneConfig]) -> Iterator[Config | str]:
        """Yield the parts of scenes that name files."""
        for scene in scenes:
            yield scene.raster_source
            if scene.label_source is not None:
                yield scene.label_source
            yield from scene.aoi_uris or []


def _by_field(value: Any, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a serialised config, and of those in it, with the path to each."""
    if depth == 0 or not isinstance(value, dict):
        yield name, value
        return
    for key, item in value.items():
        yield from _by_field(item, f'{name}.{key}', depth - 1)


def _own_fields(config: 'RVPipelineConfig') -> dict[str, Any]:
    """Return the fields that not every pipeline has; any command may read them."""
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig

    names = type(config).model_fields.keys() - RVPipelineConfig.model_fields.keys()
    whole = config.to_dict(include=names)
    return {name: whole[name] for name in sorted(names)}


def _without_store(scene: SceneConfig) -> SceneConfig:
    scene = scene.copy()
    scene.label_store = None
    return scene


def _scene_parts(scenes: Iterable[SceneConfig]) -> dict[str, list[Any]]:
    """Return the fields of scenes by names for people; there may be two scenes with one id."""
    parts: dict[str, list[Any]] = {}
    for scene in scenes:
        for name, value in scene.to_dict().items():
            if value is not None:
                parts.setdefault(f'{name} of scene {scene.id!r}', []).append(value)
    return parts
