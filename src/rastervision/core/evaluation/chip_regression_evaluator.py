"""ChipRegressionEvaluator: scores the values of cells (C+E)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.scene import Scene
from rastervision.core.evaluation.chip_regression_evaluation import ChipRegressionEvaluation
from rastervision.core.evaluation.classification_evaluator import both_labels
from rastervision.core.evaluation.evaluator import Evaluator, EvaluatorConfig, SceneGroup
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError


class ChipRegressionEvaluator(Evaluator):
    """Compares predicted values of cells to those of the label source in the same cells.

    Left out are values that are not known, and cells that the image has no data for.
    """

    def __init__(self, class_config: ClassConfig, output_uri: str | None = None) -> None:
        """Constructor.

        Args:
            class_config: Its names are those of the targets.
            output_uri: JSON file for the scores; None when `process` is not used.
        """
        self.class_config = class_config
        self.output_uri = output_uri

    def create_evaluation(self) -> ChipRegressionEvaluation:
        """Return an evaluation of nothing yet."""
        return ChipRegressionEvaluation(self.class_config.names)

    def process(self, scenes: Iterable[Scene], tmp_dir: str | None = None) -> None:  # noqa: ARG002 - interface
        """Score all scenes, together and each, and write the result.

        Raises:
            ConfigError: There is no output_uri, or a scene has no ground truth or predictions.
            NotReadableError: A scene was not predicted.
        """
        self._save((scene.id, self.evaluate_scene(scene)) for scene in scenes)

    def evaluate_scene(self, scene: Scene) -> ChipRegressionEvaluation:
        label_source, label_store = both_labels(scene)
        predicted = label_store.get_labels()
        predicted = predicted.take(~predicted.nodata)
        if scene.aoi_polygons_bbox_coords:
            predicted = predicted.filter_by_aoi(scene.aoi_polygons_bbox_coords, scene.extent)
        return self.evaluate_predictions(label_source.values_at(predicted.cells), predicted.values)

    def evaluate_predictions(self, ground_truth: Any, predictions: Any) -> ChipRegressionEvaluation:
        """Score (N, K) predicted values against (N, K) true ones."""
        evaluation = self.create_evaluation()
        evaluation.compute(ground_truth, predictions)
        return evaluation

    def process_units(self, scene: Scene, units: slice) -> Any:  # noqa: ARG002 - there is but one
        """Return the sums that scores follow from."""
        return self.evaluate_scene(scene).sums.tolist()

    def join_units(self, scenes: Sequence[Scene], results: Mapping[str, Sequence[Any]]) -> None:  # noqa: ARG002 - interface
        self._save((id_, self._evaluation(parts[0])) for id_, parts in results.items())

    def _evaluation(self, sums: Sequence[Sequence[float]]) -> ChipRegressionEvaluation:
        evaluation = self.create_evaluation()
        evaluation.sums = np.array(sums)
        return evaluation

    def _save(self, evaluations: Iterable[tuple[str, ChipRegressionEvaluation]]) -> None:
        if self.output_uri is None:
            raise ConfigError('The evaluator has no output_uri to write scores to.')
        total = self.create_evaluation()
        for scene_id, evaluation in evaluations:
            total.merge(evaluation, scene_id=scene_id)
        total.save(self.output_uri)


@register_config('chip_regression_evaluator')
class ChipRegressionEvaluatorConfig(EvaluatorConfig):
    """How the values of cells are scored: per target, together and for each scene."""

    def build(
        self, class_config: ClassConfig, scene_group: SceneGroup | None = None
    ) -> ChipRegressionEvaluator:
        return ChipRegressionEvaluator(class_config, self.get_output_uri(scene_group))
