"""Names and input scaling of encoders of segmentation-models-pytorch and timm."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from rastervision.pipeline.errors import ConfigError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_TIMM_PREFIX = 'tu-'
NEAR_NAMES = 3
WITH_WEIGHTS = 'tf_efficientnet_lite0'
"""The encoder whose ImageNet weights come with the extra `pretrained`."""


def resolve_encoder(name: str) -> str:
    """The name under which segmentation-models-pytorch knows an encoder.

    Args:
        name: An encoder of that library or any model of timm, with or without the prefix `tu-`.

    Returns:
        The name itself for an encoder of the library, `tu-NAME` for a model of timm.

    Raises:
        ConfigError: If neither library has it; it suggests near names.
    """
    import segmentation_models_pytorch as smp
    import timm

    bare = name.removeprefix('timm-').removeprefix(_TIMM_PREFIX)
    if name == bare and name in smp.encoders.encoders:
        return name
    if timm.is_model(bare):
        return _TIMM_PREFIX + bare
    known = [*smp.encoders.encoders, *timm.list_models()]
    raise ConfigError(
        f"encoder '{name}' is known neither to segmentation-models-pytorch nor to timm."
        f'{_near_names(bare, known)}'
    )


def resolve_timm(name: str) -> str:
    """The name of a model of timm, which may be written with the prefix `tu-`.

    Raises:
        ConfigError: If timm has no such model; it suggests near names.
    """
    import timm

    bare = name.removeprefix(_TIMM_PREFIX)
    if timm.is_model(bare):
        return bare
    raise ConfigError(
        f"encoder '{name}' is not known to timm.{_near_names(bare, timm.list_models())}"
    )


def _near_names(name: str, known: Iterable[str]) -> str:
    listed = list(dict.fromkeys(known))
    stem = re.match('[a-z]*', name, re.IGNORECASE)
    family = re.compile(f'{stem[0]}[^a-z]' if stem and stem[0] else '$^', re.IGNORECASE)
    alike = get_close_matches(name, listed, n=len(listed), cutoff=0.8)
    near = (
        get_close_matches(name, listed, cutoff=0.9)
        or sorted(alike, key=lambda other: other != WITH_WEIGHTS)[:NEAR_NAMES]
        or sorted(filter(family.match, listed), key=len)[:NEAR_NAMES]
        or get_close_matches(name, listed)
    )
    return f' Near names: {", ".join(near)}.' if near else ''


def timm_name(resolved: str) -> str | None:
    """The name in timm of a resolved encoder, or None for the other library's own encoders."""
    if resolved.startswith(_TIMM_PREFIX):
        return resolved.removeprefix(_TIMM_PREFIX)
    return None


def input_scaling(resolved: str, in_channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of the inputs in [0, 1] on which an encoder was pretrained.

    Args:
        resolved: A name from `resolve_encoder`.
        in_channels: Number of image channels. Those past the third get the average of the three.

    Returns:
        Mean and deviation, one number a channel.
    """
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    if (name := timm_name(resolved)) is not None:
        import timm

        if (cfg := timm.get_pretrained_cfg(name, allow_unregistered=True)) is not None:
            mean, std = cfg.mean, cfg.std
    extra = max(0, in_channels - 3)
    return (
        (*mean[:in_channels], *[sum(mean) / 3] * extra),
        (*std[:in_channels], *[sum(std) / 3] * extra),
    )
