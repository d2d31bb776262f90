"""Training over several epochs."""

from typing import TYPE_CHECKING

from rastervision.pipeline.errors import StageError
from rastervision.pipeline.progress import progress
from rastervision.pytorch_learner.training.loaders import SeededEpochs
from rastervision.pytorch_learner.training.steps import advance_scheduler

if TYPE_CHECKING:
    from rastervision.pytorch_learner.learner import Learner


def fit(learner: 'Learner', start_epoch: int, end_epoch: int, seed: int) -> None:
    """Train a learner's model, on the learner's device.

    Args:
        learner: Has model, data, optimizer and schedulers.
        start_epoch: Number of epochs that are done.
        end_epoch: Number of epochs after which to stop.
        seed: What the seeds of the epochs are made from.

    Raises:
        StageError: The loss is no number any more.
    """
    steps = (end_epoch - start_epoch) * len(learner.train_dl)
    with progress(steps, 'Training') as advance:
        loader = SeededEpochs(learner.train_dl, seed, start_epoch, advance)
        for epoch in range(start_epoch, end_epoch):
            try:
                trained = learner.train_epoch(learner.opt, loader, learner.step_scheduler)
            except StageError as error:
                raise StageError(f'Epoch {epoch}: {error}') from error
            metrics = {'epoch': epoch, **trained}
            if learner.valid_dl is not None:
                metrics |= learner.validate_epoch(learner.valid_dl)
            advance_scheduler(learner.epoch_scheduler)
            learner.on_epoch_end(epoch, metrics)
