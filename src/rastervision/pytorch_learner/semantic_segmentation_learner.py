"""SemanticSegmentationLearner: a class for every pixel."""

from typing import TYPE_CHECKING

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.learner import Learner
from rastervision.pytorch_learner.semantic_segmentation_learner_config import (
    SemanticSegmentationLearnerConfig,
)
from rastervision.pytorch_learner.tasks.segmentation import SegmentationTask

if TYPE_CHECKING:
    from rastervision.pytorch_learner.dataset.visualizer.visualizer import Visualizer


class SemanticSegmentationLearner(Learner):
    """Trains and uses models that score every class for every pixel.

    Models take (N, C, H, W) float32 and give scores (N, K, h, w), or `{'out': scores}`.
    """

    config_class = SemanticSegmentationLearnerConfig

    def make_task(self) -> SegmentationTask:
        """Loss, metrics and meaning of class scores."""
        classes = self.cfg.data.class_config
        if classes is None:
            raise ConfigError('data.class_config is not set: give the data config a ClassConfig.')
        return SegmentationTask(classes, self.loss, self.ignored_class())

    def get_visualizer_class(self) -> 'type[Visualizer]':
        """What draws images with class ids."""
        from rastervision.pytorch_learner.dataset.visualizer import (
            semantic_segmentation_visualizer as pictures,
        )

        return pictures.SemanticSegmentationVisualizer
