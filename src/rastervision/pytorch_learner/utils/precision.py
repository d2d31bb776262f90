"""Number formats of training and prediction."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn

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
    check_precision(device, precision, field)
    return torch.autocast(device.type, dtype=getattr(torch, precision))


def check_precision(device: torch.device, precision: str, field: str) -> None:
    """Make sure that a device computes in a number format; arguments as for `autocast`.

    Raises:
        ConfigError: The device is a CPU, which has no float16.
    """
    if precision == 'float16' and device.type == 'cpu':
        raise ConfigError(
            f"{field}: CPUs are no faster with 'float16'; use 'bfloat16' or 'float32' (the "
            'default), or a GPU.'
        )


@contextmanager
def autocast_only(parts: Iterable[nn.Module], device: torch.device) -> Iterator[None]:
    """Where autocast is on, keep it for some modules, whose outputs become float32 again.

    What is computed between them, such as the corners of boxes, needs more digits than 16 bits
    have. Without autocast, and without such modules, nothing changes.

    Args:
        parts: The modules.
        device: Where they are.
    """
    modules = list(parts)
    if not modules or not torch.is_autocast_enabled(device.type):
        yield
        return
    dtype = torch.get_autocast_dtype(device.type)
    for module in modules:
        vars(module)['forward'] = _in_16_bits(module.forward, device, dtype)
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        for module in modules:
            del vars(module)['forward']


def _in_16_bits(
    forward: Callable[..., Any], device: torch.device, dtype: torch.dtype
) -> Callable[..., Any]:
    @wraps(forward)
    def run(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast(device.type, dtype=dtype):
            return _to_float32(forward(*args, **kwargs))

    return run


def _to_float32(out: Any) -> Any:
    """Tensors of numbers as float32, also in lists, tuples and dictionaries."""
    if isinstance(out, Tensor):
        return out.float() if out.is_floating_point() else out
    if isinstance(out, Mapping):
        return {name: _to_float32(value) for name, value in out.items()}
    if isinstance(out, (list, tuple)):
        return type(out)([_to_float32(value) for value in out])
    return out
