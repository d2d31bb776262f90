"""The semantic segmentation pipeline."""

import logging
from collections.abc import Generator, Iterable, Sequence
from typing import ClassVar

from pydantic import Field

from rastervision.core.data import (
    LabelStoreConfig,
    Scene,
    SceneConfig,
    SemanticSegmentationLabelStore,
    SemanticSegmentationLabelStoreConfig,
)
from rastervision.core.evaluation import EvaluatorConfig, SemanticSegmentationEvaluatorConfig
from rastervision.core.prediction import Run, ScenePlan, ScoreTile, blend
from rastervision.core.prediction.aoi import with_unseen, within_aoi
from rastervision.core.rv_pipeline.preview import write_preview
from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline
from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig
from rastervision.core.rv_pipeline.semantic_segmentation_options import (
    SemanticSegmentationChipOptions,
    SemanticSegmentationPredictOptions,
)
from rastervision.core.rv_pipeline.upgraders import ss_config_upgrader
from rastervision.core.stac_mlm import Task
from rastervision.core.utils.overrides import overridden_since
from rastervision.pipeline.config import register_config

log = logging.getLogger(__name__)


class SemanticSegmentation(RVPipeline):
    """Assigns a class to every pixel of a scene."""

    config: 'SemanticSegmentationConfig'

    def scene_plan(self, scene: Scene) -> ScenePlan | None:
        """Return the parts of a scene whose label store takes parts."""
        store, options = scene.label_store, self.predict_options()
        if not isinstance(store, SemanticSegmentationLabelStore):
            return None
        if overridden_since(store, 'parts', 'save'):
            return None
        return ScenePlan(
            scene.extent,
            options.chip_sz,
            options.stride or options.chip_sz,
            options.crop_pixels(),
            options.batch_sz,
            num_values=len(self.config.dataset.class_config),
            block_size=store.rasterio_block_size,
            aoi_polygons=options.aoi_polygons(scene),
        )

    def join_windows(
        self, scene: Scene, run: Run, results: Iterable[ScoreTile]
    ) -> Generator[ScoreTile, None, None]:
        """Blend the scores of overlapping windows: no more than some rows are in memory."""
        options = self.predict_options()
        num_classes = len(self.config.dataset.class_config)
        polygons = options.aoi_polygons(scene)
        tiles = with_unseen(results, run.unseen, num_classes) if polygons else results
        crop_sz = options.crop_pixels()
        bands = blend(tiles, scene.extent, num_classes, options.blend, crop_sz, run.box)
        yield from within_aoi(bands, polygons) if polygons else bands

    def predict_options(self) -> SemanticSegmentationPredictOptions:
        """Return the options of PREDICT."""
        return self.config.predict_options or self.config.get_default_predict_options()

    def evaluated(self, group: str, scenes: Sequence[Scene]) -> None:
        """Draw image, truth and prediction side by side."""
        uri = self.config.preview_uri(group)
        write_preview(scenes, self.config.dataset.class_config, uri)
        log.info('Image, truth and prediction side by side: %s', uri)


@register_config('semantic_segmentation', upgrader=ss_config_upgrader)
class SemanticSegmentationConfig(RVPipelineConfig):
    """Configure a semantic segmentation pipeline."""

    task: ClassVar[str | None] = 'semantic_segmentation'

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
