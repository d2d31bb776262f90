"""How to train: loss, optimizer and learning rates."""

import logging
from collections.abc import Callable, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, FiniteFloat, NonNegativeFloat

from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.external_module import ExternalModuleConfig
from rastervision.pytorch_learner.upgraders import solver_config_upgrader

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from rastervision.pytorch_learner.learner_config import LearnerConfig

log = logging.getLogger(__name__)

STAGE_FACTOR = 0.1


@register_config('solver', upgrader=solver_config_upgrader)
class SolverConfig(Config):
    """Loss, optimizer, learning rates, number of epochs and batch size."""

    lr: FiniteFloat = Field(
        1e-4, gt=0, description='Learning rate; with one_cycle, the highest one.'
    )
    num_epochs: int = Field(10, gt=0, description='Number of times that training sees its data.')
    sync_interval: int = Field(
        1,
        gt=0,
        description='Number of epochs between two uploads of the outputs to a remote output_uri.',
    )
    batch_sz: int = Field(32, gt=0, description='Number of chips in a batch.')
    one_cycle: bool = Field(
        True,
        description='Raise the learning rate to lr and lower it again over the whole training, '
        'step by step.',
    )
    multi_stage: list[int] = Field(
        [],
        description='Epochs at which the learning rate is divided by 10. Needs one_cycle=False.',
    )
    class_loss_weights: Sequence[NonNegativeFloat] | None = Field(
        None,
        min_length=1,
        description='Weight of each class in the loss. A null class that was added to the '
        'classes may be left out.',
    )
    dice_weight: float = Field(
        0.0,
        ge=0,
        description='Weight of a soft Dice loss that is added to the cross entropy. Above 0, '
        'classes that cover little count as much as those that cover much.',
    )
    ignore_class_index: int | None = Field(
        None,
        description='Id of a class whose pixels do not count in the loss and in the metrics of the '
        'validation; negative ids count from the last class. By default, the class called "null", '
        'if there is one; in the metrics, that one never counts.',
    )
    seed: int | None = Field(
        None,
        ge=0,
        description='Seed of all random numbers of a training: with the same seed, data, '
        'num_workers and machine, the same model comes out. By default, every training differs.',
    )
    precision: Literal['float32', 'float16', 'bfloat16'] = Field(
        'float32',
        description='Number format of most computations in training. On GPUs, the 16-bit formats '
        'are faster and need less memory: bfloat16 on recent ones, float16 on all. Weights '
        'stay in float32.',
    )
    external_loss_def: ExternalModuleConfig | None = Field(
        None, description="Code that makes the loss, instead of the task's own."
    )

    def update(self, learner: 'LearnerConfig | None' = None) -> None:
        """Fill what depends on the rest of the learner's config: nothing for this class."""

    def validate_config(self) -> None:
        if self.one_cycle and self.multi_stage:
            log.warning(
                'multi_stage=%s has no effect with one_cycle=True; set one_cycle=False to use it.',
                self.multi_stage,
            )

    def class_weights(
        self, num_classes: int, nodata_class: int | None = None
    ) -> list[float] | None:
        """Weight of each of `num_classes` classes, or None if all count the same.

        Args:
            num_classes: Number of classes, the null class included.
            nodata_class: A class that stands for missing data; it may have been left out of
                `class_loss_weights` and has weight 0 then.

        Raises:
            ConfigError: If the number of weights does not fit.
        """
        if self.class_loss_weights is None:
            return None
        weights = [float(w) for w in self.class_loss_weights]
        if nodata_class is not None and len(weights) == num_classes - 1:
            weights.insert(nodata_class, 0.0)
        if len(weights) != num_classes:
            raise ConfigError(
                f'class_loss_weights has {len(weights)} numbers but there are {num_classes} '
                'classes (the null class included); give one number per class.'
            )
        return weights

    def ignored_class(self, num_classes: int) -> int | None:
        """`ignore_class_index` as an id in [0, num_classes), or None.

        Raises:
            ConfigError: If there is no such class.
        """
        index = self.ignore_class_index
        if index is None:
            return None
        if not -num_classes <= index < num_classes:
            raise ConfigError(
                f'ignore_class_index={index} is no class; use {-num_classes}..{num_classes - 1}.'
            )
        return index % num_classes

    def build_loss(
        self,
        num_classes: int,
        save_dir: str | None = None,
        hubconf_dir: str | None = None,
        nodata_class: int | None = None,
    ) -> Callable[..., Any]:
        """Make the loss: cross entropy with soft Dice, or what `external_loss_def` makes.

        Args:
            num_classes: Number of classes, the null class included.
            save_dir: Folder in which code of `external_loss_def` is kept.
            hubconf_dir: Folder with that code, if it was fetched before.
            nodata_class: The class that stands for missing data, if there is one. It is left out
                when `ignore_class_index` names no other.

        Returns:
            A function of scores (N, K, ...) and class ids (N, ...).

        Raises:
            ConfigError: If the weights do not fit, or the code makes no loss.
        """
        if self.external_loss_def is not None:
            loss = self.external_loss_def.build(save_dir, hubconf_dir)
            if not callable(loss):
                raise self.external_loss_def.wrong_kind(loss, 'a loss, which can be called')
            made: Callable[..., Any] = loss
            return made
        from rastervision.pytorch_learner.models.loss import (
            CrossEntropyWithDice,
            MaskedCrossEntropy,
            SoftDice,
        )

        chosen = self.ignored_class(num_classes)
        ignored = nodata_class if chosen is None else chosen
        weights = self.class_weights(num_classes, nodata_class)
        cross_entropy = MaskedCrossEntropy(weights, ignored, num_classes)
        if not self.dice_weight:
            return cross_entropy
        return CrossEntropyWithDice(cross_entropy, SoftDice(ignored), self.dice_weight)

    def build_optimizer(self, model: 'nn.Module') -> 'Optimizer':
        """Adam over the parameters that are not frozen."""
        from rastervision.pytorch_learner.training.adam import QuickAdam

        return QuickAdam([p for p in model.parameters() if p.requires_grad], lr=self.lr)

    def build_step_scheduler(
        self, optimizer: 'Optimizer', train_ds_sz: int, last_epoch: int = -1
    ) -> 'LRScheduler | None':
        """Make the scheduler to be stepped after every batch, if `one_cycle`.

        Args:
            optimizer: Whose learning rate it sets.
            train_ds_sz: Number of chips in an epoch.
            last_epoch: Number of steps done before, -1 for none.
        """
        if not self.one_cycle:
            return None
        from torch.optim.lr_scheduler import OneCycleLR

        steps = self.num_epochs * max(1, ceil(train_ds_sz / self.batch_sz))
        return OneCycleLR(optimizer, max_lr=self.lr, total_steps=steps, last_epoch=last_epoch)

    def build_epoch_scheduler(
        self, optimizer: 'Optimizer', last_epoch: int = -1
    ) -> 'LRScheduler | None':
        """Make the scheduler to be stepped after every epoch, if `multi_stage`.

        Args:
            optimizer: Whose learning rate it sets.
            last_epoch: Number of epochs done before, -1 for none.
        """
        if not self.multi_stage:
            return None
        from torch.optim.lr_scheduler import MultiStepLR

        return MultiStepLR(
            optimizer, milestones=self.multi_stage, gamma=STAGE_FACTOR, last_epoch=last_epoch
        )
