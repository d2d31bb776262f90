"""The semantic segmentation pipeline."""

import logging

from pydantic import Field

from rastervision.core.data import (
    LabelStoreConfig,
    Scene,
    SceneConfig,
    SemanticSegmentationLabelStore,
    SemanticSegmentationLabelStoreConfig,
)
from rastervision.core.evaluation import EvaluatorConfig, SemanticSegmentationEvaluatorConfig
from rastervision.core.prediction import ScenePlan, blend
from rastervision.core.rv_pipeline import layout
from rastervision.core.rv_pipeline.preview import write_preview
from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline, overrides
from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig
from rastervision.core.rv_pipeline.semantic_segmentation_options import (
    SemanticSegmentationChipOptions,
    SemanticSegmentationPredictOptions,
)
from rastervision.core.rv_pipeline.upgraders import ss_config_upgrader
from rastervision.core.stac_mlm import Task
from rastervision.pipeline.config import register_config
from rastervision.pipeline.progress import progress

log = logging.getLogger(__name__)


class SemanticSegmentation(RVPipeline):
    """Assigns a class to every pixel of a scene."""

    config: 'SemanticSegmentationConfig'

    def predict_to_store(self, scene: Scene) -> None:
        """Predict a scene and write it as it comes: no more than some rows are in memory.

        A subclass that changes whole predictions, a backend without a stream of scores or a
        label store without a writer make it go through memory.
        """
        store = scene.label_store
        options = self.config.predict_options or self.config.get_default_predict_options()
        num_classes, crop_sz = len(self.config.dataset.class_config), options.crop_pixels()
        plan = ScenePlan(
            scene.extent,
            options.chip_sz,
            options.stride or options.chip_sz,
            crop_sz,
            options.batch_sz,
            num_classes,
            block_size=512,
            budget=2**60,
        )
        (run,) = plan.runs(plan.parts)
        tiles = None
        if not overrides(self, RVPipeline, 'predict_scene', 'post_process_predictions'):
            tiles = self.ready_backend().predict_windows(scene, run.windows, options)
        if tiles is None or not isinstance(store, SemanticSegmentationLabelStore):
            super().predict_to_store(scene)
            return
        bands = blend(tiles, scene.extent, num_classes, options.blend, crop_sz)
        with (
            store.writer() as out,
            progress(scene.extent.height, f'Predicting {scene.id} (rows)') as advance,
        ):
            for band in bands:
                out.write(band)
                advance(band.box.height)

    def evaluated(self, group: str, scenes: list[Scene]) -> None:
        """Draw image, truth and prediction side by side."""
        uri = layout.preview_uri(self.config.stage_uri('eval'), group)
        write_preview(scenes, self.config.dataset.class_config, uri)
        log.info('Image, truth and prediction side by side: %s', uri)


@register_config('semantic_segmentation', upgrader=ss_config_upgrader)
class SemanticSegmentationConfig(RVPipelineConfig):
    """Configure a semantic segmentation pipeline."""

    chip_options: SemanticSegmentationChipOptions | None = Field(
        None, description='Options of CHIP.'
    )
    predict_options: SemanticSegmentationPredictOptions | None = Field(
        None, description='Options of PREDICT.'
    )

    def update(self) -> None:
        """Fill defaults; a class for pixels without label is added where there is none."""
        self.dataset.class_config.ensure_null_class()
        super().update()

    def build(self, tmp_dir: str) -> SemanticSegmentation:
        """Build the pipeline."""
        return SemanticSegmentation(self, tmp_dir)

    def get_default_label_store(self, scene: SceneConfig) -> LabelStoreConfig:  # noqa: ARG002 - interface
        """Return a GeoTIFF store."""
        return SemanticSegmentationLabelStoreConfig()

    def get_default_evaluator(self) -> EvaluatorConfig:
        """Return the pixel-wise evaluator."""
        return SemanticSegmentationEvaluatorConfig()

    def get_default_predict_options(self) -> SemanticSegmentationPredictOptions:
        """Return the options of a pipeline that gives none."""
        return SemanticSegmentationPredictOptions()

    def stac_task(self) -> Task:
        """Name the task as in STAC MLM."""
        return 'semantic-segmentation'
