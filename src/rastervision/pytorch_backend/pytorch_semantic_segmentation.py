"""Semantic segmentation with PyTorch (C+E)."""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.data import Scene, SemanticSegmentationLabels
from rastervision.core.data_sample import DataSample
from rastervision.core.prediction import ScoreTile
from rastervision.core.rv_pipeline import RVPipelineConfig
from rastervision.pipeline.config import register_config
from rastervision.pytorch_backend.pytorch_learner_backend import (
    PyTorchLearnerBackend,
    PyTorchLearnerBackendConfig,
)
from rastervision.pytorch_backend.sample_writer import PyTorchLearnerSampleWriter
from rastervision.pytorch_backend.upgraders import ss_learner_backend_config_upgrader
from rastervision.pytorch_learner.semantic_segmentation_learner_config import (
    SemanticSegmentationLearnerConfig,
    SemanticSegmentationModelConfig,
)

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline import PredictOptions


class PyTorchSemanticSegmentationSampleWriter(PyTorchLearnerSampleWriter):
    """Writes chips to ``<split>/img`` and their class ids to ``<split>/labels``."""

    def write_sample(self, sample: DataSample) -> None:
        """Write a sample whose label is (H, W) class ids."""
        super().write_sample(sample)
        label = np.asarray(sample.label)
        self.write_chip(label, self.get_label_path(sample, label))

    def get_label_path(self, sample: DataSample, label_arr: NDArray[Any]) -> str:
        """Return where in the zip file the label of a sample goes."""
        return self.sample_path(sample, 'labels', label_arr)


class PyTorchSemanticSegmentation(PyTorchLearnerBackend):
    """Semantic segmentation with PyTorch."""

    def sample_writer(self, output_uri: str) -> PyTorchSemanticSegmentationSampleWriter:
        """Return a writer for chips and labels."""
        return PyTorchSemanticSegmentationSampleWriter(
            output_uri, self.pipeline_cfg.dataset.class_config, self.tmp_dir
        )

    def predict_scene(
        self, scene: Scene, predict_options: 'PredictOptions'
    ) -> SemanticSegmentationLabels:
        """Return the predictions for a whole scene, held in memory."""
        from rastervision.pytorch_learner.utils.prediction import predict_scene_ss

        learner: Any = self.ready_learner()
        options: Any = predict_options
        return predict_scene_ss(learner, scene, options)

    def predict_windows(
        self, scene: Scene, windows: Sequence[Box], predict_options: 'PredictOptions'
    ) -> Generator[ScoreTile, None, None]:
        """Return the scores of the windows as they come."""
        from rastervision.pytorch_learner.inference.segmentation import predict_windows

        options: Any = predict_options
        return predict_windows(self.ready_learner(), scene, windows, options)


@register_config(
    'pytorch_semantic_segmentation_backend', upgrader=ss_learner_backend_config_upgrader
)
class PyTorchSemanticSegmentationConfig(PyTorchLearnerBackendConfig):
    """Train and predict semantic segmentation with PyTorch."""

    task: ClassVar[str | None] = 'semantic_segmentation'

    model: SemanticSegmentationModelConfig = Field(..., description='The network.')

    def update(self, pipeline: RVPipelineConfig | None = None) -> None:
        """Fill the training data; scenes of its own get a class for pixels without label, too."""
        scenes = getattr(self.data, 'scene_dataset', None)
        if scenes is not None:
            scenes.class_config.ensure_null_class()
        super().update(pipeline)

    def get_learner_config(self, pipeline: RVPipelineConfig) -> SemanticSegmentationLearnerConfig:
        """Return the config of the learner that does the work."""
        return self.fill_learner_config(SemanticSegmentationLearnerConfig, pipeline)

    def build(self, pipeline: RVPipelineConfig, tmp_dir: str) -> PyTorchSemanticSegmentation:
        """Build the backend."""
        return PyTorchSemanticSegmentation(pipeline, self.get_learner_config(pipeline), tmp_dir)

    def architecture_name(self) -> str:
        """Name the network for people."""
        model = self.model
        if model.external_def is not None:
            return super().architecture_name()
        return f'{model.architecture} {model.encoder or model.get_backbone_str()}'
