"""The chip regression pipeline."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipRegressionGeoJSONStoreConfig,
    ChipRegressionLabels,
    LabelStoreConfig,
    Scene,
    SceneConfig,
)
from rastervision.core.data.label.chip_regression_labels import NODATA
from rastervision.core.evaluation import ChipRegressionEvaluatorConfig, EvaluatorConfig
from rastervision.core.prediction import WindowPlan, WindowScores
from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline
from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig
from rastervision.core.rv_pipeline.value_preview import write_value_preview
from rastervision.core.rv_pipeline.window_prediction import finite, window_plan
from rastervision.core.stac_mlm import Task
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError


class ChipRegression(RVPipeline):
    """Predicts values for every cell of a grid over a scene."""

    config: 'ChipRegressionConfig'

    def scene_plan(self, scene: Scene) -> WindowPlan | None:
        """Return the windows of a scene, in parts, if its label store is a GeoJSON file."""
        return window_plan(scene, self.predict_options())

    def labels_of_windows(
        self,
        scene: Scene,
        results: Iterable[WindowScores],
    ) -> ChipRegressionLabels:
        """Give every cell its values; none where the image has no data.

        Raises:
            DataError: The model gave values that are not finite.
        """
        results = list(finite(results, scene.id))
        if not results:
            return ChipRegressionLabels.make_empty(len(self.config.dataset.class_config))
        values = np.array([result.scores for result in results], dtype=np.float32)
        nodata = np.array([not result.valid for result in results])
        values[nodata] = np.nan
        cells = Box.to_npboxes(result.window for result in results)
        return ChipRegressionLabels(cells, values, nodata)

    def evaluated(self, group: str, scenes: Sequence[Scene]) -> None:
        """Draw image, true and predicted values side by side."""
        uri = self.config.preview_uri(group)
        write_value_preview(scenes, self.config.dataset.class_config.names, uri)


@register_config('chip_regression')
class ChipRegressionConfig(RVPipelineConfig):
    """Configure a chip regression pipeline; the class names are those of the targets."""

    task: ClassVar[str | None] = 'chip_regression'

    def validate_config(self) -> None:
        """Raise ConfigError if a target has the name of a property that means something else."""
        super().validate_config()
        if NODATA in self.dataset.class_config.names:
            raise ConfigError(
                f'No target can be called {NODATA!r}: this is the property of cells in which the '
                'image has no data. Rename it in class_config.names and in the label files.'
            )

    def build(self, tmp_dir: str) -> ChipRegression:
        """Build the pipeline."""
        return ChipRegression(self, tmp_dir)

    def get_default_label_store(self, scene: SceneConfig) -> LabelStoreConfig:  # noqa: ARG002 - interface
        """Return a GeoJSON store."""
        return ChipRegressionGeoJSONStoreConfig()

    def get_default_evaluator(self) -> EvaluatorConfig:
        """Return the evaluator of values."""
        return ChipRegressionEvaluatorConfig()

    def stac_task(self) -> Task:
        """Name the task as in STAC MLM."""
        return 'regression'
