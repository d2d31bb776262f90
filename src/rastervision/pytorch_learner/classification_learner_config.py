"""Configs of classification: one class for a whole image."""

from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import Field

from rastervision.pipeline.config import Config, register_config
from rastervision.pytorch_learner.geo_data_config import GeoDataConfig
from rastervision.pytorch_learner.image_data_config import ImageDataConfig
from rastervision.pytorch_learner.learner_config import LearnerConfig
from rastervision.pytorch_learner.model_config import ModelConfig
from rastervision.pytorch_learner.upgraders import clf_data_config_upgrader

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn
    from torch.utils.data import Dataset

    from rastervision.core.data.scene import Scene, SceneConfig
    from rastervision.pytorch_learner.classification_learner import ClassificationLearner
    from rastervision.pytorch_learner.dataset.classification_dataset import (
        ClassificationImageDataset,
        ClassificationRandomWindowGeoDataset,
        ClassificationSlidingWindowGeoDataset,
    )
    from rastervision.pytorch_learner.dataset.transform import Transform


class ClassificationDataFormat(Enum):
    """How chips lie in a folder.

    Attributes:
        image_folder: One folder of images for each class, called as the class is.
    """

    image_folder = 'image_folder'


@register_config('classification_data', upgrader=clf_data_config_upgrader)
class ClassificationDataConfig(Config):
    """What the data configs of classification have in common."""

    balance_classes: bool = Field(
        False,
        description='Draw training chips so that, over all scenes, every class comes up as often '
        'as every other, however rare it is. Chips of a rare class are seen more than once in an '
        'epoch. Random windows are drawn around the labels of their class. The log names classes '
        'of which there are no training data.',
    )


@register_config('classification_image_data')
class ClassificationImageDataConfig(ClassificationDataConfig, ImageDataConfig):
    """Chips in files, in one folder for each class."""

    data_format: ClassificationDataFormat = Field(  # type: ignore[assignment]
        ClassificationDataFormat.image_folder,
        description='How chips lie in the folders: one folder for each class.',
    )

    def dir_to_dataset(
        self, data_dir: 'Path', transform: 'Transform | None'
    ) -> 'ClassificationImageDataset':
        from rastervision.pytorch_learner.dataset.classification_dataset import (
            ClassificationImageDataset,
        )

        return ClassificationImageDataset(str(data_dir), self.class_names, transform=transform)

    def warn_about_labels(self, dataset: 'Dataset[Any]') -> None:
        from rastervision.pytorch_learner.dataset.label_counts import warn_of_one_class

        warn_of_one_class(dataset, self.class_names, self.origin)


@register_config('classification_geo_data')
class ClassificationGeoDataConfig(ClassificationDataConfig, GeoDataConfig):
    """Windows of scenes with one class each."""

    def window_datasets(
        self,
    ) -> """tuple[
        type[ClassificationSlidingWindowGeoDataset],
        type[ClassificationRandomWindowGeoDataset],
    ]""":
        from rastervision.pytorch_learner.dataset import classification_dataset as cc

        return cc.ClassificationSlidingWindowGeoDataset, cc.ClassificationRandomWindowGeoDataset

    def warn_about_labels(self, dataset: 'Dataset[Any]') -> None:
        from rastervision.pytorch_learner.dataset.label_counts import warn_of_one_class

        warn_of_one_class(dataset, self.class_names, balanced=self.balance_classes)

    def build_scenes(
        self, scene_configs: 'list[SceneConfig]', tmp_dir: str | None = None
    ) -> 'list[Scene]':
        """Open scenes; their labels are inferred for the windows that are asked for."""
        return super().build_scenes([_with_lazy_labels(cfg) for cfg in scene_configs], tmp_dir)


def _with_lazy_labels(scene: 'SceneConfig') -> 'SceneConfig':
    if not hasattr(scene.label_source, 'lazy'):
        return scene
    scene = scene.copy()
    scene.label_source.lazy = True  # type: ignore[union-attr] # it has the field
    return scene


@register_config('classification_model')
class ClassificationModelConfig(ModelConfig):
    """A network that scores every class for an image as a whole."""

    encoder: str | None = Field(
        None,
        description='A network of timm by name, instead of backbone; images are scaled as it '
        'expects them.',
    )

    def build_default_model(self, num_classes: int, in_channels: int, **kwargs: Any) -> 'nn.Module':
        from rastervision.pytorch_learner.models.classification import build_network

        return build_network(
            self.get_backbone_str(),
            self.encoder,
            num_classes,
            in_channels,
            self.wants_imagenet_weights,
            {**self.extra_args, **kwargs},
        )


@register_config('classification_learner')
class ClassificationLearnerConfig(LearnerConfig):
    """Train or use a model for classification."""

    model: ClassificationModelConfig | None = Field(
        None, description='The network. None when one is given to the Learner itself.'
    )

    def build(
        self,
        tmp_dir: str | None = None,
        model_weights_path: str | None = None,
        model_def_path: str | None = None,
        loss_def_path: str | None = None,
        training: bool = True,
    ) -> 'ClassificationLearner':
        from rastervision.pytorch_learner.classification_learner import ClassificationLearner

        return ClassificationLearner(
            self,
            tmp_dir=tmp_dir,
            model_weights_path=model_weights_path,
            model_def_path=model_def_path,
            loss_def_path=loss_def_path,
            training=training,
        )
