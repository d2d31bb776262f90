"""Learner: trains a model and predicts with it. The public face; its parts do the work."""

import logging
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch.utils.data import DataLoader

from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system import atomic_path, json_to_file
from rastervision.pytorch_learner.data_config import Split
from rastervision.pytorch_learner.learner_inference import LearnerInference
from rastervision.pytorch_learner.training.checkpoint import (
    Progress,
    load_checkpoint,
    new_seed,
    recipe_digest,
    save_checkpoint,
)
from rastervision.pytorch_learner.training.run_log import TensorBoard, log_metrics_to_csv
from rastervision.pytorch_learner.training.steps import (
    mean_of_steps,
    run_train_epoch,
    run_validation_epoch,
)
from rastervision.pytorch_learner.training.trainer import fit

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from rastervision.pytorch_learner.learner_config import LearnerConfig

log = logging.getLogger(__name__)

_DETAILS = ('_precision', '_recall')


class Learner(LearnerInference):
    """Trains a model and predicts with it; subclasses say for which task.

    Any step may be overridden: those of `LearnerSetup`, and `train_step`, `validate_step`,
    `validate_end`, `on_epoch_end`, `predict` and so on.
    """

    config_class: 'ClassVar[type[LearnerConfig] | None]' = None
    """What a bundle has to hold for `from_model_bundle`; any config if None."""

    _progress: Progress | None = None
    _tensorboard: TensorBoard | None = None

    @classmethod
    def from_model_bundle(
        cls,
        model_bundle_uri: str,
        tmp_dir: str | None = None,
        cfg: 'LearnerConfig | None' = None,
        training: bool = False,
        use_onnx_model: bool | None = None,
        trust_code: bool = False,
        **kwargs: Any,
    ) -> Self:
        """Make a learner with the model of a bundle.

        Args:
            model_bundle_uri: Bundle that a learner wrote, or one of a pipeline, which holds it.
            tmp_dir: Folder for temporary files; it has to outlive the learner.
            cfg: Config to use instead of the bundle's, of which only the weights are used then.
            training: Whether to train further, or to predict only.
            use_onnx_model: Predict from the bundle's ONNX file (True) or with PyTorch (False); by
                default, with PyTorch for a model of the caller's own, otherwise with whichever is
                faster, see `choose_engine`. A file that is not known to
                agree with the weights, such as one of release 0.31, is compared with them first.
            trust_code: Run code that the bundle carries.
            kwargs: Further arguments of the constructor, such as `model`.

        Raises:
            NotReadableError: There is no such file.
            DataError: The file is no such bundle, or carries code and is not trusted.
            ConfigError: use_onnx_model is true, but the bundle has no ONNX file, or training too;
                or the bundle is of another task.
        """
        from rastervision.pytorch_learner.model_bundle import open_model_bundle

        if training and use_onnx_model:
            raise ConfigError('use_onnx_model=True is for predictions; leave it out for training.')
        if cls is Learner and kwargs:
            raise ConfigError(
                f'{", ".join(kwargs)}: call from_model_bundle of the learner of a task, such as '
                'SemanticSegmentationLearner, to pass these.'
            )
        place = tmp_dir or tempfile.mkdtemp()
        own_model = kwargs.get('model') is not None
        bundle = open_model_bundle(
            model_bundle_uri, place, cfg, own_model=own_model, trust_code=trust_code, train=training
        )
        if cls.config_class is not None and not isinstance(bundle.cfg, cls.config_class):
            raise ConfigError(
                f'{model_bundle_uri} is of a {type(bundle.cfg).__name__}, which {cls.__name__} '
                'cannot use; Learner.from_model_bundle() makes the learner that can.'
            )
        make = bundle.cfg.build if cls is Learner else partial(cls, bundle.cfg)
        learner: Any = make(
            tmp_dir=place,
            model_weights_path=bundle.weights,
            model_def_path=bundle.model_def,
            loss_def_path=bundle.loss_def,
            training=training,
            **kwargs,
        )
        if tmp_dir is None:
            weakref.finalize(learner, shutil.rmtree, place, ignore_errors=True)
        made: Self = learner
        if use_onnx_model is None and own_model:
            use_onnx_model = False
        if not training and use_onnx_model is not False:
            other = own_model or cfg is not None  # than the record in the bundle is about
            made.find_onnx(bundle.onnx_path, None if other else bundle.onnx, use_onnx_model)
        if made.engine_name == 'torch':
            made.model  # noqa: B018 - makes it now, so that an error comes now
        return made

    def main(self) -> None:
        """Train, and write everything that shows how it went."""
        self.cfg.to_file(self.config_path)
        self.plot_dataloaders(self.cfg.data.preview_batch_limit)
        self.train()
        if self.cfg.eval_train:
            self.validate('train')
        if self.valid_dl is not None:
            self.validate('valid')
            self.plot_predictions('valid', self.cfg.data.preview_batch_limit)
        if self.cfg.save_model_bundle:
            self.save_model_bundle()
        self.sync_to_cloud()

    # --- training

    def train(self, epochs: int | None = None) -> None:
        """Train, going on after the last epoch of a run that was cut off in the same folder.

        Args:
            epochs: Number of further epochs; by default, up to `solver.num_epochs` in all.

        Raises:
            DataError: There is a checkpoint that cannot be used.
            StageError: The loss is no number any more.
        """
        self.cfg.to_file(self.config_path)
        start, end = self.get_start_and_end_epochs(epochs)
        progress = self._reached()
        if start >= end:
            log.info(
                'The model is trained already (epochs: %d): %s. To train anew, delete that folder '
                'or choose another root_uri; to train on, ask for more epochs.',
                start,
                self.folder.local,
            )
            return
        if start > 0:
            log.info('Training goes on after epoch %d of %d.', start, end)
        self.log_data_stats()
        self.on_train_start()
        self.setup_tensorboard()
        self.run_tensorboard()
        try:
            fit(self, start, end, progress.seed)
        finally:
            self.stop_tensorboard()

    def log_data_stats(self) -> None:
        """Log how much data there are, and where the model runs."""
        sizes = {'train': self.train_dl, 'valid': self.valid_dl, 'test': self.test_dl}
        shown = [f'{len(dl.dataset)} {split}' for split, dl in sizes.items() if dl is not None]  # type: ignore[arg-type] # any Dataset
        log.info('Chips: %s; device: %s.', ', '.join(shown), self.device)

    def get_start_epoch(self) -> int:
        """Number of epochs that are done, by this learner or by a run that it is to go on with."""
        return self._reached().epoch if self.training else 0

    def _reached(self) -> Progress:
        """How far training is; loads the last checkpoint when asked for the first time."""
        if self._progress is None:
            self._progress = self.load_checkpoint()
        return self._progress

    def get_start_and_end_epochs(self, epochs: int | None = None) -> tuple[int, int]:
        """Numbers of epochs that are done now and after training; see `train`."""
        start = self.get_start_epoch()
        return start, self.solver.num_epochs if epochs is None else start + epochs

    def train_epoch(
        self,
        optimizer: 'Optimizer',
        dataloader: Iterable[Any] | None = None,
        step_scheduler: 'LRScheduler | None' = None,
    ) -> dict[str, Any]:
        """Train for one epoch, without checkpoint or logs.

        Args:
            optimizer: Over the model's parameters.
            dataloader: Training data; those of this learner by default.
            step_scheduler: Stepped after every batch.

        Returns:
            Metrics by name, with `train_loss`.

        Raises:
            StageError: The loss is no number any more.
        """
        loader = self.train_dl if dataloader is None else dataloader
        return run_train_epoch(self, loader, optimizer, step_scheduler)

    def train_step(self, batch: Any, batch_ind: int) -> dict[str, Any]:  # noqa: ARG002  for subclasses
        """Loss of a batch (x, y) on the device, as `train_loss`."""
        x, y = batch
        return {'train_loss': self.task.loss(self.post_forward(self.model(x)), y)}

    def on_train_start(self) -> None:
        """Do something before the first epoch; for subclasses."""

    def train_end(self, outputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Metrics of an epoch, from what its `train_step`s gave: the means."""
        return mean_of_steps(outputs)

    def validate(self, split: Split = 'valid') -> dict[str, Any]:
        """Compute the metrics of a split, log them and write them to a JSON file."""
        metrics = self.validate_epoch(self.get_dataloader(split))
        log.info('%s: %s', split, _brief(metrics))
        if self._folder is not None:
            json_to_file(metrics, str(self.folder.metrics(split)))
        return metrics

    def eval_model(self, split: Split = 'valid') -> dict[str, Any]:
        """Another name of `validate`, from releases before 0.31."""
        return self.validate(split)

    def validate_epoch(self, dl: DataLoader[Any]) -> dict[str, Any]:
        """Metrics of the data of a loader."""
        return run_validation_epoch(self, dl)

    def validate_step(self, batch: Any, batch_ind: int) -> dict[str, Any]:  # noqa: ARG002  for subclasses
        """Loss of a batch (x, y) on the device, as `val_loss`, and what the metrics need."""
        x, y = batch
        out = self.post_forward(self.model(x))
        return {'val_loss': self.task.loss(out, y), **self.task.validation_figures(out, y)}

    def validate_end(self, outputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Metrics of an epoch, from what its `validate_step`s gave."""
        return {**mean_of_steps(outputs), **self.task.metrics(outputs)}

    def on_epoch_end(self, curr_epoch: int, metrics: dict[str, Any]) -> None:
        """Log the metrics of an epoch, and save the model and the state of the training."""
        log.info('Epoch %d/%d: %s', curr_epoch + 1, self.solver.num_epochs, _brief(metrics))
        log_metrics_to_csv(self.folder.log, metrics)
        if self._tensorboard is not None:
            self._tensorboard.log(metrics)
        if self.cfg.save_all_checkpoints:
            self.save_weights(str(self.folder.checkpoints / f'model-ckpt-epoch-{curr_epoch}.pth'))
        self.save_weights(str(self.folder.weights))
        self.save_checkpoint(curr_epoch + 1)
        if (curr_epoch + 1) % self.solver.sync_interval == 0:
            self.sync_to_cloud()

    # --- files

    def save_weights(self, path: str) -> None:
        """Write the model's state dictionary in one step."""
        with atomic_path(path) as tmp_path:
            torch.save(self.model.state_dict(), tmp_path)

    def save_checkpoint(self, epochs_done: int) -> None:
        """Write all that training needs to go on, in one step."""
        progress = self._progress or self._new_progress()
        self._progress = Progress(epochs_done, progress.seed, progress.recipe)
        save_checkpoint(self.folder.last_checkpoint, self._progress, self._parts())

    def load_checkpoint(self) -> Progress:
        """Put model, optimizer and schedulers into the state of the last checkpoint, if any.

        Raises:
            DataError: There is one that cannot be used.
        """
        parts = self._parts()
        recipe = recipe_digest(self.cfg, parts)
        found = load_checkpoint(self.folder.last_checkpoint, recipe, parts)
        return found or self._new_progress()

    def _new_progress(self) -> Progress:
        return Progress(0, new_seed(), recipe_digest(self.cfg, self._parts()))

    def _parts(self) -> dict[str, Any]:
        return {
            'model': self.model,
            'optimizer': self.opt,
            'step_scheduler': self.step_scheduler,
            'epoch_scheduler': self.epoch_scheduler,
            'scaler': self.scaler,
        }

    def save_model_bundle(self, export_onnx: bool = True) -> None:
        """Write the model bundle to the folder of the outputs.

        Args:
            export_onnx: Add the model as ONNX, which CPUs run faster. If that cannot be done, a
                warning says why.
        """
        from rastervision.core.bundle import ONNX
        from rastervision.pytorch_learner.model_bundle import write_model_bundle

        self.cfg.to_file(self.config_path)
        with tempfile.TemporaryDirectory(dir=self.tmp_dir) as folder:
            onnx = self.try_onnx(str(Path(folder, ONNX))) if export_onnx else None
            write_model_bundle(
                str(self.folder.bundle), self.cfg, self.model, self.folder.modules, onnx
            )
        self.sync_to_cloud()

    def setup_tensorboard(self) -> None:
        """Begin to write logs for TensorBoard, if the config says so."""
        if self.cfg.log_tensorboard and self._tensorboard is None:
            self._tensorboard = TensorBoard(self.folder.tensorboard)

    def run_tensorboard(self) -> None:
        """Start TensorBoard on the logs, if the config says so; `stop_tensorboard` ends it."""
        if self.cfg.run_tensorboard and self._tensorboard is not None:
            self._tensorboard.serve()

    def stop_tensorboard(self) -> None:
        """Finish the logs for TensorBoard, and stop it."""
        if self._tensorboard is not None:
            self._tensorboard.close()
            self._tensorboard = None


def _brief(metrics: Mapping[str, Any]) -> str:
    """Losses and summary metrics for a log line."""
    shown = {
        name: value
        for name, value in metrics.items()
        if isinstance(value, float) and not name.endswith(_DETAILS) and not name.startswith('null_')
    }
    return ', '.join(f'{name} {value:.3f}' for name, value in shown.items())
