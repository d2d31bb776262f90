"""Configs of semantic segmentation."""

from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from rastervision.core.sampling import WindowSamplingMethod
from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.backbone import Backbone
from rastervision.pytorch_learner.geo_data_config import GeoDataConfig
from rastervision.pytorch_learner.image_data_config import ImageDataConfig
from rastervision.pytorch_learner.learner_config import LearnerConfig
from rastervision.pytorch_learner.model_config import ModelConfig
from rastervision.pytorch_learner.upgraders import (
    ss_data_config_upgrader,
    ss_image_data_config_upgrader,
)

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from rastervision.pytorch_learner.dataset.semantic_segmentation_dataset import (
        SemanticSegmentationImageDataset,
        SemanticSegmentationRandomWindowGeoDataset,
        SemanticSegmentationSlidingWindowGeoDataset,
    )
    from rastervision.pytorch_learner.dataset.transform import Transform
    from rastervision.pytorch_learner.semantic_segmentation_learner import (
        SemanticSegmentationLearner,
    )

DEEPLAB_BACKBONES = (Backbone.resnet50, Backbone.resnet101)


class SemanticSegmentationDataFormat(Enum):
    """How chips lie in a folder.

    Attributes:
        default: Images in `img` and class ids under the same names in `labels`.
    """

    default = 'default'


@register_config('semantic_segmentation_data', upgrader=ss_data_config_upgrader)
class SemanticSegmentationDataConfig(Config):
    """What the data configs of semantic segmentation have in common."""

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Make sure that there is a null class, for pixels without label or data."""
        super().update(*args, **kwargs)
        classes = getattr(self, 'class_config', None)
        if classes is not None:
            classes.ensure_null_class()


@register_config('semantic_segmentation_image_data', upgrader=ss_image_data_config_upgrader)
class SemanticSegmentationImageDataConfig(SemanticSegmentationDataConfig, ImageDataConfig):
    """Chips in files, with class ids as images of the same size."""

    data_format: SemanticSegmentationDataFormat = Field(  # type: ignore[assignment]
        SemanticSegmentationDataFormat.default,
        description='How chips lie in the folders: images in img, class ids in labels.',
    )

    def dir_to_dataset(
        self, data_dir: 'Path', transform: 'Transform | None'
    ) -> 'SemanticSegmentationImageDataset':
        from rastervision.pytorch_learner.dataset.semantic_segmentation_dataset import (
            SemanticSegmentationImageDataset,
        )

        return SemanticSegmentationImageDataset(
            img_dir=str(data_dir / 'img'),
            label_dir=str(data_dir / 'labels'),
            transform=transform,
        )


@register_config('semantic_segmentation_geo_data')
class SemanticSegmentationGeoDataConfig(SemanticSegmentationDataConfig, GeoDataConfig):
    """Windows of scenes with class ids per pixel."""

    balance_classes: bool = Field(
        False,
        description='Draw random windows so that, over all scenes, as many are drawn around pixels '
        'of each class, however rare it is. Reads all labels of the training scenes once, before '
        'training.',
    )

    def validate_config(self) -> None:
        super().validate_config()
        if not self.balance_classes or self.scene_dataset is None:
            return
        for scene in self.scene_dataset.train_scenes:
            if self.sampling_for(scene.id).method != WindowSamplingMethod.random:
                raise ConfigError(
                    'balance_classes of semantic segmentation is for random windows, and the '
                    f"sampling of scene '{scene.id}' is sliding: set its method to 'random', or "
                    'leave balance_classes out.'
                )

    def window_datasets(
        self,
    ) -> """tuple[
        type[SemanticSegmentationSlidingWindowGeoDataset],
        type[SemanticSegmentationRandomWindowGeoDataset],
    ]""":
        from rastervision.pytorch_learner.dataset import semantic_segmentation_dataset as ss

        return (
            ss.SemanticSegmentationSlidingWindowGeoDataset,
            ss.SemanticSegmentationRandomWindowGeoDataset,
        )


@register_config('semantic_segmentation_model')
class SemanticSegmentationModelConfig(ModelConfig):
    """A network that scores every class for every pixel."""

    backbone: Backbone = Field(
        Backbone.resnet50,
        description="The network at the base of architecture 'deeplabv3': resnet50 or resnet101.",
    )
    architecture: Literal['deeplabv3', 'unet', 'fpn', 'deeplabv3plus'] = Field(
        'deeplabv3',
        description='The kind of network. deeplabv3 is the one of torchvision; the others are of '
        'segmentation-models-pytorch and take any encoder.',
    )
    encoder: str | None = Field(
        None,
        description='The network at the base of the other architectures: any encoder of '
        'segmentation-models-pytorch or model of timm. By default, backbone.',
    )

    def validate_config(self) -> None:
        if self.external_def is not None:
            return
        if self.architecture != 'deeplabv3':
            super().validate_config()
            return
        if self.encoder is not None:
            raise ConfigError(
                f"encoder='{self.encoder}' goes with architecture 'unet', 'fpn' or "
                "'deeplabv3plus'; architecture 'deeplabv3' takes backbone instead."
            )
        if self.backbone not in DEEPLAB_BACKBONES:
            raise ConfigError(
                f"backbone='{self.backbone.value}' does not go with architecture 'deeplabv3'; use "
                "resnet50 or resnet101, or architecture 'unet', 'fpn' or 'deeplabv3plus'."
            )

    def check_names(self) -> None:
        if self.encoder is not None and self.external_def is None:
            from rastervision.pytorch_learner.models.encoders import resolve_encoder

            resolve_encoder(self.encoder)

    def build_default_model(self, num_classes: int, in_channels: int, **kwargs: Any) -> 'nn.Module':
        from rastervision.pytorch_learner.models.segmentation import build_deeplabv3, build_smp

        self.validate_config()
        pretrained, extra_args = self.wants_imagenet_weights, {**self.extra_args, **kwargs}
        if self.architecture == 'deeplabv3':
            return build_deeplabv3(
                self.get_backbone_str(), num_classes, in_channels, pretrained, extra_args
            )
        encoder = self.encoder or self.get_backbone_str()
        return build_smp(
            self.architecture, encoder, num_classes, in_channels, pretrained, extra_args
        )


@register_config('semantic_segmentation_learner')
class SemanticSegmentationLearnerConfig(LearnerConfig):
    """Train or use a model for semantic segmentation."""

    model: SemanticSegmentationModelConfig | None = Field(
        None, description='The network. None when one is given to the Learner itself.'
    )

    def build(
        self,
        tmp_dir: str | None = None,
        model_weights_path: str | None = None,
        model_def_path: str | None = None,
        loss_def_path: str | None = None,
        training: bool = True,
    ) -> 'SemanticSegmentationLearner':
        from rastervision.pytorch_learner.semantic_segmentation_learner import (
            SemanticSegmentationLearner,
        )

        return SemanticSegmentationLearner(
            self,
            tmp_dir=tmp_dir,
            model_weights_path=model_weights_path,
            model_def_path=model_def_path,
            loss_def_path=loss_def_path,
            training=training,
        )
