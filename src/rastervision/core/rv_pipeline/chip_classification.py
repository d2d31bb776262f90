"""The chip classification pipeline."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationGeoJSONStoreConfig,
    ChipClassificationLabels,
    LabelStoreConfig,
    Scene,
    SceneConfig,
)
from rastervision.core.evaluation import ChipClassificationEvaluatorConfig, EvaluatorConfig
from rastervision.core.prediction import WindowPlan, WindowScores
from rastervision.core.rv_pipeline.preview import write_preview
from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline
from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig
from rastervision.core.rv_pipeline.window_prediction import finite, window_plan
from rastervision.core.stac_mlm import Task
from rastervision.pipeline.config import register_config


class ChipClassification(RVPipeline):
    """Assigns a class to every cell of a grid over a scene."""

    config: 'ChipClassificationConfig'

    def scene_plan(self, scene: Scene) -> WindowPlan | None:
        """Return the windows of a scene, in parts, if its label store is a GeoJSON file."""
        return window_plan(scene, self.predict_options())

    def labels_of_windows(
        self,
        scene: Scene,
        results: Iterable[WindowScores],
    ) -> ChipClassificationLabels:
        """Give every cell the class with the highest score.

        Cells in which the image has no data are of the null class, if there is one.

        Raises:
            DataError: The model gave scores that are not finite.
        """
        results = list(finite(results, scene.id))
        if not results:
            return ChipClassificationLabels.make_empty()
        scores = np.array([result.scores for result in results], dtype=float)
        nodata = np.array([not result.valid for result in results])
        class_ids = scores.argmax(axis=1)
        classes = self.config.dataset.class_config
        if classes.null_class is not None:
            class_ids[nodata] = classes.null_class_id
            scores[nodata] = np.nan  # they are not about that class
        cells = Box.to_npboxes(result.window for result in results)
        return ChipClassificationLabels.from_arrays(cells, class_ids, scores, nodata)

    def evaluated(self, group: str, scenes: Sequence[Scene]) -> None:
        """Draw image, truth and prediction side by side."""
        uri = self.config.preview_uri(group)
        write_preview(scenes, self.config.dataset.class_config, uri)


@register_config('chip_classification')
class ChipClassificationConfig(RVPipelineConfig):
    """Configure a chip classification pipeline."""

    task: ClassVar[str | None] = 'chip_classification'

    def build(self, tmp_dir: str) -> ChipClassification:
        """Build the pipeline."""
        return ChipClassification(self, tmp_dir)

    def get_default_label_store(self, scene: SceneConfig) -> LabelStoreConfig:  # noqa: ARG002 - interface
        """Return a GeoJSON store."""
        return ChipClassificationGeoJSONStoreConfig()

    def get_default_evaluator(self) -> EvaluatorConfig:
        """Return the evaluator of cells."""
        return ChipClassificationEvaluatorConfig()

    def stac_task(self) -> Task:
        """Name the task as in STAC MLM."""
        return 'scene-classification'
