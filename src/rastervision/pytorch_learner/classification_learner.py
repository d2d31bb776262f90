"""ClassificationLearner: a class for every image."""

from typing import TYPE_CHECKING

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.classification_learner_config import ClassificationLearnerConfig
from rastervision.pytorch_learner.tasks.classification import ClassificationTask
from rastervision.pytorch_learner.whole_image_learner import WholeImageLearner

if TYPE_CHECKING:
    from rastervision.pytorch_learner.dataset.visualizer.visualizer import Visualizer


class ClassificationLearner(WholeImageLearner):
    """Trains and uses models that score every class for an image.

    Models take (N, C, H, W) float32 and give scores (N, K).
    """

    config_class = ClassificationLearnerConfig

    def make_task(self) -> ClassificationTask:
        """Loss, metrics and meaning of class scores."""
        classes = self.cfg.data.class_config
        if classes is None:
            raise ConfigError('data.class_config is not set: give the data config a ClassConfig.')
        return ClassificationTask(classes, self.loss, self.ignored_class())

    def get_visualizer_class(self) -> 'type[Visualizer]':
        """What draws images with their classes."""
        from rastervision.pytorch_learner.dataset.visualizer import (
            classification_visualizer as pictures,
        )

        return pictures.ClassificationVisualizer
