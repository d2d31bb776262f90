"""Number formats of training and prediction."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from rastervision.pipeline.errors import ConfigError


def autocast(device: torch.device, precision: str, field: str) -> AbstractContextManager[Any]:
    """Let a model compute in 'float32', 'float16' or 'bfloat16' where that does no harm.

    Args:
        device: Where the model is.
        precision: The number format.
        field: The option that says so, for the error.

    Raises:
        ConfigError: The device is a CPU, which has no float16.
    """
    if precision == 'float32':
        return nullcontext()
    if precision == 'float16' and device.type == 'cpu':
        raise ConfigError(
            f"{field}: CPUs are no faster with 'float16'; use 'bfloat16' or 'float32' (the "
            'default), or a GPU.'
        )
    return torch.autocast(device.type, dtype=getattr(torch, precision))
