"""ObjectDetectionEvaluator: scores the boxes of scenes (C+E)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

import numpy as np
from pydantic import Field

from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.label import ObjectDetectionLabels
from rastervision.core.data.scene import Scene
from rastervision.core.evaluation.classification_evaluator import (
    ClassificationEvaluator,
    ClassificationEvaluatorConfig,
    both_labels,
)
from rastervision.core.evaluation.evaluator import SceneGroup
from rastervision.core.evaluation.image_data import has_data
from rastervision.core.evaluation.matching import MatchedDetections
from rastervision.core.evaluation.object_detection_evaluation import ObjectDetectionEvaluation
from rastervision.pipeline.config import register_config


class ObjectDetectionEvaluator(ClassificationEvaluator):
    """Compares predicted boxes to the ground truth.

    Left out are boxes in which no pixel of the image has data; and, with areas of interest, those
    that are not within one of them.
    """

    def __init__(
        self, class_config: ClassConfig, output_uri: str | None = None, iou_thresh: float = 0.5
    ) -> None:
        """Constructor.

        Args:
            class_config: the classes.
            output_uri: JSON file for the scores; None when `process` is not used.
            iou_thresh: intersection over union above which a prediction is right.
        """
        super().__init__(class_config, output_uri)
        self.iou_thresh = iou_thresh

    def create_evaluation(self) -> ObjectDetectionEvaluation:
        return ObjectDetectionEvaluation(self.class_config, self.iou_thresh)

    def evaluate_scene(self, scene: Scene) -> ObjectDetectionEvaluation:
        truth, predicted = (_counted(part.get_labels(), scene) for part in both_labels(scene))
        return cast('ObjectDetectionEvaluation', self.evaluate_predictions(truth, predicted))

    def process_units(self, scene: Scene, units: slice) -> Any:  # noqa: ARG002 - there is but one
        """Return what the scores of the scene follow from."""
        evaluation = self.evaluate_scene(scene)
        items = evaluation.class_to_eval_item
        counts = [[item.true_pos, item.false_pos, item.false_neg] for item in items.values()]
        columns = asdict(evaluation.detections)
        return {'counts': counts, **{name: values.tolist() for name, values in columns.items()}}

    def join_units(self, scenes: Sequence[Scene], results: Mapping[str, Sequence[Any]]) -> None:  # noqa: ARG002 - interface
        self.save_scenes((id_, self._evaluation(parts[0])) for id_, parts in results.items())

    def _evaluation(self, columns: dict[str, Any]) -> ObjectDetectionEvaluation:
        tp, fp, fn = np.array(columns.pop('counts'), dtype=np.int64).T
        scores = np.array(columns.pop('scores'), dtype=np.float64)
        others = {name: np.array(values, dtype=np.int64) for name, values in columns.items()}
        evaluation = self.create_evaluation()
        evaluation.set_matches((tp, fp, fn), MatchedDetections(scores=scores, **others))
        return evaluation


def _counted(labels: ObjectDetectionLabels, scene: Scene) -> ObjectDetectionLabels:
    """Those of some boxes that are of interest and that the image has data for."""
    if scene.aoi_polygons_bbox_coords:
        labels = labels.filter_by_aoi(scene.aoi_polygons_bbox_coords)
    return labels.take(has_data(scene.raster_source, labels.get_npboxes()))


@register_config('object_detection_evaluator')
class ObjectDetectionEvaluatorConfig(ClassificationEvaluatorConfig):
    """How boxes are scored: per class, together and for each scene.

    Precision, recall and F1 are those at one threshold; average precision is that of COCO.
    """

    iou_thresh: float = Field(
        0.5,
        ge=0,
        le=1,
        description='Intersection over union with a true box of its class above which a predicted '
        'box is right, for precision, recall and F1.',
    )

    def build(
        self, class_config: ClassConfig, scene_group: SceneGroup | None = None
    ) -> ObjectDetectionEvaluator:
        output_uri = self.get_output_uri(scene_group)
        return ObjectDetectionEvaluator(class_config, output_uri, self.iou_thresh)
