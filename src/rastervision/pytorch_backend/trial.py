"""Trying what TRAIN and PREDICT need before they run: the network, its weights, a number format."""

from rastervision.core.backend import ModelSize
from rastervision.pytorch_learner.learner_config import LearnerConfig


def model_size(
    cfg: LearnerConfig,
    channels: int,
    batch_sz: int,
    tmp_dir: str,
    source_bundle_uri: str | None = None,
) -> ModelSize:
    """Make the network of a learner, load its weights, and tell its size.

    Args:
        cfg: The learner's config; its weights of libraries are not fetched.
        channels: Channels of the images, if the config does not say.
        batch_sz: Images of a training step.
        tmp_dir: Local folder for temporary files.
        source_bundle_uri: Bundle whose weights training starts from.

    Raises:
        ConfigError: There is no such network.
        DataError: The weights do not fit.
    """
    from rastervision.pytorch_learner.learner import Learner
    from rastervision.pytorch_learner.utils.model_size import activation_bytes, count_parameters

    cfg.data.img_channels = cfg.data.img_channels or channels
    if cfg.model is not None:
        cfg.model.pretrained = False
    if source_bundle_uri is None:
        model = cfg.build(tmp_dir, training=False).model
    else:
        model = Learner.from_model_bundle(source_bundle_uri, tmp_dir, cfg=cfg).model
    shape = (batch_sz, cfg.data.img_channels, cfg.data.img_sz, cfg.data.img_sz)
    return ModelSize(count_parameters(model), activation_bytes(model, shape))


def check_float16(precision: str, field: str) -> None:
    """Raise ConfigError if a number format is one that this machine has not."""
    if precision != 'float16':  # all devices have the others; torch need not be imported
        return
    import torch

    from rastervision.pytorch_learner.utils.precision import check_precision

    check_precision(torch.device('cuda' if torch.cuda.is_available() else 'cpu'), precision, field)
