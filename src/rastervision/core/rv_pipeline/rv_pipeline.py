"""RVPipeline: the six commands, in terms of scenes and a backend."""

import logging
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data import Labels, Scene, SceneConfig
from rastervision.core.data_sample import DataSample
from rastervision.core.prediction import Run, ScenePlan, ScoreTile, WindowPlan
from rastervision.core.rv_pipeline import bundling, layout
from rastervision.core.rv_pipeline.chip_command import ChipCommand
from rastervision.core.rv_pipeline.chip_options import ChipOptions
from rastervision.core.rv_pipeline.chipping import scene_windows
from rastervision.core.rv_pipeline.command_facts import PipelineFacts
from rastervision.core.rv_pipeline.config_checks import check_inputs, require_train_scenes
from rastervision.core.rv_pipeline.pipeline_model import PipelineWithModel
from rastervision.core.rv_pipeline.predict_command import PredictCommand
from rastervision.core.rv_pipeline.predict_options import PredictOptions
from rastervision.core.rv_pipeline.prediction_key import prediction_key
from rastervision.core.rv_pipeline.scene_prediction import ScenePrediction
from rastervision.core.rv_pipeline.shared import (
    SceneTask,
    analyses,
    evaluations,
    join_shares,
    process,
)
from rastervision.core.rv_pipeline.summary import summarize
from rastervision.core.rv_pipeline.tile_prediction import TilePrediction
from rastervision.core.rv_pipeline.validation import validate_pipeline
from rastervision.core.rv_pipeline.window_prediction import WindowPrediction
from rastervision.core.utils.overrides import overridden_since, overrides
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system.utils import file_exists, remove
from rastervision.pipeline.fingerprint import CommandFacts
from rastervision.pipeline.standing import outdated
from rastervision.pipeline.validation import Validation

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig

log = logging.getLogger(__name__)


class RVPipeline(PipelineWithModel):
    """A pipeline over geospatial scenes.

    Subclasses change single steps: ``get_train_windows``, ``get_train_labels`` and
    ``post_process_sample`` for CHIP, ``predict_scene`` and ``post_process_predictions`` for
    PREDICT. Whoever adds a task gives ``scene_plan``, so that scenes are predicted in parts, and
    ``join_windows`` for a `ScenePlan` or ``labels_of_windows`` for a `WindowPlan`.
    """

    commands: ClassVar[list[str]] = list(layout.STAGES)
    split_commands: ClassVar[list[str]] = ['analyze', 'chip', 'predict', 'eval']
    gpu_commands: ClassVar[list[str]] = ['train', 'predict']
    gather_commands: ClassVar[dict[str, str]] = {
        'analyze': 'finish_analyze',
        'chip': 'finish_chip',
        'predict': 'finish_predict',
        'eval': 'finish_eval',
    }

    config: 'RVPipelineConfig'

    def check_inputs(self, commands: Sequence[str]) -> None:
        """Raise ConfigError if scenes or files that commands read are missing.

        Commands that a subclass brings are left out: they may read something else.
        """
        check_inputs(self.config, [c for c in commands if not self.is_hooked(c)])

    def validate(self) -> Validation:
        """Open all inputs, and tell what the commands would do and what is wrong."""
        return validate_pipeline(self)

    def command_facts(self, command: str) -> CommandFacts | None:
        """Tell what a command reads and writes; None for one that a subclass brings."""
        if command not in layout.STAGES:
            return None
        if self.is_hooked(command, RVPipeline.gather_commands.get(command, command)):
            return None
        return self._facts.of(command)

    def forget(self, command: str) -> None:
        """Remove what TRAIN or PREDICT would go on from: checkpoints, and finished predictions."""
        if command == 'train':
            self.any_backend().forget_training()
        elif command == 'predict' and (facts := self.command_facts(command)):
            for uri in facts.outputs:
                if file_exists(uri, include_dir=False):
                    remove(uri)

    @cached_property
    def _facts(self) -> PipelineFacts:
        return PipelineFacts(self.config)

    # --- ANALYZE

    def analyze(self, split_ind: int = 0, num_splits: int = 1) -> None:
        """Run every analyzer over every scene group, or a split's share of that."""
        tasks = analyses(self.config, self.build_scene)
        process(tasks, self.config.stage_uri('analyze'), split_ind, num_splits, self.tmp_dir)

    def finish_analyze(self, num_splits: int = 1) -> None:
        """Write what follows from the shares of all splits of ANALYZE."""
        tasks = analyses(self.config, self.build_scene)
        join_shares(tasks, self.config.stage_uri('analyze'), num_splits, self.tmp_dir)

    # --- CHIP

    def get_train_windows(self, scene: Scene) -> list[Box]:
        """Return the windows of a scene that become chips."""
        return list(scene_windows(scene, 'train', self.chip_options()))

    def get_train_labels(self, window: Box, scene: Scene) -> Labels:
        """Return the labels of one window, for a pipeline that has its own idea of them."""
        raise NotImplementedError(type(self).__name__)

    def post_process_sample(self, sample: DataSample) -> DataSample:
        """Change a sample before it is written."""
        return sample

    def chip(self, split_ind: int = 0, num_splits: int = 1) -> None:
        """Write the training chips, or a split's share of them.

        Raises:
            ConfigError: ``chip_options`` is missing, there are no train scenes, or a scene has no
                labels.
            DataError: No chip of the train scenes is left; with splits, ``finish_chip`` finds out.
        """
        ChipCommand(self).run(split_ind, num_splits)

    def finish_chip(self, num_splits: int = 1) -> None:
        """Write the chips of each scene, from the shares of all splits of CHIP."""
        ChipCommand(self).finish(num_splits)

    # --- TRAIN

    def train(self) -> None:
        """Train a model.

        Raises:
            ConfigError: TRAIN reads scenes, and there is none to learn from.
        """
        scenes = self.config.backend.training_dataset(self.config)
        if scenes is not None:
            require_train_scenes(scenes, 'TRAIN')
        backend = self.config.backend.build(self.config, self.tmp_dir)
        if self.config.source_bundle_uri is None:
            backend.train()
        else:
            backend.train(source_bundle_uri=self.config.source_bundle_uri)

    # --- PREDICT

    def predict(self, split_ind: int = 0, num_splits: int = 1) -> None:
        """Predict the validation and test scenes, or a split's share of their parts.

        Scenes and parts that are there already are left as they are. A scene that fails does not
        keep the others from being predicted.

        Raises:
            StageError: Some scenes failed; it says which and why.
        """
        PredictCommand(self).run(split_ind, num_splits)

    def finish_predict(self, num_splits: int = 1) -> None:
        """Write the outputs of the scenes that several splits of PREDICT have parts of.

        Raises:
            StageError: Some scenes failed, here or in a split; it says which and why.
        """
        PredictCommand(self).finish(num_splits)

    def is_predicted(self, scene: Scene) -> bool:
        """Say whether the label store of a scene has what predicting it now would give."""
        prediction = self.scene_prediction(scene)
        return prediction is not None and prediction.is_done()

    def predict_to_store(self, scene: Scene) -> None:
        """Predict a scene and write the result to its label store.

        Parts that an interrupted prediction has left are used. A subclass that changes whole
        predictions, a backend without a stream of results or a label store without parts make it
        go through memory.
        """
        prediction = self.scene_prediction(scene)
        if prediction is not None:
            prediction.carry_out()
            return
        if self.predict_options().aoi_polygons(scene):
            raise ConfigError(
                f'predict_options.aoi_only needs scenes predicted in parts, but {scene.id!r} is '
                'predicted or saved as a whole, by a class of its own; leave aoi_only out.'
            )
        labels = self.post_process_predictions(self.predict_scene(scene), scene)
        if scene.label_store is None:
            raise ConfigError(f'Scene {scene.id!r} has no label_store to write predictions to.')
        scene.label_store.save(labels)

    def scene_prediction(self, scene: Scene) -> ScenePrediction | None:
        """Return the prediction of a scene in parts; None if it goes through memory."""
        if overridden_since(self, 'scene_plan', 'predict_scene', 'post_process_predictions'):
            return None
        plan = self.scene_plan(scene)
        if plan is None or not self.any_backend().has_stream():
            return None
        model = self.model_digest()
        key = None
        if scene.config is not None and model is not None:
            classes = self.config.dataset.class_config
            key = prediction_key(scene.config, self.predict_options(), classes, model)
        return self.prediction_in_parts(scene, plan, key)

    def prediction_in_parts(
        self, scene: Scene, plan: ScenePlan | WindowPlan, key: str | None
    ) -> ScenePrediction:
        """Return the prediction of a scene by a plan; arguments as for `ScenePrediction`."""
        kind = WindowPrediction if isinstance(plan, WindowPlan) else TilePrediction
        return kind(self, scene, plan, key)

    def scene_plan(self, scene: Scene) -> ScenePlan | WindowPlan | None:  # noqa: ARG002 - for subclasses
        """Return the parts in which a scene can be predicted; None (the default) for no parts."""
        return None

    def predict_windows(self, scene: Scene, windows: Sequence[Box]) -> Generator[Any, None, None]:
        """Return what the model says about windows, if the backend has such a stream."""
        return self.ready_backend().predict_windows(scene, windows, self.predict_options())

    def join_windows(
        self, scene: Scene, run: Run, results: Iterable[Any]
    ) -> Generator[ScoreTile, None, None]:
        """Join what the model says about the windows of a run; for tasks with a ``scene_plan``.

        Yields:
            Bands of rows that fill the box of the run, from top to bottom.
        """
        raise NotImplementedError(type(self).__name__)

    def labels_of_windows(self, scene: Scene, results: Iterable[Any]) -> Labels:
        """Make labels of what the model says about all windows of a scene, in their order.

        For tasks whose ``scene_plan`` is a `WindowPlan`.
        """
        raise NotImplementedError(type(self).__name__)

    def predict_options(self) -> PredictOptions:
        """Return the options of PREDICT."""
        return self.config.predict_options or self.config.get_default_predict_options()

    def predict_scene(self, scene: Scene) -> Labels:
        """Return the predictions for a scene, held in memory."""
        backend, plan = self.ready_backend(), self.scene_plan(scene)
        if isinstance(plan, WindowPlan) and backend.has_stream():
            with closing(self.predict_windows(scene, plan.windows)) as results:
                return self.labels_of_windows(scene, results)
        return backend.predict_scene(scene, predict_options=self.predict_options())

    def post_process_batch(
        self,
        windows: list[Box],  # noqa: ARG002 - for subclasses
        chips: NDArray[Any],  # noqa: ARG002 - for subclasses
        labels: Labels,
    ) -> Labels:
        """Change the predictions for a batch of windows; for backends that call it."""
        return labels

    def post_process_predictions(self, labels: Labels, scene: Scene) -> Labels:  # noqa: ARG002 - for subclasses
        """Change the predictions for a scene before they are written."""
        return labels

    # --- EVAL

    def eval(self, split_ind: int = 0, num_splits: int = 1) -> None:
        """Score the predictions of every scene group that has labels, or a split's share of it."""
        if split_ind == 0:
            self._tell_outdated_predictions()
        tasks = evaluations(self.config, self.build_scene)
        if not tasks:
            log.info('EVAL is skipped: no validation or test scene has labels.')
        process(tasks, self.config.stage_uri('eval'), split_ind, num_splits, self.tmp_dir)
        if num_splits == 1:
            self._tell_evaluated(tasks)

    def finish_eval(self, num_splits: int = 1) -> None:
        """Write the scores that follow from the shares of all splits of EVAL."""
        tasks = evaluations(self.config, self.build_scene)
        if join_shares(tasks, self.config.stage_uri('eval'), num_splits, self.tmp_dir):
            self._tell_evaluated(tasks)

    def _tell_outdated_predictions(self) -> None:
        for command, reason in outdated(self, ['predict']).items():
            log.warning(
                'EVAL scores the predictions that are there, which are not up to date (%s); run '
                '%s to make them anew.',
                reason,
                command,
            )

    def _tell_evaluated(self, tasks: list[SceneTask]) -> None:
        for group, scenes in {task.group: task.scenes for task in tasks}.items():
            self.evaluated(group, scenes)

    def evaluated(self, group: str, scenes: Sequence[Scene]) -> None:
        """Do more with the scenes of a group once they are scored; for subclasses."""

    # --- BUNDLE

    def bundle(self) -> None:
        """Write the model bundle that ``rastervision predict`` reads."""
        bundling.write_pipeline_bundle(self.config, Path(self.tmp_dir))

    def summary(self) -> str:
        """Tell scores, outputs and what to do next, for the end of a run."""
        return summarize(self.config, outdated(self))

    # --- scenes

    def build_scene(self, scene: SceneConfig) -> Scene:
        """Build one scene."""
        return scene.build(self.config.dataset.class_config, self.tmp_dir)

    def chip_options(self) -> ChipOptions:
        """Return the options of CHIP.

        Raises:
            ConfigError: there are none.
        """
        if self.config.chip_options is None:
            raise ConfigError(
                'chip_options is not set, so CHIP does not know which chips to cut: give '
                'chip_options=..., or train straight from the scenes with a GeoDataConfig.'
            )
        return self.config.chip_options

    def is_hooked(self, *names: str) -> bool:
        """Say whether a subclass brings its own version of one of these methods."""
        return overrides(self, RVPipeline, *names)
