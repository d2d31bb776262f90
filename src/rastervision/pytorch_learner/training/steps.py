"""Epochs as plain loops, and means over their steps."""

import math
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.pytorch_learner.utils.precision import autocast

if TYPE_CHECKING:
    from torch.amp import GradScaler
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from torch.utils.data import DataLoader

    from rastervision.pytorch_learner.learner import Learner

Step = dict[str, Any]

_CHANNELS = re.compile(r'to have (\d+) channels, but got (\d+) channels')


def run_train_epoch(
    learner: 'Learner',
    loader: 'Iterable[Any]',
    optimizer: 'Optimizer',
    step_scheduler: 'LRScheduler | None' = None,
) -> dict[str, Any]:
    """Train for an epoch; return the means of what the steps gave.

    Raises:
        ConfigError: Batches of one image are too small for the network, or it is made for another
            number of channels.
        StageError: The loss is no number any more.
    """
    started = time.perf_counter()
    learner.model.train()
    outputs: list[Step] = []
    for index, raw in enumerate(loader):
        batch = learner.to_device(raw, learner.device)
        optimizer.zero_grad(set_to_none=True)
        with mixed_precision(learner), batches_for_statistics(), channels_that_fit():
            output = learner.train_step(batch, index)
        if descend(learner.scaler, optimizer, output['train_loss']):
            advance_scheduler(step_scheduler)
        outputs.append(detached(output))
        check_finite(output['train_loss'], index)
    return {**learner.train_end(outputs), 'train_time': elapsed_since(started)}


def run_validation_epoch(learner: 'Learner', loader: 'DataLoader[Any]') -> dict[str, Any]:
    """Metrics of the data of a loader."""
    started = time.perf_counter()
    learner.model.eval()
    outputs: list[Step] = []
    with torch.inference_mode(), mixed_precision(learner), channels_that_fit():
        for index, raw in enumerate(loader):
            batch = learner.to_device(raw, learner.device)
            outputs.append(detached(learner.validate_step(batch, index)))
    return {**learner.validate_end(outputs), 'valid_time': elapsed_since(started)}


def mixed_precision(learner: 'Learner') -> AbstractContextManager[Any]:
    """Surround forward passes that run in the precision that the solver names."""
    return autocast(learner.device, learner.solver.precision, 'solver.precision')


@contextmanager
def batches_for_statistics() -> Iterator[None]:
    """Say what to do where batch normalization has a single number for its statistics.

    Raises:
        ConfigError: It has.
    """
    try:
        yield
    except ValueError as error:
        if 'more than 1 value per channel' not in str(error):
            raise
        raise ConfigError(
            'The network has batch normalization, which cannot be trained on a batch of one image '
            'of this size: raise solver.batch_sz, or use more or larger training images.'
        ) from error


@contextmanager
def channels_that_fit() -> Iterator[None]:
    """Say it if a network is made for images with another number of channels.

    Raises:
        ConfigError: It is.
    """
    try:
        yield
    except RuntimeError as error:
        numbers = _CHANNELS.search(str(error))
        if numbers is None:
            raise
        raise ConfigError(
            f'The model has a layer for {numbers[1]} channels that got {numbers[2]}: make it for '
            'as many channels as the images have, or choose channels by channel_order.'
        ) from error


def descend(scaler: 'GradScaler', optimizer: 'Optimizer', loss: Tensor) -> bool:
    """Change the weights by the gradient of a loss.

    Returns:
        Whether they were changed: not if the gradient overflowed in 16 bits. The next one is then
        scaled less.
    """
    scaled: Any = scaler.scale(loss)
    scaled.backward()
    scale = scaler.get_scale()
    scaler.step(optimizer)
    scaler.update()
    return scaler.get_scale() >= scale


def advance_scheduler(scheduler: 'LRScheduler | None') -> None:
    """Step a scheduler, except past the end of a cycle: the learning rate then stays."""
    if scheduler is None:
        return
    total = getattr(scheduler, 'total_steps', None)
    if total is None or scheduler.last_epoch + 1 < total:
        scheduler.step()


def detached(output: Mapping[str, Any]) -> Step:
    """The output of a step, free of the graph that made it."""
    return {k: v.detach() if isinstance(v, Tensor) else v for k, v in output.items()}


def mean_of_steps(outputs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Means of the numbers that steps gave, by name.

    Every step counts the same, also one of a smaller batch, as in release 0.31.
    """
    names = [k for k, v in (outputs[0] if outputs else {}).items() if is_number(v)]
    return {name: float(sum(o[name] for o in outputs)) / len(outputs) for name in names}


def is_number(value: Any) -> bool:
    """Tell whether something is a number, or a tensor of one."""
    return isinstance(value, (int, float)) or (isinstance(value, Tensor) and value.ndim == 0)


def check_finite(loss: Tensor, step: int) -> None:
    """Stop a training whose loss is no number any more.

    Raises:
        StageError: It is NaN or infinite.
    """
    value = float(loss.detach())
    if not math.isfinite(value):
        raise StageError(
            f'The loss became {value} at step {step}, so training was stopped. Lower solver.lr, '
            'and look for NaN or extreme values in the images and labels.'
        )


def elapsed_since(started: float) -> str:
    """Time since a value of `time.perf_counter`, as h:mm:ss.ffffff."""
    return str(timedelta(seconds=time.perf_counter() - started))
