"""ChipClassificationEvaluator: scores the classes of cells (C+E)."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.label import ChipClassificationLabels
from rastervision.core.data.label_source import ChipClassificationLabelSource
from rastervision.core.data.scene import Scene
from rastervision.core.evaluation.chip_classification_evaluation import (
    ChipClassificationEvaluation,
)
from rastervision.core.evaluation.classification_evaluation import ClassificationEvaluation
from rastervision.core.evaluation.classification_evaluator import (
    ClassificationEvaluator,
    ClassificationEvaluatorConfig,
    both_labels,
)
from rastervision.core.evaluation.evaluator import SceneGroup
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import DataError

log = logging.getLogger(__name__)


class ChipClassificationEvaluator(ClassificationEvaluator):
    """Compares predicted classes of cells to the ground truth."""

    def create_evaluation(self) -> ChipClassificationEvaluation:
        return ChipClassificationEvaluation(self.class_config)

    def evaluate_scene(self, scene: Scene) -> ClassificationEvaluation:
        """Score the predicted cells of a scene.

        Those within its areas of interest count, and which the label source has a class for. If it
        infers classes from polygons (infer_cells), it has one for any cell. A true cell at the edge
        of the image may be cut off there.

        Raises:
            DataError: There are true and predicted cells, but they are other ones.
        """
        source, store = both_labels(scene)
        predicted = self._of_interest(store.get_labels(), scene)
        if isinstance(source, ChipClassificationLabelSource) and source.cfg.infer_cells:
            truth = source.infer_cells(predicted.cells)
        else:
            known = self._of_interest(source.get_labels(), scene)
            truth = source.get_labels().at(predicted.cells, scene.extent)
            _check_match(known, predicted, len(truth), scene.id)
        return self.evaluate_predictions(truth, predicted)

    def _of_interest(
        self, labels: ChipClassificationLabels, scene: Scene
    ) -> ChipClassificationLabels:
        aoi = scene.aoi_polygons_bbox_coords
        return labels.filter_by_aoi(aoi, scene.extent) if aoi else labels

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


def _check_match(
    known: ChipClassificationLabels,
    predicted: ChipClassificationLabels,
    num_matches: int,
    scene_id: str,
) -> None:
    """Warn if there are true cells that were not predicted; DataError if that is so for all."""
    if len(known) and len(predicted) and not num_matches:
        raise DataError(
            f'Scene {scene_id!r} cannot be scored: none of its {len(known)} true cells '
            f'({_usual_size(known)} pixels) is one of its {len(predicted)} predicted cells '
            f'({_usual_size(predicted)} pixels). Choose chip_sz and stride of predict_options so '
            'that the windows are the cells of the label source; or let it infer the classes of '
            'any cells from polygons (infer_cells, background_class_id).'
        )
    if num_matches < len(known):
        log.warning(
            'Scene %r: only %d of %d true cells were predicted; the others do not count.',
            scene_id,
            num_matches,
            len(known),
        )


def _usual_size(labels: ChipClassificationLabels) -> str:
    sizes, counts = np.unique(labels.cells[:, 2:] - labels.cells[:, :2], axis=0, return_counts=True)
    height, width = sizes[counts.argmax()]
    return f'{height} x {width}'


@register_config('chip_classification_evaluator')
class ChipClassificationEvaluatorConfig(ClassificationEvaluatorConfig):
    """How the classes of cells are scored: per class, together and for each scene."""

    def build(
        self, class_config: ClassConfig, scene_group: SceneGroup | None = None
    ) -> ChipClassificationEvaluator:
        return ChipClassificationEvaluator(class_config, self.get_output_uri(scene_group))
