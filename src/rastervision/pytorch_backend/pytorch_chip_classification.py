"""Chip classification with PyTorch (C+E)."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.data import ChipClassificationLabels, Scene
from rastervision.core.data_sample import DataSample
from rastervision.core.prediction.window_results import WindowScores
from rastervision.core.rv_pipeline import RVPipelineConfig
from rastervision.pipeline.config import register_config
from rastervision.pytorch_backend.pytorch_learner_backend import (
    PyTorchLearnerBackend,
    PyTorchLearnerBackendConfig,
)
from rastervision.pytorch_backend.sample_writer import PyTorchLearnerSampleWriter
from rastervision.pytorch_backend.upgraders import clf_learner_backend_config_upgrader
from rastervision.pytorch_learner.classification_learner_config import (
    ClassificationLearnerConfig,
    ClassificationModelConfig,
)
from rastervision.pytorch_learner.dataset.utils import class_folder

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline import PredictOptions


class PyTorchChipClassificationSampleWriter(PyTorchLearnerSampleWriter):
    """Writes chips to ``<split>/<class name>``."""

    def get_image_path(self, sample: DataSample) -> str:
        """Return where in the zip file the chip of a sample goes; its label is a class id."""
        class_id: Any = sample.label
        name = self.class_config.get_name(int(class_id))
        return self.sample_path(sample, class_folder(name), sample.chip)


class PyTorchChipClassification(PyTorchLearnerBackend):
    """Chip classification with PyTorch."""

    def sample_writer(self, output_uri: str) -> PyTorchChipClassificationSampleWriter:
        """Return a writer for chips by class."""
        return PyTorchChipClassificationSampleWriter(
            output_uri, self.pipeline_cfg.dataset.class_config, self.tmp_dir
        )

    def predict_scene(
        self, scene: Scene, predict_options: 'PredictOptions'
    ) -> ChipClassificationLabels:
        """Return the predictions for a whole scene."""
        from rastervision.pytorch_learner.utils.prediction import predict_scene_cc

        learner: Any = self.ready_learner()
        return predict_scene_cc(learner, scene, predict_options)

    def predict_windows(
        self, scene: Scene, windows: Sequence[Box], predict_options: 'PredictOptions'
    ) -> Generator[WindowScores, None, None]:
        """Return the scores of the windows as they come."""
        from rastervision.pytorch_learner.inference.cells import predict_windows

        return predict_windows(self.ready_learner(), scene, windows, predict_options)


@register_config(
    'pytorch_chip_classification_backend', upgrader=clf_learner_backend_config_upgrader
)
class PyTorchChipClassificationConfig(PyTorchLearnerBackendConfig):
    """Train and predict chip classification with PyTorch."""

    task: ClassVar[str | None] = 'chip_classification'

    model: ClassificationModelConfig = Field(..., description='The network.')

    def get_learner_config(self, pipeline: RVPipelineConfig) -> ClassificationLearnerConfig:
        """Return the config of the learner that does the work."""
        return self.fill_learner_config(ClassificationLearnerConfig, pipeline)

    def build(self, pipeline: RVPipelineConfig, tmp_dir: str) -> PyTorchChipClassification:
        """Build the backend."""
        return PyTorchChipClassification(pipeline, self.get_learner_config(pipeline), tmp_dir)

    def architecture_name(self) -> str:
        """Name the network for people."""
        if self.model.external_def is None and self.model.encoder is not None:
            return self.model.encoder
        return super().architecture_name()
