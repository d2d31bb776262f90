"""SemanticSegmentationEvaluator: scores class maps of scenes, window by window (C+E)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.label_source import SemanticSegmentationLabelSource
from rastervision.core.data.label_store import SemanticSegmentationLabelStore
from rastervision.core.data.scene import Scene
from rastervision.core.data.utils.aoi import AOIMask
from rastervision.core.evaluation import confusion as cm
from rastervision.core.evaluation.classification_evaluator import (
    ClassificationEvaluator,
    ClassificationEvaluatorConfig,
    both_labels,
)
from rastervision.core.evaluation.evaluator import SceneGroup
from rastervision.core.evaluation.semantic_segmentation_evaluation import (
    SemanticSegmentationEvaluation,
)
from rastervision.pipeline.config import register_config

WINDOW_SIZE = 2048


class SemanticSegmentationEvaluator(ClassificationEvaluator):
    """Compares predicted class maps to the ground truth, pixel by pixel.

    Left out are pixels outside of the areas of interest, those that the image has no data for and
    those that a label raster calls nodata; and, if the null class stands for missing data (is
    called "null"), those that are null in the ground truth.
    """

    def create_evaluation(self) -> SemanticSegmentationEvaluation:
        return SemanticSegmentationEvaluation(self.class_config)

    def evaluate_scene(self, scene: Scene) -> SemanticSegmentationEvaluation:
        if not _has_class_maps(scene):
            return super().evaluate_scene(scene)  # type: ignore[return-value]  # made by create_evaluation
        return self._evaluation(self._confusions(scene, self._windows(scene)))

    def work_units(self, scene: Scene) -> list[int]:
        return [window.area for window in self._windows(scene)]

    def process_units(self, scene: Scene, units: slice) -> Any:
        """Return the (C, C) confusion matrix of some windows."""
        confusions: Iterable[cm.Confusion]
        if _has_class_maps(scene):
            confusions = self._confusions(scene, self._windows(scene)[units])
        elif units.start == 0:  # labels of another kind are counted whole, by whom they begin with
            whole = self.evaluate_scene(scene).conf_mat
            confusions = [] if whole is None else [whole]
        else:
            confusions = []
        return cm.sum_confusions(confusions, len(self.class_config)).tolist()

    def join_units(self, scenes: Sequence[Scene], results: Mapping[str, Sequence[Any]]) -> None:  # noqa: ARG002 - interface
        self.save_scenes(
            (id_, self._evaluation(np.array(part, dtype=np.int64) for part in parts))
            for id_, parts in results.items()
        )

    def _evaluation(self, confusions: Iterable[cm.Confusion]) -> SemanticSegmentationEvaluation:
        evaluation = self.create_evaluation()
        evaluation.set_confusion(cm.sum_confusions(confusions, len(self.class_config)))
        return evaluation

    def _windows(self, scene: Scene) -> list[Box]:
        windows = scene.extent.get_windows(WINDOW_SIZE, WINDOW_SIZE)
        return [window.intersection(scene.extent) for window in windows]

    def _confusions(self, scene: Scene, windows: Iterable[Box]) -> Iterator[cm.Confusion]:
        label_source, label_store = both_labels(scene)
        polygons = scene.aoi_polygons_bbox_coords
        mask = AOIMask(polygons) if polygons else None
        for window in windows:
            keep = None if mask is None else mask(window)
            if keep is not None and not keep.any():
                continue
            truth = label_source.get_label_arr(window)
            predicted = label_store.get_label_arr(window)
            known = self._known(scene, window, truth, predicted)
            if not known.all():
                keep = known if keep is None else known & keep
            yield cm.confusion_matrix(truth, predicted, len(self.class_config), keep)

    def _known(
        self, scene: Scene, window: Box, truth: NDArray[Any], predicted: NDArray[Any]
    ) -> NDArray[np.bool_]:
        """(h, w) mask of the pixels that have both a label and data."""
        classes, image = self.class_config, scene.raster_source
        source: SemanticSegmentationLabelSource = both_labels(scene)[0]
        known = source.has_label(window)
        if classes.null_is_nodata:
            known &= truth != classes.null_class_id
        if image.may_have_gaps:
            # null is predicted where there is no data; the image says whether that is the reason
            has_null = classes.null_class is not None
            if not has_null or (known & (predicted == classes.null_class_id)).any():
                known &= image.read(window).ground
        return known


def _has_class_maps(scene: Scene) -> bool:
    label_source, label_store = both_labels(scene)
    return isinstance(label_source, SemanticSegmentationLabelSource) and isinstance(
        label_store, SemanticSegmentationLabelStore
    )


def ss_evaluator_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift an evaluator config written by an older release."""
    if version == 2:
        cfg_dict.pop('vector_output_uri', None)
    return cfg_dict


@register_config('semantic_segmentation_evaluator', upgrader=ss_evaluator_config_upgrader)
class SemanticSegmentationEvaluatorConfig(ClassificationEvaluatorConfig):
    """How class maps are scored: pixel by pixel, per class, together and for each scene."""

    def build(
        self, class_config: ClassConfig, scene_group: SceneGroup | None = None
    ) -> SemanticSegmentationEvaluator:
        return SemanticSegmentationEvaluator(class_config, self.get_output_uri(scene_group))
