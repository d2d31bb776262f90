"""ClassificationEvaluator: scores labels that have classes (C+E)."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.scene import Scene
from rastervision.core.evaluation.classification_evaluation import ClassificationEvaluation
from rastervision.core.evaluation.evaluator import Evaluator, EvaluatorConfig
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError


class ClassificationEvaluator(Evaluator):
    """Scores labels class by class, scene by scene."""

    def __init__(self, class_config: ClassConfig, output_uri: str | None = None) -> None:
        """Constructor.

        Args:
            class_config: the classes.
            output_uri: JSON file for the scores; None when `process` is not used.
        """
        self.class_config = class_config
        self.output_uri = output_uri

    @abstractmethod
    def create_evaluation(self) -> ClassificationEvaluation:
        """An evaluation of nothing yet."""

    def process(self, scenes: Iterable[Scene], tmp_dir: str | None = None) -> None:  # noqa: ARG002 - for subclasses
        """Score all scenes, together and each, and write the result.

        Raises:
            ConfigError: there is no output_uri, or a scene has no ground truth or predictions.
            NotReadableError: a scene was not predicted.
        """
        self.save_scenes((scene.id, self.evaluate_scene(scene)) for scene in scenes)

    def save_scenes(self, evaluations: Iterable[tuple[str, ClassificationEvaluation]]) -> None:
        """Write the scores of scenes (id, scores), together and each.

        Raises:
            ConfigError: there is no output_uri.
        """
        if self.output_uri is None:
            raise ConfigError('The evaluator has no output_uri to write scores to.')
        total = self.create_evaluation()
        total.merge_all(evaluations)
        total.save(self.output_uri)

    def evaluate_scene(self, scene: Scene) -> ClassificationEvaluation:
        label_source, label_store = both_labels(scene)
        truth, predicted = label_source.get_labels(), label_store.get_labels()
        if scene.aoi_polygons_bbox_coords:
            truth = truth.filter_by_aoi(scene.aoi_polygons_bbox_coords)
            predicted = predicted.filter_by_aoi(scene.aoi_polygons_bbox_coords)
        return self.evaluate_predictions(truth, predicted)

    def evaluate_predictions(self, ground_truth: Any, predictions: Any) -> ClassificationEvaluation:
        evaluation = self.create_evaluation()
        evaluation.compute(ground_truth, predictions)
        return evaluation


def both_labels(scene: Scene) -> tuple[Any, Any]:
    """Label source and label store of a scene.

    Raises:
        ConfigError: it lacks one of them.
    """
    for part in ('label_source', 'label_store'):
        if getattr(scene, part) is None:
            raise ConfigError(f'Scene {scene.id!r} has no {part}, so it cannot be evaluated.')
    return scene.label_source, scene.label_store


@register_config('classification_evaluator')
class ClassificationEvaluatorConfig(EvaluatorConfig):
    """How predictions of labels that have classes are scored."""
