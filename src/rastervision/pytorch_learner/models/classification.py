"""Networks that give some numbers for an image as a whole, such as one score per class."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.models.adapt import adapt_first_conv
from rastervision.pytorch_learner.models.encoders import input_scaling, resolve_timm
from rastervision.pytorch_learner.models.pretrained import (
    hub_download,
    load_in_order,
    local_weights,
    url_download,
)
from rastervision.pytorch_learner.models.scaling import ScaledNet

_INCEPTION = {'init_weights': False, 'transform_input': False}
_ARGS = {'googlenet': _INCEPTION, 'inception_v3': _INCEPTION}
"""Without these, the first weights take seconds to draw, and images are scaled or not depending on
where the weights came from."""


def build_network(
    backbone: str,
    encoder: str | None,
    num_out: int,
    in_channels: int,
    pretrained: bool,
    extra_args: Mapping[str, Any],
) -> nn.Module:
    """A network from (N, C, H, W) images to (N, num_out) numbers.

    Args:
        backbone: Name of a network of torchvision.
        encoder: Name of a network of timm, to be used instead.
        num_out: Length of the output.
        in_channels: Number of image channels.
        pretrained: Start from ImageNet weights: from an installed package when one has them,
            otherwise from the model hub. The last layer is random in any case.
        extra_args: Further arguments of the library's function.

    Raises:
        ConfigError: If there is no such network, the weights cannot be had, or extra_args do not
            go with it.
    """
    if encoder is None:
        return build_torchvision(backbone, num_out, in_channels, pretrained, extra_args)
    return build_timm(encoder, num_out, in_channels, pretrained, extra_args)


def build_torchvision(
    backbone: str,
    num_out: int,
    in_channels: int,
    pretrained: bool,
    extra_args: Mapping[str, Any],
) -> nn.Module:
    """A network of torchvision; see `build_network`."""
    from torchvision import models

    weights = models.get_model_weights(backbone).DEFAULT if pretrained else None
    args = {'weights': weights, **_ARGS.get(backbone, {}), **extra_args}
    with url_download(backbone, weights.url) if weights else nullcontext():
        try:
            net: Any = models.get_model(backbone, **args)
        except (TypeError, ValueError) as error:
            raise _wrong_arguments('backbone', backbone, extra_args, error) from error
    if hasattr(net, 'aux_logits'):  # further outputs of which the loss makes no use
        net.aux_logits = False
        for name in ('aux1', 'aux2', 'AuxLogits'):
            if hasattr(net, name):
                setattr(net, name, None)
    if backbone.startswith('squeezenet'):  # its outputs would never be below 0
        net.classifier[2] = nn.Identity()
    replace_last_layer(net, num_out)
    adapt_first_conv(net, in_channels, pretrained)
    return net  # type: ignore[no-any-return] # of torchvision


def build_timm(
    encoder: str,
    num_out: int,
    in_channels: int,
    pretrained: bool,
    extra_args: Mapping[str, Any],
) -> ScaledNet:
    """A network of timm with its input scaling; see `build_network`."""
    import timm

    name = resolve_timm(encoder)
    local = local_weights(name) if pretrained else None
    from_hub = pretrained and local is None
    with hub_download(encoder) if from_hub else nullcontext():
        try:
            net: Any = timm.create_model(name, pretrained=from_hub, num_classes=0, **extra_args)
        except (TypeError, ValueError, OSError, RuntimeError) as error:
            raise _wrong_arguments('encoder', encoder, extra_args, error) from error
    if local is not None:
        load_in_order(net, local)
    net.reset_classifier(num_out)
    adapt_first_conv(net, in_channels, pretrained)
    return ScaledNet(net, *input_scaling(f'tu-{name}', in_channels))


def replace_last_layer(net: nn.Module, num_out: int) -> None:
    """Replace the last linear layer or convolution of a network in place by a random one.

    Args:
        net: A network whose last registered `nn.Linear` or `nn.Conv2d` makes its output.
        num_out: Number of outputs.
    """
    layers = [(n, m) for n, m in net.named_modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    name, old = layers[-1]
    new: nn.Module
    if isinstance(old, nn.Linear):
        new = nn.Linear(old.in_features, num_out, bias=old.bias is not None)
    else:
        new = nn.Conv2d(old.in_channels, num_out, kernel_size=1)
    parent, _, attribute = name.rpartition('.')
    setattr(net.get_submodule(parent), attribute, new)


def check_output(net: nn.Module, in_channels: int, image_sz: int, num_out: int) -> None:
    """Demand that a network takes images of a size and gives `num_out` numbers for each.

    Args:
        net: On the CPU; it is as it was before, afterwards.
        in_channels: Number of image channels.
        image_sz: Height and width of the images.
        num_out: Length of the output.

    Raises:
        ConfigError: It does not.
    """
    was_training = net.training
    net.eval()
    try:
        with torch.inference_mode():
            out = net(torch.zeros(1, in_channels, image_sz, image_sz))
    except Exception as error:  # a network may raise anything
        raise ConfigError(
            f'The model cannot take images of {image_sz} x {image_sz} pixels: {error} Change '
            'data.img_sz, or choose another backbone or encoder.'
        ) from error
    finally:
        net.train(was_training)
    if tuple(out.shape) != (1, num_out):
        raise ConfigError(
            f'The model gives an output of shape {tuple(out.shape)} for one image; {num_out} '
            'numbers were expected. Choose another backbone or encoder.'
        )


def _wrong_arguments(
    field: str, name: str, extra_args: Mapping[str, Any], error: Exception
) -> ConfigError:
    reason = str(error) or type(error).__name__
    return ConfigError(
        f"{field}='{name}' cannot be built with extra_args={dict(extra_args)}: {reason}"
    )
