"""What a Learner is made of: data, model, loss, optimizer and schedulers, from its config."""

import logging
import random
import shutil
import tempfile
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system import download_if_needed
from rastervision.pytorch_learner.learner_data import LearnerData, dataset_size
from rastervision.pytorch_learner.learner_paths import LearnerPaths
from rastervision.pytorch_learner.models.adapt import likes_channels_last
from rastervision.pytorch_learner.models.weights import load_weights
from rastervision.pytorch_learner.tasks.task import Task
from rastervision.pytorch_learner.training.optimizer_checks import (
    check_optimizer,
    check_scheduler,
)
from rastervision.pytorch_learner.training.run_folder import RunFolder
from rastervision.pytorch_learner.utils.torch_hub import get_hubconf_dir_from_cfg

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from rastervision.pytorch_learner.dataset.visualizer.visualizer import Visualizer
    from rastervision.pytorch_learner.external_module import ExternalModuleConfig
    from rastervision.pytorch_learner.inference.onnx_model import OnnxModel
    from rastervision.pytorch_learner.learner_config import LearnerConfig
    from rastervision.pytorch_learner.solver_config import SolverConfig

log = logging.getLogger(__name__)


class LearnerSetup(LearnerPaths, LearnerData):
    """Builds the parts of a Learner; every `build_...` may be overridden.

    Attributes:
        cfg: The config; a copy of what was given, with defaults filled in.
        training: Whether this learner is to train.
        model: The network, on `device`. With weights from a bundle and for prediction only, it is
            made when something asks for it: an engine may do without, see `LearnerEngine`.
        onnx: The same model as ONNX, if its bundle has it.
        device: A GPU if there is one.
        task: Loss, metrics and meaning of the model's output.
        train_ds, valid_ds, test_ds: Datasets, None for one that there is not.
        train_dl, valid_dl, test_dl: Their data loaders; set for training.
        loss, opt, step_scheduler, epoch_scheduler: Set for training.
        scaler: Keeps small gradients from vanishing in float16; set for training.
        tmp_dir: Folder for temporary files.
    """

    task: Task
    onnx: 'OnnxModel | None' = None
    loss: Callable[..., Tensor] | None
    opt: 'Optimizer'
    step_scheduler: 'LRScheduler | None'
    epoch_scheduler: 'LRScheduler | None'
    scaler: torch.amp.GradScaler

    def __init__(
        self,
        cfg: 'LearnerConfig',
        output_dir: str | None = None,
        train_ds: Dataset[Any] | None = None,
        valid_ds: Dataset[Any] | None = None,
        test_ds: Dataset[Any] | None = None,
        model: nn.Module | None = None,
        loss: Callable[..., Tensor] | None = None,
        optimizer: 'Optimizer | None' = None,
        epoch_scheduler: 'LRScheduler | None' = None,
        step_scheduler: 'LRScheduler | None' = None,
        tmp_dir: str | None = None,
        model_weights_path: str | None = None,
        model_def_path: str | None = None,
        loss_def_path: str | None = None,
        training: bool = True,
    ) -> None:
        """Constructor.

        Args:
            cfg: The config. What is given below takes the place of what it describes.
            output_dir: Folder for the outputs of training; `cfg.output_uri` by default.
            train_ds: Training data. When any data are given, none are built from the config.
            valid_ds: Validation data.
            test_ds: Test data.
            model: The network.
            loss: Loss of the model's output and the labels.
            optimizer: Over the parameters of `model`.
            epoch_scheduler: Of `optimizer`; stepped after every epoch.
            step_scheduler: Of `optimizer`; stepped after every batch.
            tmp_dir: Folder for temporary files; one of its own by default.
            model_weights_path: Local weights file to load.
            model_def_path: Folder with the code of `cfg.model.external_def`, fetched before.
            loss_def_path: Folder with the code of `cfg.solver.external_loss_def`, fetched before.
            training: Whether to train, or to predict only.

        Raises:
            ConfigError: Something that is needed is neither given nor in the config, or what is
                given does not go together.
            DataError: Weights do not fit the model, or there are no training data.
        """
        self.cfg = cfg.copy()
        self.cfg.update()
        if training:
            self.cfg.recursive_validate_config()
        self.training = training
        self.tmp_dir = tmp_dir or self._make_tmp_dir()
        self.device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
        self.train_ds, self.valid_ds, self.test_ds = train_ds, valid_ds, test_ds
        self._folder = None
        if training:
            self._seed()
            self._open_folder(output_dir)
            self.setup_data()
        self._given_model = model
        self._model: nn.Module | None = None
        self._model_paths = (model_weights_path, model_def_path)
        if training or model is not None or model_weights_path is None:
            self.setup_model(*self._model_paths)
        self.loss = loss
        if training:
            self.setup_training(loss_def_path, optimizer, step_scheduler, epoch_scheduler)
        self.task = self.make_task()

    # --- config

    def _make_tmp_dir(self) -> str:
        """A folder that goes when this learner does."""
        path = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)
        return path

    def _seed(self) -> None:
        seed = self.solver.seed
        if seed is not None:
            torch.manual_seed(seed)
            # for code that the user brings
            np.random.seed(seed % 2**32)  # noqa: NPY002
            random.seed(seed)

    def _open_folder(self, output_dir: str | None) -> None:
        uri = output_dir or self.cfg.output_uri
        if uri is None:
            raise ConfigError('Training needs an output_dir, or output_uri in the config.')
        self._folder = RunFolder.open(uri, self.tmp_dir)
        self.cfg.output_uri = uri

    @property
    def solver(self) -> 'SolverConfig':
        """The solver's config.

        Raises:
            ConfigError: There is none.
        """
        if self.cfg.solver is None:
            raise ConfigError('Training needs a solver in the config: SolverConfig().')
        return self.cfg.solver

    # --- task

    def make_task(self) -> Task:
        """The part of learning that differs between tasks."""
        raise NotImplementedError(
            f'{type(self).__name__} does not say for which task it is; use the learner of a task, '
            'such as SemanticSegmentationLearner.'
        )

    def ignored_class(self) -> int | None:
        """The class that does not count in loss and metrics, if there is one; never predicted."""
        if self.cfg.solver is None:
            return None
        return self.cfg.solver.ignored_class(self.cfg.data.num_classes)

    def get_visualizer_class(self) -> 'type[Visualizer]':
        """What draws batches of the task."""
        raise NotImplementedError(f'{type(self).__name__} does not say how to draw its batches.')

    @property
    def visualizer(self) -> 'Visualizer':
        """Draws batches, as `cfg.data.plot_options` says."""
        data, options = self.cfg.data, self.cfg.data.plot_options
        return self.get_visualizer_class()(
            data.class_names,
            data.class_colors,
            transform=options.transform if options else None,
            channel_display_groups=options.channel_display_groups if options else None,
        )

    # --- model

    @property
    def model(self) -> nn.Module:
        """The network."""
        if self._model is None:
            onnx = self.onnx
            self.setup_model(*self._model_paths)
            self.onnx = onnx
        if self._model is None:
            raise ValueError('setup_model() has not set the model.')
        return self._model

    @model.setter
    def model(self, model: nn.Module) -> None:
        self._model, self.onnx = model, None

    def setup_model(
        self, model_weights_path: str | None = None, model_def_path: str | None = None
    ) -> None:
        """Set the model, load its weights and put it on the device."""
        self.model = self._given_model or self.build_model(model_def_path)
        self.load_init_weights(model_weights_path)
        self.model.to(self.device)
        if likes_channels_last(self.model):
            self.model.to(memory_format=torch.channels_last)
        if not self.training:
            self.model.eval()

    def build_model(self, model_def_path: str | None = None) -> nn.Module:
        """Make the model that the config describes.

        Args:
            model_def_path: Folder with its code, fetched before.

        Raises:
            ConfigError: The config has no model, or it cannot be made.
        """
        if self.cfg.model is None:
            raise ConfigError('There is no model: give one in the config, or model=.')
        channels = self.cfg.data.img_channels
        if channels is None:
            raise ConfigError('data.img_channels is not set, so the model cannot be made.')
        return self.cfg.model.build(
            self.cfg.data.num_classes,
            channels,
            save_dir=str(self.folder.modules) if self.training else None,
            hubconf_dir=self._kept_code(self.cfg.model.external_def, model_def_path),
            **self.model_args(),
        )

    def model_args(self) -> dict[str, Any]:
        """What `build` of the task's model config takes beyond that of all tasks."""
        return {}

    def _kept_code(self, module: 'ExternalModuleConfig | None', path: str | None) -> str | None:
        """Folder with the code of a module; for training, a copy that goes into the bundle."""
        if module is None or path is None or not self.training:
            return path
        copy = get_hubconf_dir_from_cfg(module, str(self.folder.modules))
        shutil.copytree(path, copy, dirs_exist_ok=True)
        return copy

    def load_init_weights(self, model_weights_path: str | None = None) -> None:
        """Load weights from a local file, or else those that the config starts from."""
        cfg = self.cfg.model
        if model_weights_path is not None:
            self.load_weights(model_weights_path)
        elif cfg is not None and cfg.init_weights is not None:
            self.load_weights(cfg.init_weights, strict=cfg.load_strict)

    def load_weights(self, uri: str, strict: bool = True) -> None:
        """Load weights into the model; no code in the file is run.

        Args:
            uri: A .safetensors file, or a state dictionary saved by torch.
            strict: Demand that the weights match the model one to one.

        Raises:
            NotReadableError: There is no such file.
            DataError: It holds no weights, or they do not fit.
        """
        self.onnx = None
        load_weights(self.model, download_if_needed(uri, self.tmp_dir), strict)
        level = logging.INFO if self.training else logging.DEBUG
        log.log(level, 'Weights loaded from %s.', uri)

    # --- training

    def setup_training(
        self,
        loss_def_path: str | None = None,
        optimizer: 'Optimizer | None' = None,
        step_scheduler: 'LRScheduler | None' = None,
        epoch_scheduler: 'LRScheduler | None' = None,
    ) -> None:
        """Set loss, optimizer and schedulers; those that are not given come from the config."""
        self.setup_loss(loss_def_path)
        check_optimizer(optimizer, self.model)
        self.opt = optimizer or self.build_optimizer()
        check_scheduler('step_scheduler', step_scheduler, self.opt)
        check_scheduler('epoch_scheduler', epoch_scheduler, self.opt)
        self.step_scheduler = step_scheduler or self.build_step_scheduler()
        self.epoch_scheduler = epoch_scheduler or self.build_epoch_scheduler()
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.solver.precision == 'float16'
        )

    def setup_loss(self, loss_def_path: str | None = None) -> None:
        """Set the loss, unless one was given, and put it on the device."""
        self.loss = self.loss or self.build_loss(loss_def_path)
        if isinstance(self.loss, nn.Module):
            self.loss.to(self.device)

    def build_loss(self, loss_def_path: str | None = None) -> Callable[..., Tensor]:
        """Make the loss that the config describes.

        A class called "null" that it leaves out by default is named in the config then, so that
        those who predict with the model know that its score is not trained.

        Args:
            loss_def_path: Folder with its code, fetched before.
        """
        classes = self.cfg.data.class_config
        nodata = classes.null_class_id if classes and classes.null_is_nodata else None
        if self.solver.external_loss_def is None and self.solver.ignore_class_index is None:
            self.solver.ignore_class_index = nodata
        return self.solver.build_loss(
            self.cfg.data.num_classes,
            save_dir=str(self.folder.modules),
            hubconf_dir=self._kept_code(self.solver.external_loss_def, loss_def_path),
            nodata_class=nodata,
        )

    def build_optimizer(self) -> 'Optimizer':
        """Make the optimizer."""
        return self.solver.build_optimizer(self.model)

    def build_step_scheduler(self, start_epoch: int = 0) -> 'LRScheduler | None':
        """Make what changes the learning rate after every batch.

        Args:
            start_epoch: Number of epochs that are done; the optimizer has to be in the state that
                they left it in.
        """
        steps_done = start_epoch * len(self.train_dl)
        return self.solver.build_step_scheduler(
            self.opt, dataset_size(self.train_ds), last_epoch=steps_done - 1
        )

    def build_epoch_scheduler(self, start_epoch: int = 0) -> 'LRScheduler | None':
        """Make what changes the learning rate after every epoch; as `build_step_scheduler`."""
        return self.solver.build_epoch_scheduler(self.opt, last_epoch=start_epoch - 1)
