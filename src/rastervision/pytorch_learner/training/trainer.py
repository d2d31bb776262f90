"""Training with Lightning, which is imported here and nowhere outside of training."""

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rastervision.pipeline.progress import progress
from rastervision.pytorch_learner.training.loaders import SeededEpochs

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
        KeyboardInterrupt: The user interrupted it.
    """
    loader = SeededEpochs(learner.train_dl, seed, start_epoch)
    epochs = end_epoch - start_epoch
    with _quiet_lightning() as pl, progress(epochs * len(loader), 'Training') as advance:
        from rastervision.pytorch_learner.training.callbacks import ReportProgress
        from rastervision.pytorch_learner.training.module import LearnerModule

        trainer = pl.Trainer(
            max_epochs=epochs,
            accelerator='gpu' if learner.device.type == 'cuda' else 'cpu',
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            callbacks=[ReportProgress(advance)],
            default_root_dir=learner.tmp_dir,
        )
        try:
            with _interrupts_as_usual():
                trainer.fit(LearnerModule(learner, start_epoch), loader)
        finally:
            learner.model.to(learner.device)


@contextmanager
def _interrupts_as_usual() -> Iterator[None]:
    """Undo what Lightning does at Ctrl-C: it ends the process and turns later Ctrl-C off."""
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as error:
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from error


@contextmanager
def _quiet_lightning() -> Iterator[Any]:
    """Import Lightning, and keep it from telling what a user of ours cannot act on."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', module=r'(lightning|torchmetrics)\..*')
        import lightning.pytorch as pl

        logger = logging.getLogger('lightning.pytorch')
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            yield pl
        finally:
            logger.setLevel(level)
