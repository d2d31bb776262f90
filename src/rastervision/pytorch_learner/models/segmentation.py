"""Networks for semantic segmentation: one score per class and pixel."""

from collections.abc import Mapping
from contextlib import nullcontext
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.models.adapt import adapt_first_conv, adjust_conv_channels
from rastervision.pytorch_learner.models.encoders import (
    input_scaling,
    resolve_encoder,
    timm_name,
)
from rastervision.pytorch_learner.models.pretrained import (
    hub_download,
    load_in_order,
    local_weights,
    url_download,
)
from rastervision.pytorch_learner.models.scaling import ScaledNet

_SMP_CLASSES = {'unet': 'Unet', 'fpn': 'FPN', 'deeplabv3plus': 'DeepLabV3Plus'}

_NOT_THE_USERS = {'encoder_name', 'classes', 'in_channels', 'aux_params', 'kwargs'}


class ScaledSegmentationNet(ScaledNet):
    """A network with its input scaling, for images of any size."""

    def __init__(
        self, net: nn.Module, mean: tuple[float, ...], std: tuple[float, ...], multiple: int
    ) -> None:
        """Constructor.

        Args:
            net: Takes (N, C, H, W) with H and W multiples of `multiple`, gives (N, K, H, W).
            mean: As for `ScaledNet`.
            std: As for `ScaledNet`.
            multiple: Images are extended at the right and lower edge to a multiple of this many
                pixels by repeating the edge; the scores are cut back.
        """
        super().__init__(net, mean, std)
        self.multiple = multiple

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N, K, H, W) of images (N, C, H, W) in [0, 1]."""
        height, width = x.shape[-2:]
        x = self.scale(x)
        extra = (-height % self.multiple, -width % self.multiple)
        # an ONNX file keeps the branch that was taken when it was made
        if any(extra) or torch.jit.is_tracing():  # type: ignore[no-untyped-call, attr-defined] # torch does not say
            x = nn.functional.pad(x, (0, extra[1], 0, extra[0]), mode='replicate')
        scores: Tensor = self.net(x)[..., :height, :width]
        return scores


def build_deeplabv3(
    backbone: str,
    num_classes: int,
    in_channels: int,
    pretrained: bool,
    extra_args: Mapping[str, Any],
) -> nn.Module:
    """The DeepLabV3 of torchvision, as release 0.31 built it; its output is `{'out': scores}`.

    Args:
        backbone: `resnet50` or `resnet101`.
        num_classes: Number of scores per pixel.
        in_channels: Number of image channels.
        pretrained: Start the backbone from ImageNet weights.
        extra_args: Further arguments of torchvision's function.

    Raises:
        ConfigError: If torchvision has no such network or the weights cannot be had.
    """
    from torchvision import models

    maker = getattr(models.segmentation, f'deeplabv3_{backbone}', None)
    if maker is None:
        raise ConfigError(
            f"architecture='deeplabv3' has no backbone '{backbone}'; use resnet50 or resnet101, or "
            "architecture='unet', 'fpn' or 'deeplabv3plus', which take any encoder."
        )
    weights = models.get_model_weights(backbone).DEFAULT if pretrained else None
    with url_download(backbone, weights.url) if weights else nullcontext():
        model: nn.Module = maker(
            **{'weights': None, 'weights_backbone': weights, 'num_classes': num_classes}
            | dict(extra_args)
        )
    base: Any = model.backbone  # a dictionary of modules
    base['conv1'] = adjust_conv_channels(base['conv1'], in_channels, pretrained)
    return model


def build_smp(
    architecture: str,
    encoder: str,
    num_classes: int,
    in_channels: int,
    pretrained: bool,
    extra_args: Mapping[str, Any],
) -> ScaledSegmentationNet:
    """A network of segmentation-models-pytorch around an encoder of that library or of timm.

    Args:
        architecture: `unet`, `fpn` or `deeplabv3plus`.
        encoder: Name of the encoder, see `resolve_encoder`.
        num_classes: Number of scores per pixel.
        in_channels: Number of image channels.
        pretrained: Start the encoder from ImageNet weights: from an installed package when one has
            them, otherwise from the model hub.
        extra_args: Further arguments of the library's class.

    Raises:
        ConfigError: If the encoder is unknown or unsuitable or the weights cannot be had.
    """
    import segmentation_models_pytorch as smp

    name = resolve_encoder(encoder)
    make = getattr(smp, _SMP_CLASSES[architecture])
    if timm_name(name) is None:
        allowed = set(signature(make).parameters) - _NOT_THE_USERS
        if unknown := sorted(set(extra_args) - allowed):
            raise ConfigError(
                f"extra_args {unknown} are no arguments of architecture='{architecture}'; use some "
                f'of {sorted(allowed)}.'
            )
    local = local_weights(timm_name(name) or name) if pretrained else None
    from_hub = pretrained and local is None
    args = {
        'encoder_weights': (True if timm_name(name) else 'imagenet') if from_hub else None,
        **extra_args,
        'classes': num_classes,
        'in_channels': 3,
    }
    try:
        with hub_download(encoder) if from_hub else nullcontext():
            net = make(name, **args)
    except ConfigError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"architecture='{architecture}' cannot be built with encoder='{encoder}' and "
            f'extra_args={dict(extra_args)}: {error}'
        ) from error
    if local is not None:
        load_in_order(net.encoder, local)
    adapt_first_conv(net.encoder, in_channels, pretrained)
    mean, std = input_scaling(name, in_channels)
    return ScaledSegmentationNet(net, mean, std, multiple=net.encoder.output_stride)
