"""The CHIP command: the windows of all scenes, shared between splits."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from rastervision.core.backend import Backend, ChippedScene, ChipStore, SampleWriter
from rastervision.core.data import DatasetConfig, Scene, SceneConfig
from rastervision.core.data_sample import DataSample
from rastervision.core.rv_pipeline.chipping import (
    scene_samples,
    scene_windows,
    write_samples,
)
from rastervision.core.rv_pipeline.config_checks import require_labels, require_train_scenes
from rastervision.core.rv_pipeline.partial import PartialResults
from rastervision.core.rv_pipeline.scenes import Split, chipped_scenes, without_labels
from rastervision.core.utils.overrides import overridden_since, overrides
from rastervision.core.utils.share import share_of_groups
from rastervision.pipeline.errors import DataError

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline

log = logging.getLogger(__name__)

Work: TypeAlias = Sequence[tuple[Split, SceneConfig]]

ALL = slice(None)


class ChipCommand:
    """Cuts chips through the hooks of a pipeline."""

    def __init__(self, pipeline: 'RVPipeline') -> None:
        self.pipeline = pipeline
        self.config = pipeline.config

    def run(self, split_ind: int, num_splits: int) -> None:
        """Write all chips; with several splits, leave a share of them for ``finish``."""
        if not self._is_needed():
            log.info('CHIP is skipped: training does not read the chips that it would write.')
            return
        require_train_scenes(self.config.dataset, 'CHIP')
        work = chipped_scenes(self.config.dataset)
        for split, scene in work:
            require_labels(scene, split)
        backend = self._backend()
        store = _chip_store(backend)
        if store is None:
            self._run_by_scenes(backend, work[split_ind::num_splits])
        elif num_splits == 1:
            self._partial().remove()  # of a run with splits that ended
            counts = []
            for split, scene in work:
                with store.scene_writer((split, scene.id)) as writer:
                    counts.append(self._write(split, scene, writer))
            store.keep_only(_names(work))
            self._require_chips(counts)
        else:
            self._write_share(store, work, split_ind, num_splits)

    def finish(self, num_splits: int) -> None:
        """Write the chips of each scene from the shares of all splits."""
        store = _chip_store(self._backend()) if self._is_needed() else None
        if store is None:
            return
        partial = self._partial()
        if uris := partial.uris(num_splits):
            names = _names(chipped_scenes(self.config.dataset))
            counts = store.join(uris, names)
            store.keep_only(names)
            partial.remove()
            self._require_chips(counts)

    def _require_chips(self, counts: Sequence[int]) -> None:
        """Raise DataError if no train scene has a chip, given how many each scene has."""
        ids = [scene.id for scene in self.config.dataset.train_scenes]
        if any(counts[: len(ids)]):
            return
        options = self.pipeline.chip_options()
        fields = sorted(type(options).model_fields.keys() - {'sampling'})
        filters = ', '.join(f'{name}={getattr(options, name)!r}' for name in fields)
        raise DataError(
            f'CHIP has kept no chip of the train_scenes ({", ".join(ids[:5])}), so that there is '
            f'nothing to learn from. Their windows, if there are any, did not pass the filters of '
            f'chip_options: {filters}.'
        )

    def _is_needed(self) -> bool:
        return self.config.backend.needs_chips(self.config)

    def _backend(self) -> Backend:
        return self.config.backend.build(self.config, self.pipeline.tmp_dir)

    def _partial(self) -> PartialResults:
        return PartialResults(self.config.stage_uri('chip'), 'zip')

    def _write_share(self, store: ChipStore, work: Work, split_ind: int, num_splits: int) -> None:
        shares = share_of_groups([self._units(*item) for item in work], split_ind, num_splits)
        with store.share_writer(self._partial().uri(split_ind, num_splits)) as writer:
            for number, ((split, scene), part) in enumerate(zip(work, shares, strict=True)):
                if part.start < part.stop:
                    writer.begin_scene(number)
                    self._write(split, scene, writer, part)

    def _units(self, split: Split, scene: SceneConfig) -> list[int]:
        """Weights of the pieces of a scene: its windows; one piece if a subclass chooses them."""
        if self._has_own_windows():
            return [1]
        image = self.pipeline.build_scene(without_labels(scene))
        return [1] * len(scene_windows(image, split, self.pipeline.chip_options()))

    def _has_own_windows(self) -> bool:
        return self.pipeline.is_hooked('get_train_windows')

    def _write(
        self, split: Split, scene_cfg: SceneConfig, writer: SampleWriter, part: slice = ALL
    ) -> int:
        """Write the chips of a scene, and return how many."""
        scene = self.pipeline.build_scene(scene_cfg)
        windows = None
        if self._has_own_windows():
            windows, part = self.pipeline.get_train_windows(scene), ALL
        samples = scene_samples(scene, split, self.pipeline.chip_options(), windows, part)
        return write_samples(self._hooked(samples, scene), writer, f'{split} chips of {scene.id}')

    def _hooked(self, samples: Iterable[DataSample], scene: Scene) -> Iterator[DataSample]:
        own_labels = self.pipeline.is_hooked('get_train_labels')
        for sample in samples:
            if own_labels and sample.window is not None:
                sample.label = self.pipeline.get_train_labels(sample.window, scene)
            yield self.pipeline.post_process_sample(sample)

    def _run_by_scenes(self, backend: Backend, work: Work) -> None:
        """Let a backend write the chips of these scenes in a way of its own."""
        hooks = ('get_train_windows', 'get_train_labels', 'post_process_sample')
        if overrides(backend, Backend, 'chip_dataset') and not self.pipeline.is_hooked(*hooks):
            dataset = DatasetConfig(
                class_config=self.config.dataset.class_config,
                train_scenes=[s for split, s in work if split == 'train'],
                validation_scenes=[s for split, s in work if split == 'valid'],
            )
            backend.chip_dataset(dataset, self.pipeline.chip_options())
            return
        with backend.get_sample_writer() as writer:
            for split, scene in work:
                self._write(split, scene, writer)


def _chip_store(backend: Backend) -> ChipStore | None:
    """Where the chips of each scene go; None if a backend writes them in a way of its own."""
    if overridden_since(backend, 'chip_store', 'chip_dataset', 'get_sample_writer'):
        return None
    return backend.chip_store()


def _names(work: Work) -> list[ChippedScene]:
    return [(split, scene.id) for split, scene in work]
