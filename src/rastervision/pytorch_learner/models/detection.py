"""Networks for object detection: those of torchvision, over a feature pyramid."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from inspect import signature
from itertools import pairwise
from typing import Any, Literal, TypeAlias

from torch import Tensor, nn

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.models.adapt import adapt_first_conv
from rastervision.pytorch_learner.models.encoders import (
    input_scaling,
    resolve_timm,
)
from rastervision.pytorch_learner.models.pretrained import (
    hub_download,
    load_in_order,
    local_weights,
    url_download,
)

Architecture: TypeAlias = Literal['faster_rcnn', 'fcos', 'retinanet', 'ssdlite']

SSDLITE_BACKBONE = 'mobilenet_v3_large'


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """What a detector is to be like, whatever its architecture.

    Attributes:
        num_classes: Number of classes, without the background.
        in_channels: Number of image channels.
        img_sz: Side of the images in pixels; the network resizes others so that their longer side
            has this length.
        pretrained: Start from ImageNet weights.
        fpn_channels: Number of channels of the feature pyramid.
        extra_args: Further arguments of torchvision's class.
    """

    num_classes: int
    in_channels: int
    img_sz: int
    pretrained: bool
    fpn_channels: int
    extra_args: Mapping[str, Any]


class EncoderPyramid(nn.Module):
    """A feature pyramid over an encoder of timm.

    Attributes:
        out_channels: Number of channels of every level; torchvision asks for it.
    """

    def __init__(
        self, encoder: nn.Module, channels: list[int], out_channels: int, top: nn.Module
    ) -> None:
        """Constructor.

        Args:
            encoder: Gives a list of feature maps, from fine to coarse.
            channels: Their numbers of channels.
            out_channels: Number of channels of every level of the pyramid.
            top: Makes the coarsest levels, a block for torchvision's pyramid.
        """
        from torchvision.ops import FeaturePyramidNetwork

        super().__init__()
        self.body = encoder
        self.fpn = FeaturePyramidNetwork(channels, out_channels, top)
        self.out_channels = out_channels

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Levels of the pyramid by name, from fine to coarse, of images (N, C, H, W)."""
        features = OrderedDict((str(i), level) for i, level in enumerate(self.body(x)))
        levels: dict[str, Tensor] = self.fpn(features)
        return levels


def build_detector(
    architecture: Architecture, backbone: str, encoder: str | None, spec: DetectorSpec
) -> nn.Module:
    """Make a detector with the interface of torchvision; label 0 is the background.

    Args:
        architecture: Kind of the detector. `ssdlite` brings a network of its own to stand on.
        backbone: A ResNet of torchvision at the base of the others.
        encoder: A network of timm instead.
        spec: The rest.

    Raises:
        ConfigError: The network cannot be made so, or the weights cannot be had.
    """
    try:
        if architecture == 'ssdlite':
            return _build_ssdlite(spec)
        return _build_on_pyramid(architecture, backbone, encoder, spec)
    except (TypeError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(
            f"architecture='{architecture}' cannot be built with extra_args="
            f'{dict(spec.extra_args)}: {error}'
        ) from error


def _build_on_pyramid(
    architecture: Architecture, backbone: str, encoder: str | None, spec: DetectorSpec
) -> nn.Module:
    from torchvision.models.detection import FCOS, FasterRCNN, RetinaNet
    from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

    makers: dict[str, Callable[..., nn.Module]] = {
        'faster_rcnn': FasterRCNN,
        'fcos': FCOS,
        'retinanet': RetinaNet,
    }
    two_stages = architecture == 'faster_rcnn'
    # detectors of one stage do without the finest level, which has most of the places to look at
    levels = (1, 2, 3, 4) if two_stages else (2, 3, 4)
    width = spec.fpn_channels
    top = LastLevelMaxPool() if two_stages else LastLevelP6P7(width, width)
    if encoder is None:
        base = _resnet_pyramid(backbone, levels, top, spec)
        scaling = input_scaling(backbone, spec.in_channels)
    else:
        base, scaling = _encoder_pyramid(encoder, levels, top, spec)
    adapt_first_conv(base, spec.in_channels, spec.pretrained)
    mean, std = scaling
    # the background, and in release 0.31 one more that is never used
    others = 2 if two_stages else 1
    make = makers[architecture]
    _check_extra_args(make, spec)
    arguments = {
        'num_classes': spec.num_classes + others,
        'min_size': spec.img_sz,
        'max_size': spec.img_sz,
        'image_mean': mean,
        'image_std': std,
        **spec.extra_args,
    }
    return make(base, **arguments)


def _resnet_pyramid(
    backbone: str, levels: tuple[int, ...], top: nn.Module, spec: DetectorSpec
) -> nn.Module:
    from torchvision.models import get_model_weights, resnet
    from torchvision.models.detection.backbone_utils import BackboneWithFPN
    from torchvision.ops import FrozenBatchNorm2d

    weights = get_model_weights(backbone).DEFAULT if spec.pretrained else None
    with url_download(backbone, weights.url) if weights else nullcontext():
        # batches of detectors are too small for statistics
        net: Any = getattr(resnet, backbone)(weights=weights, norm_layer=FrozenBatchNorm2d)
    if spec.pretrained:
        net.conv1.requires_grad_(False)
        net.layer1.requires_grad_(False)
    width = net.inplanes // 8
    base: nn.Module = BackboneWithFPN(
        net,
        {f'layer{level}': str(i) for i, level in enumerate(levels)},
        [width * 2 ** (level - 1) for level in levels],
        spec.fpn_channels,
        top,
    )
    return base


def _encoder_pyramid(
    encoder: str, levels: tuple[int, ...], top: nn.Module, spec: DetectorSpec
) -> tuple[nn.Module, tuple[tuple[float, ...], tuple[float, ...]]]:
    import timm

    name = resolve_timm(encoder)
    local = local_weights(name) if spec.pretrained else None
    from_hub = spec.pretrained and local is None
    try:
        with hub_download(encoder) if from_hub else nullcontext():
            net = timm.create_model(
                name, pretrained=from_hub, features_only=True, out_indices=levels
            )
    except (AttributeError, IndexError, AssertionError, RuntimeError) as error:
        raise ConfigError(
            f"encoder='{encoder}' gives no feature maps at {len(levels)} scales, which a detector "
            f'needs ({error}); use another one, such as tf_efficientnet_lite0.'
        ) from error
    if local is not None:
        load_in_order(net, local)
    info: Any = net.feature_info
    if any(a >= b for a, b in pairwise(info.reduction())):
        raise ConfigError(
            f"encoder='{encoder}' gives feature maps of one size, and a detector needs them from "
            'fine to coarse; use another one, such as tf_efficientnet_lite0.'
        )
    pyramid = EncoderPyramid(net, info.channels(), spec.fpn_channels, top)
    return pyramid, input_scaling(f'tu-{name}', spec.in_channels)


def _check_extra_args(make: Callable[..., nn.Module], spec: DetectorSpec) -> None:
    """Demand that torchvision's class knows the further arguments: it passes over others.

    Where the class has a number, there has to be one: most are used much later.
    """
    known = signature(make).parameters
    allowed = set(known) - {'backbone', 'num_classes', 'kwargs'}
    if unknown := sorted(set(spec.extra_args) - allowed):
        raise ConfigError(f'extra_args {unknown} are unknown; use some of {sorted(allowed)}.')
    for name, value in spec.extra_args.items():
        if _is_number(known[name].default) and not _is_number(value):
            raise ConfigError(f"extra_args: '{name}' has to be a number, got {value!r}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _build_ssdlite(spec: DetectorSpec) -> nn.Module:
    from torchvision.models import get_model_weights
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large
    from torchvision.models.detection.ssd import SSD

    _check_extra_args(SSD, spec)
    weights = get_model_weights(SSDLITE_BACKBONE).DEFAULT if spec.pretrained else None
    with url_download(SSDLITE_BACKBONE, weights.url) if weights else nullcontext():
        model: Any = ssdlite320_mobilenet_v3_large(
            weights=None,
            weights_backbone=weights,
            num_classes=spec.num_classes + 1,
            **{
                'image_mean': [0.5] * spec.in_channels,
                'image_std': [0.5] * spec.in_channels,
                **spec.extra_args,
            },
        )
    adapt_first_conv(model.backbone, spec.in_channels, spec.pretrained)
    size = (spec.img_sz, spec.img_sz)  # the boxes it starts from are relative to the image
    model.transform.min_size, model.transform.max_size = (spec.img_sz,), spec.img_sz
    model.transform.fixed_size = size
    net: nn.Module = model
    return net
