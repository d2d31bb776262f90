"""Chip regression with PyTorch (C+E)."""

import csv
import io
import math
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.data import ChipRegressionLabels, Scene
from rastervision.core.data_sample import DataSample
from rastervision.core.prediction.window_results import WindowScores
from rastervision.core.rv_pipeline import RVPipelineConfig
from rastervision.pipeline.config import register_config
from rastervision.pytorch_backend.pytorch_learner_backend import (
    PyTorchLearnerBackend,
    PyTorchLearnerBackendConfig,
)
from rastervision.pytorch_backend.sample_writer import ListedSampleWriter
from rastervision.pytorch_learner.regression_learner_config import (
    RegressionLearnerConfig,
    RegressionModelConfig,
)

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline import PredictOptions


class PyTorchChipRegressionSampleWriter(ListedSampleWriter):
    """Writes chips to ``<split>/img`` and their values to ``<split>/labels.csv``."""

    list_name = 'labels.csv'

    def get_entry(self, sample: DataSample) -> list[float | None]:
        """Return the values (K,) of a sample; None for one that is not known."""
        values = () if sample.label is None else sample.label
        return [None if math.isnan(value) else float(value) for value in values]

    def make_list(self, entries: Sequence[tuple[str, Any]]) -> str:
        """Return a table of file names and values; nothing stands for a value not known."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator='\n')
        writer.writerow(['filename', *self.class_config.names])
        writer.writerows([name, *values] for name, values in entries)
        return text.getvalue()


class PyTorchChipRegression(PyTorchLearnerBackend):
    """Chip regression with PyTorch."""

    def sample_writer(self, output_uri: str) -> PyTorchChipRegressionSampleWriter:
        """Return a writer for chips and values."""
        return PyTorchChipRegressionSampleWriter(
            output_uri, self.pipeline_cfg.dataset.class_config, self.tmp_dir
        )

    def predict_scene(
        self, scene: Scene, predict_options: 'PredictOptions'
    ) -> ChipRegressionLabels:
        """Return the predictions for a whole scene."""
        from rastervision.pytorch_learner.utils.prediction import predict_scene_cr

        learner: Any = self.ready_learner()
        return predict_scene_cr(learner, scene, predict_options)

    def predict_windows(
        self, scene: Scene, windows: Sequence[Box], predict_options: 'PredictOptions'
    ) -> Generator[WindowScores, None, None]:
        """Return the values of the windows as they come."""
        from rastervision.pytorch_learner.inference.cells import predict_windows

        return predict_windows(self.ready_learner(), scene, windows, predict_options)


@register_config('pytorch_chip_regression_backend')
class PyTorchChipRegressionConfig(PyTorchLearnerBackendConfig):
    """Train and predict chip regression with PyTorch."""

    task: ClassVar[str | None] = 'chip_regression'

    model: RegressionModelConfig = Field(..., description='The network.')

    def get_learner_config(self, pipeline: RVPipelineConfig) -> RegressionLearnerConfig:
        """Return the config of the learner that does the work."""
        return self.fill_learner_config(RegressionLearnerConfig, pipeline)

    def build(self, pipeline: RVPipelineConfig, tmp_dir: str) -> PyTorchChipRegression:
        """Build the backend."""
        return PyTorchChipRegression(pipeline, self.get_learner_config(pipeline), tmp_dir)

    def architecture_name(self) -> str:
        """Name the network for people."""
        if self.model.external_def is None and self.model.encoder is not None:
            return self.model.encoder
        return super().architecture_name()
