"""What a training ran on."""

import logging
import platform

import torch

log = logging.getLogger(__name__)


def log_system_details() -> None:
    """Write versions and devices to the log."""
    log.info('Python %s on %s', platform.python_version(), platform.platform())
    log.info('PyTorch %s, %d threads', torch.__version__, torch.get_num_threads())
    for index in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(index)
        log.info('GPU %d: %s, %.1f GiB', index, gpu.name, gpu.total_memory / 2**30)
    if torch.cuda.is_available():
        log.info('CUDA %s', torch.version.cuda)
    else:
        log.info('No GPU')
