"""The object detection pipeline."""

import logging
from collections.abc import Iterable, Sequence
from typing import ClassVar

from pydantic import Field

from rastervision.core.data import (
    LabelStoreConfig,
    ObjectDetectionGeoJSONStoreConfig,
    ObjectDetectionLabels,
    ObjectDetectionLabelSource,
    Scene,
    SceneConfig,
)
from rastervision.core.evaluation import EvaluatorConfig, ObjectDetectionEvaluatorConfig
from rastervision.core.prediction import WindowBoxes, WindowPlan
from rastervision.core.rv_pipeline.object_detection_options import (
    ObjectDetectionChipOptions,
    ObjectDetectionPredictOptions,
)
from rastervision.core.rv_pipeline.preview import write_preview
from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline
from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig
from rastervision.core.rv_pipeline.window_prediction import finite, window_plan
from rastervision.core.stac_mlm import Task
from rastervision.pipeline.config import register_config

log = logging.getLogger(__name__)


class ObjectDetection(RVPipeline):
    """Finds the boxes around objects in a scene."""

    config: 'ObjectDetectionConfig'

    def build_scene(self, scene: SceneConfig) -> Scene:
        """Build one scene; its windows have the boxes that the chip options say."""
        built = super().build_scene(scene)
        options, source = self.config.chip_options, built.label_source
        if options is not None and isinstance(source, ObjectDetectionLabelSource):
            options.apply_to(source, scene.id)
        return built

    def scene_plan(self, scene: Scene) -> WindowPlan | None:
        """Return the windows of a scene, in parts, if its label store is a GeoJSON file."""
        return window_plan(scene, self.predict_options())

    def labels_of_windows(
        self, scene: Scene, results: Iterable[WindowBoxes]
    ) -> ObjectDetectionLabels:
        """Join the boxes of overlapping windows, so that each object is there once.

        Raises:
            DataError: The model gave boxes or scores that are not finite.
        """
        options = self.predict_options()
        labels = options.merge(finite(results, scene.id), scene.extent)
        aoi = options.aoi_polygons(scene)
        return labels.touching(aoi) if aoi else labels

    def post_process_predictions(
        self,
        labels: ObjectDetectionLabels,  # type: ignore[override]  # those of this task
        scene: Scene,  # noqa: ARG002 - for subclasses
    ) -> ObjectDetectionLabels:
        """Prune the boxes of a backend that predicts whole scenes in its own way."""
        options = self.predict_options()
        return ObjectDetectionLabels.prune_duplicates(
            labels,
            options.score_thresh,
            options.merge_thresh,
            across_classes=options.merge_across_classes,
        )

    def evaluated(self, group: str, scenes: Sequence[Scene]) -> None:
        """Draw image, true and predicted boxes side by side."""
        uri = self.config.preview_uri(group)
        write_preview(scenes, self.config.dataset.class_config, uri)
        log.info('Image, truth and prediction side by side: %s', uri)

    def predict_options(self) -> ObjectDetectionPredictOptions:
        """Return the options of PREDICT."""
        return self.config.predict_options or self.config.get_default_predict_options()


@register_config('object_detection')
class ObjectDetectionConfig(RVPipelineConfig):
    """Configure an object detection pipeline."""

    task: ClassVar[str | None] = 'object_detection'

    chip_options: ObjectDetectionChipOptions | None = Field(None, description='Options of CHIP.')
    predict_options: ObjectDetectionPredictOptions | None = Field(
        None, description='Options of PREDICT.'
    )

    def build(self, tmp_dir: str) -> ObjectDetection:
        """Build the pipeline."""
        return ObjectDetection(self, tmp_dir)

    def get_default_label_store(self, scene: SceneConfig) -> LabelStoreConfig:  # noqa: ARG002 - interface
        """Return a GeoJSON store."""
        return ObjectDetectionGeoJSONStoreConfig()

    def get_default_evaluator(self) -> EvaluatorConfig:
        """Return the evaluator of boxes."""
        return ObjectDetectionEvaluatorConfig()

    def get_default_predict_options(self) -> ObjectDetectionPredictOptions:
        """Return the options of a pipeline that gives none."""
        return ObjectDetectionPredictOptions()

    def stac_task(self) -> Task:
        """Name the task as in STAC MLM."""
        return 'object-detection'
