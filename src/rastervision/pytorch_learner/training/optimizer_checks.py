"""Checks of the optimizer and the schedulers that a user brings."""

from typing import TYPE_CHECKING

from torch import nn

from rastervision.pipeline.errors import ConfigError

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


def check_optimizer(optimizer: 'Optimizer | None', model: nn.Module) -> None:
    """Make sure that an optimizer, if one was given, changes a model.

    Raises:
        ConfigError: It holds none of the model's parameters.
    """
    if optimizer is None:
        return
    changed = {id(p) for group in optimizer.param_groups for p in group['params']}
    if changed.isdisjoint(map(id, model.parameters())):
        raise ConfigError(
            'optimizer holds no parameter of the model, which it would never change; make it from '
            'model.parameters() of the very model that is given as model=.'
        )


def check_scheduler(name: str, scheduler: 'LRScheduler | None', optimizer: 'Optimizer') -> None:
    """Make sure that a scheduler, if there is one, sets the learning rate of an optimizer.

    Args:
        name: What the user calls it.
        scheduler: The scheduler.
        optimizer: The optimizer that trains.

    Raises:
        ConfigError: It sets that of another one.
    """
    if scheduler is not None and getattr(scheduler, 'optimizer', optimizer) is not optimizer:
        raise ConfigError(
            f'{name} sets the learning rate of another optimizer than the one that trains; give '
            'its optimizer as optimizer=, too.'
        )
