"""The PREDICT command: the parts of all scenes, shared between splits."""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rastervision.core.data import SceneConfig
from rastervision.core.rv_pipeline.partial import PartialResults
from rastervision.core.rv_pipeline.scene_prediction import ScenePrediction
from rastervision.core.rv_pipeline.scenes import predicted_scenes, without_labels
from rastervision.core.utils.share import share_of_groups
from rastervision.pipeline.errors import StageError
from rastervision.pipeline.progress import progress

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Task:
    """What one split does for a scene.

    Attributes:
        config: The scene, without its labels.
        parts: The parts to predict; None to predict the scene as a whole.
        num_windows: How many windows the model sees for these parts.
        joins: Whether the outputs can be written then, because no other split has parts of it.
    """

    config: SceneConfig
    parts: Sequence[Any] | None
    num_windows: int = 0
    joins: bool = True


class PredictCommand:
    """Predicts the validation and test scenes of a pipeline.

    Scenes and parts that are there already are left as they are. A scene that fails does not keep
    the others from being predicted.
    """

    def __init__(self, pipeline: 'RVPipeline') -> None:
        self.pipeline = pipeline
        self.scenes = [without_labels(s) for s in predicted_scenes(pipeline.config.dataset)]
        self.failures: dict[str, str] = {}
        self.keys: dict[str, str] = {}

    def run(self, split_ind: int, num_splits: int) -> None:
        """Predict all scenes; with several splits, a share of their parts.

        Raises:
            StageError: Scenes failed, and this is the only split; it says which and why.
        """
        if not self.scenes:
            return
        if num_splits == 1:
            self._partial().remove()  # of a run with splits that ended
        self.pipeline.use_model()  # that of now, whatever was loaded before
        self.pipeline.model_digest()  # where there is no model, there is none for all scenes
        tasks = []
        for config, share, is_whole in self._shares(split_ind, num_splits):
            with self._keeping_failure(config):
                tasks += self._tasks(config, share, joins=is_whole)
        self._carry_out(tasks)
        if num_splits == 1:
            self._raise_failures()
        else:
            report = {'keys': self.keys, 'failed': self.failures}
            self._partial().write(report, split_ind, num_splits)

    def finish(self, num_splits: int) -> None:
        """Write the outputs of the scenes that several splits have parts of.

        Raises:
            StageError: Scenes failed, here or in a split; it says which and why.
        """
        reports = self._partial().read(num_splits) if self.scenes else []
        for report in reports:
            for scene_id, reason in report['failed'].items():
                self.failures.setdefault(scene_id, reason)
        for config in self.scenes:
            keys = {report['keys'].get(config.id) for report in reports} - {None}
            if keys and config.id not in self.failures:
                with self._keeping_failure(config):
                    self._join(config, keys)
        self._raise_failures()
        self._partial().remove()

    def _partial(self) -> PartialResults:
        return PartialResults(self.pipeline.config.stage_uri('predict'))

    # --- what there is to do

    def _shares(self, split_ind: int, num_splits: int) -> Iterator[tuple[SceneConfig, slice, bool]]:
        """Which parts of each scene a split is to predict, and whether they are all."""
        if num_splits == 1:
            for config in self.scenes:
                yield config, slice(None), True
            return
        weights = [self._weights(config) for config in self.scenes]
        shares = share_of_groups(weights, split_ind, num_splits)
        for config, areas, share in zip(self.scenes, weights, shares, strict=True):
            if share.start < share.stop:
                yield config, share, share == slice(0, len(areas))

    def _weights(self, config: SceneConfig) -> list[int]:
        """Work of what can be shared of a scene: its parts, or all of it; none if it fails."""
        with self._keeping_failure(config):
            scene = self.pipeline.build_scene(config)
            prediction = self.pipeline.scene_prediction(scene)
            if prediction is None or not prediction.is_resumable:
                return [scene.extent.area]
            return prediction.work() or [1]  # without parts, there is still a file to write
        return []

    def _tasks(self, config: SceneConfig, share: slice, joins: bool) -> list[_Task]:
        """What is to be done for a share of a scene: one task, or none if it is done already."""
        prediction = self._prediction(config)
        if prediction is None:
            return [_Task(config, None)]
        if prediction.is_done():
            log.info('%s is predicted already.', config.id)
            prediction.clean_up()
            return []
        if not joins:
            self.keys[config.id] = prediction.key
        parts = prediction.missing(share)
        return [_Task(config, parts, prediction.num_windows(parts), joins)]

    def _prediction(self, config: SceneConfig) -> ScenePrediction | None:
        """The prediction of a scene in parts; None if it is to be predicted as a whole."""
        prediction = self.pipeline.scene_prediction(self.pipeline.build_scene(config))
        return prediction if prediction is not None and prediction.is_resumable else None

    # --- doing it

    def _carry_out(self, tasks: Sequence[_Task]) -> None:
        if not tasks:
            return
        self.pipeline.ready_backend()  # where this fails, it does so for all scenes
        total = sum(task.num_windows for task in tasks)
        names = tasks[0].config.id if len(tasks) == 1 else f'{len(tasks)} scenes'
        with progress(total, f'Predicting {names}', 'windows') as advance:
            for task in tasks:
                with self._keeping_failure(task.config):
                    self._predict(task, advance)

    def _predict(self, task: _Task, advance: Callable[[float], None]) -> None:
        if task.parts is None:
            self.pipeline.predict_to_store(self.pipeline.build_scene(task.config))
            return
        prediction = self._prediction(task.config)
        if prediction is None:
            raise StageError(f'{task.config.id} cannot be predicted in parts any more.')
        prediction.predict(task.parts, advance)
        if task.joins:
            prediction.join()

    def _join(self, config: SceneConfig, keys: Collection[str]) -> None:
        if len(keys) > 1:
            raise StageError(
                'its image, the model or the options changed while it was predicted; run it again'
            )
        scene = self.pipeline.build_scene(config)
        plan = self.pipeline.scene_plan(scene)
        if plan is None:
            raise StageError('its label store takes no parts')
        prediction = self.pipeline.prediction_in_parts(scene, plan, *keys)
        if not prediction.is_done():
            prediction.join()

    # --- failures

    @contextmanager
    def _keeping_failure(self, config: SceneConfig) -> Iterator[None]:
        """Keep an error for the end; a scene that failed once has no more to say."""
        try:
            yield
        except Exception as error:
            if config.id not in self.failures:
                log.warning('Scene %s cannot be predicted: %s', config.id, error)
                log.debug('Scene %s', config.id, exc_info=True)
                # not the error itself: it holds on to all that was in memory
                self.failures[config.id] = str(error)

    def _raise_failures(self) -> None:
        if self.failures:
            reasons = '\n'.join(f'  {name}: {reason}' for name, reason in self.failures.items())
            raise StageError(
                f'PREDICT failed for {len(self.failures)} of {len(self.scenes)} scenes:\n{reasons}'
            )
