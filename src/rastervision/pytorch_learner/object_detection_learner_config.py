"""Configs of object detection."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.backbone import Backbone
from rastervision.pytorch_learner.geo_data_config import GeoDataConfig
from rastervision.pytorch_learner.image_data_config import ImageDataConfig
from rastervision.pytorch_learner.learner_config import LearnerConfig
from rastervision.pytorch_learner.model_config import ModelConfig
from rastervision.pytorch_learner.upgraders import objdet_data_config_upgrader

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn
    from torch.utils.data import Dataset

    from rastervision.core.sampling import WindowSamplingConfig
    from rastervision.pytorch_learner.dataset.object_detection_dataset import (
        ObjectDetectionImageDataset,
        ObjectDetectionRandomWindowGeoDataset,
        ObjectDetectionSlidingWindowGeoDataset,
    )
    from rastervision.pytorch_learner.dataset.transform import Transform
    from rastervision.pytorch_learner.object_detection_learner import ObjectDetectionLearner

RESNETS = [b for b in Backbone if b.value.startswith(('resnet', 'resnext', 'wide_resnet'))]

FCOS_CHANNELS = range(64, 2**16, 32)
"""FCOS normalizes channels in 32 groups, of two channels at least where the map is one pixel."""


class ObjectDetectionDataFormat(Enum):
    """How chips lie in a folder.

    Attributes:
        coco: Images in `img`, and all boxes in the COCO file `labels.json`.
    """

    coco = 'coco'


@register_config('object_detection_data', upgrader=objdet_data_config_upgrader)
class ObjectDetectionDataConfig(Config):
    """What the data configs of object detection have in common."""


@register_config('object_detection_image_data')
class ObjectDetectionImageDataConfig(ObjectDetectionDataConfig, ImageDataConfig):
    """Chips in files, with their boxes in a COCO file."""

    data_format: ObjectDetectionDataFormat = Field(  # type: ignore[assignment]
        ObjectDetectionDataFormat.coco,
        description='How chips lie in the folders: images in img, boxes in labels.json.',
    )

    def dir_to_dataset(
        self, data_dir: 'Path', transform: 'Transform | None'
    ) -> 'ObjectDetectionImageDataset':
        from rastervision.pytorch_learner.dataset.object_detection_dataset import (
            ObjectDetectionImageDataset,
        )

        labels = str(data_dir / 'labels.json')
        dataset = ObjectDetectionImageDataset(str(data_dir / 'img'), labels, transform=transform)
        if self.class_config is not None:
            dataset.check_classes(self.class_config.names)
        return dataset

    def warn_about_labels(self, dataset: 'Dataset[Any]') -> None:
        from rastervision.pytorch_learner.dataset.label_counts import warn_without_boxes

        warn_without_boxes(dataset, self.origin)


@register_config('object_detection_geo_data')
class ObjectDetectionGeoDataConfig(ObjectDetectionDataConfig, GeoDataConfig):
    """Windows of scenes with boxes."""

    def window_datasets(
        self,
    ) -> """tuple[
        type[ObjectDetectionSlidingWindowGeoDataset],
        type[ObjectDetectionRandomWindowGeoDataset],
    ]""":
        from rastervision.pytorch_learner.dataset import object_detection_dataset as od

        return (
            od.ObjectDetectionSlidingWindowGeoDataset,
            od.ObjectDetectionRandomWindowGeoDataset,
        )

    def warn_about_labels(self, dataset: 'Dataset[Any]') -> None:
        from rastervision.pytorch_learner.dataset.label_counts import warn_without_boxes

        warn_without_boxes(dataset)

    def random_window_args(self, sampling: 'WindowSamplingConfig') -> dict[str, Any]:
        names = ('neg_ratio', 'ioa_thresh', 'clip', 'neg_ioa_thresh')
        return {name: getattr(sampling, name) for name in names if hasattr(sampling, name)}


@register_config('object_detection_model')
class ObjectDetectionModelConfig(ModelConfig):
    """A network that finds boxes."""

    backbone: Backbone = Field(
        Backbone.resnet50,
        description='The network under the feature pyramid: a ResNet of torchvision. Not used by '
        "architecture 'ssdlite', which has a MobileNetV3.",
    )
    architecture: Literal['faster_rcnn', 'fcos', 'retinanet', 'ssdlite'] = Field(
        'faster_rcnn',
        description='The kind of detector, all of torchvision. faster_rcnn looks at proposals a '
        'second time; the others have one stage and are faster.',
    )
    encoder: str | None = Field(
        None,
        description='A network of timm under the feature pyramid, instead of backbone.',
    )
    fpn_channels: Annotated[int, Field(gt=0)] = Field(
        256,
        description='Number of channels of the feature pyramid. Fewer are faster, in proportion '
        'to their square.',
    )

    def validate_config(self) -> None:
        if self.external_def is not None:
            return
        if self.architecture == 'ssdlite':
            if self.encoder is not None:
                raise ConfigError(
                    f"encoder='{self.encoder}' does not go with architecture 'ssdlite', which has "
                    "a MobileNetV3; use 'faster_rcnn', 'fcos' or 'retinanet'."
                )
            for field in ('backbone', 'fpn_channels'):
                if getattr(self, field) != type(self).model_fields[field].default:
                    raise ConfigError(
                        f"{field} has no meaning for architecture 'ssdlite', which has a "
                        'MobileNetV3 without a feature pyramid; leave it out.'
                    )
            return
        super().validate_config()
        if self.architecture == 'fcos' and self.fpn_channels not in FCOS_CHANNELS:
            raise ConfigError(
                f"fpn_channels={self.fpn_channels} does not go with architecture 'fcos'; use a "
                f'multiple of {FCOS_CHANNELS.step} from {FCOS_CHANNELS.start} on.'
            )
        if self.encoder is None and self.backbone not in RESNETS:
            names = ', '.join(b.value for b in RESNETS)
            raise ConfigError(
                f"backbone='{self.backbone.value}' does not go with object detection; use one of "
                f'{names}, or any network of timm as encoder.'
            )

    def build_default_model(
        self, num_classes: int, in_channels: int, img_sz: int = 256, **kwargs: Any
    ) -> 'nn.Module':
        """Make the detector.

        Args:
            num_classes: Number of classes, without a background.
            in_channels: Number of image channels.
            img_sz: Side of the images in pixels.
            kwargs: Further arguments of torchvision's class, before `extra_args`.
        """
        from rastervision.pytorch_learner.models.detection import DetectorSpec, build_detector

        self.validate_config()
        spec = DetectorSpec(
            num_classes,
            in_channels,
            img_sz,
            self.wants_imagenet_weights,
            self.fpn_channels,
            {**self.extra_args, **kwargs},
        )
        return build_detector(self.architecture, self.get_backbone_str(), self.encoder, spec)


@register_config('object_detection_learner')
class ObjectDetectionLearnerConfig(LearnerConfig):
    """Train or use a model for object detection."""

    model: ObjectDetectionModelConfig | None = Field(
        None, description='The network. None when one is given to the Learner itself.'
    )

    unused_solver_fields: ClassVar[tuple[str, ...]] = (  # detectors compute their loss themselves
        'external_loss_def',
        'class_loss_weights',
        'dice_weight',
        'ignore_class_index',
    )

    def build(
        self,
        tmp_dir: str | None = None,
        model_weights_path: str | None = None,
        model_def_path: str | None = None,
        loss_def_path: str | None = None,
        training: bool = True,
    ) -> 'ObjectDetectionLearner':
        from rastervision.pytorch_learner.object_detection_learner import ObjectDetectionLearner

        return ObjectDetectionLearner(
            self,
            tmp_dir=tmp_dir,
            model_weights_path=model_weights_path,
            model_def_path=model_def_path,
            loss_def_path=loss_def_path,
            training=training,
        )
