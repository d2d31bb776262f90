"""ChipClassificationEvaluator: scores the classes of cells (C+E)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.scene import Scene
from rastervision.core.evaluation.chip_classification_evaluation import (
    ChipClassificationEvaluation,
)
from rastervision.core.evaluation.classification_evaluator import (
    ClassificationEvaluator,
    ClassificationEvaluatorConfig,
)
from rastervision.core.evaluation.evaluator import SceneGroup
from rastervision.core.utils.overrides import overridden_since
from rastervision.pipeline.config import register_config


class ChipClassificationEvaluator(ClassificationEvaluator):
    """Compares predicted classes of cells to the ground truth."""

    def create_evaluation(self) -> ChipClassificationEvaluation:
        return ChipClassificationEvaluation(self.class_config)

    def is_shareable(self) -> bool:
        whole = ('process', 'evaluate_scene', 'evaluate_predictions')
        return not overridden_since(self, 'process_units', *whole)

    def work_units(self, scene: Scene) -> list[int]:
        """Return the size of the scene: it is a single unit."""
        return [scene.extent.area]

    def process_units(self, scene: Scene, units: slice) -> Any:  # noqa: ARG002 - there is but one
        """Return the (C, C) confusion matrix of the scene."""
        confusion = self.evaluate_scene(scene).conf_mat
        return np.asarray(confusion).tolist()

    def join_units(self, scenes: Sequence[Scene], results: Mapping[str, Sequence[Any]]) -> None:  # noqa: ARG002 - interface
        self.save_scenes((id_, self._evaluation(parts[0])) for id_, parts in results.items())

    def _evaluation(self, confusion: Sequence[Sequence[int]]) -> ChipClassificationEvaluation:
        evaluation = self.create_evaluation()
        evaluation.set_confusion(np.array(confusion, dtype=np.int64))
        return evaluation


@register_config('chip_classification_evaluator')
class ChipClassificationEvaluatorConfig(ClassificationEvaluatorConfig):
    """How the classes of cells are scored: per class, together and for each scene."""

    def build(
        self, class_config: ClassConfig, scene_group: SceneGroup | None = None
    ) -> ChipClassificationEvaluator:
        return ChipClassificationEvaluator(class_config, self.get_output_uri(scene_group))
