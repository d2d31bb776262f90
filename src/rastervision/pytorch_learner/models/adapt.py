"""Fit networks to images (number of channels) and to processors (order of memory)."""

from collections.abc import Container, Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn

VECTOR_SIZE = 16
"""Numbers that a processor computes with at once, about."""


def likes_channels_last(model: nn.Module) -> bool:
    """Whether a network is faster with the channels of a pixel side by side in memory.

    2D convolutions over many channels are, on CPUs and GPUs. Those over a few are many times slower
    on CPUs.
    """
    if any(p.ndim == 5 for p in model.parameters()):
        return False
    return any(
        min(module.in_channels, module.out_channels) >= VECTOR_SIZE
        for module in model.modules()
        if isinstance(module, nn.Conv2d)
    )


def adjust_conv_channels(
    old_conv: nn.Conv2d, in_channels: int, pretrained: bool = True
) -> nn.Conv2d:
    """Make a convolution like `old_conv` that takes `in_channels` channels.

    Args:
        old_conv: An ungrouped convolution over C channels.
        in_channels: Channels that the new one takes.
        pretrained: Keep the filters of the channels that both have. Filters of further channels,
            and all of them when this is False, are initialised at random from torch's global seed.

    Returns:
        `old_conv` itself when it fits already, otherwise a new module of the same class.
    """
    if in_channels == old_conv.in_channels:
        return old_conv
    new_conv = deepcopy(old_conv)  # a subclass keeps what its own constructor set
    new_conv.in_channels = in_channels
    shape = (old_conv.out_channels, in_channels, *old_conv.kernel_size)
    new_conv.weight = nn.Parameter(old_conv.weight.new_empty(shape))
    new_conv.reset_parameters()
    if pretrained:
        shared = min(in_channels, old_conv.in_channels)
        with torch.no_grad():
            new_conv.weight[:, :shared] = old_conv.weight[:, :shared]
            if old_conv.bias is not None and new_conv.bias is not None:
                new_conv.bias.copy_(old_conv.bias)
    return new_conv


def adapt_first_conv(module: nn.Module, in_channels: int, keep_filters: bool) -> None:
    """Replace the first convolution of a network in place by one over `in_channels` channels.

    Args:
        module: A network whose first registered `nn.Conv2d` reads the image.
        in_channels: Number of channels of the image.
        keep_filters: As `pretrained` of `adjust_conv_channels`.
    """
    name, conv = next((n, m) for n, m in module.named_modules() if isinstance(m, nn.Conv2d))
    parent_name, _, attribute = name.rpartition('.')
    parent = module.get_submodule(parent_name)
    setattr(parent, attribute, adjust_conv_channels(conv, in_channels, keep_filters))


def merge_split_convs(state: Mapping[str, Tensor], wanted: Container[str]) -> dict[str, Tensor]:
    """Join the split first convolutions that release 0.31 made for more than three channels.

    It summed the outputs of two convolutions, `X.1.0` over the pretrained channels and `X.1.1`
    over the others. One convolution `X` over all channels is the same map.

    Args:
        state: Weights by name.
        wanted: Names in the network that takes the weights; `X` is joined where it asks for it.

    Returns:
        The weights, in the same order.
    """
    merged: dict[str, Tensor] = {}
    for key, value in state.items():
        stem, _, kind = key.rpartition('.')
        owner, index = stem[:-4], stem[-4:]
        joined, first, second = f'{owner}.{kind}', f'{owner}.1.0.{kind}', f'{owner}.1.1.{kind}'
        split = joined in wanted and key not in wanted and first in state and second in state
        if split and index == '.1.0':
            other = state[second]
            merged[joined] = torch.cat([value, other], 1) if kind == 'weight' else value + other
        elif not (split and index == '.1.1'):
            merged[key] = value
    return merged
