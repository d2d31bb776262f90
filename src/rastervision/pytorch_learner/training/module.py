"""The one LightningModule: it trains whatever a Learner says."""

import time
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from rastervision.pytorch_learner.training.steps import (
    Step,
    advance_scheduler,
    check_finite,
    detached,
    elapsed_since,
)

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from rastervision.pytorch_learner.learner import Learner


class LearnerModule(pl.LightningModule):
    """Steps, optimizer and what follows an epoch are the learner's."""

    def __init__(self, learner: 'Learner', start_epoch: int) -> None:
        """Constructor.

        Args:
            learner: The learner.
            start_epoch: Number of epochs that were done before.
        """
        super().__init__()
        self.learner = learner
        self.model = learner.model
        self.start_epoch = start_epoch
        self._outputs: list[Step] = []
        self._started = 0.0

    @property
    def epoch(self) -> int:
        """Number of the epoch, counted over all parts of the run."""
        return self.start_epoch + self.current_epoch

    def configure_optimizers(self) -> 'Optimizer':
        return self.learner.opt

    def transfer_batch_to_device(
        self,
        batch: Any,
        device: torch.device,
        dataloader_idx: int,  # noqa: ARG002  Lightning's signature
    ) -> Any:
        return self.learner.to_device(batch, device)

    def on_train_epoch_start(self) -> None:
        self._outputs = []
        self._started = time.perf_counter()
        self.learner.model.train()

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        output = self.learner.train_step(batch, batch_idx)
        loss: Tensor = output['train_loss']
        self._outputs.append(detached(output))
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        check_finite(self._outputs[-1]['train_loss'], batch_idx, self.epoch)
        advance_scheduler(self.learner.step_scheduler)

    def on_train_epoch_end(self) -> None:
        learner = self.learner
        metrics = {
            'epoch': self.epoch,
            **learner.train_end(self._outputs),
            'train_time': elapsed_since(self._started),
        }
        if learner.valid_dl is not None:
            metrics |= learner.validate_epoch(learner.valid_dl)
        advance_scheduler(learner.epoch_scheduler)
        learner.on_epoch_end(self.epoch, metrics)
