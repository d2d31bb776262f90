"""The part of a Learner that runs the model for predictions, by PyTorch or from ONNX."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from rastervision.pipeline.errors import ConfigError, DataError
from rastervision.pipeline.file_system import atomic_path
from rastervision.pytorch_learner.inference.engine import (
    EngineName,
    ONNXRuntimeAdapter,
    Wanted,
    choose_engine,
    load_engine,
)
from rastervision.pytorch_learner.inference.onnx_model import (
    OnnxModel,
    check_onnx_file,
    compare,
    export_onnx,
    ready_on_cpu,
)
from rastervision.pytorch_learner.learner_setup import LearnerSetup
from rastervision.pytorch_learner.tasks.task import model_output

log = logging.getLogger(__name__)


class LearnerEngine(LearnerSetup):
    """Runs the model, as fast as can be; see `Learner`.

    Attributes:
        engine_name: What runs the model for predictions: 'torch', 'onnxruntime' or 'openvino'.
    """

    exports_onnx: ClassVar[bool] = True
    """Whether models of the task can be written as ONNX, and run from it."""

    engine_name: EngineName = 'torch'
    _engine: Callable[[Tensor], Tensor] | None = None
    _announced: bool = True

    @property
    def onnx_mode(self) -> bool:
        """Whether predictions are made from ONNX."""
        return self.engine_name != 'torch'

    def use_engine(self, wanted: Wanted = 'auto', precision: str = 'float32') -> None:
        """Choose what runs the model for predictions from now on; see `choose_engine`.

        Args:
            wanted: Its name, or 'auto'.
            precision: Numbers that the model is to compute with.

        Raises:
            ConfigError: The engine that is named cannot run the model.
        """
        chosen = choose_engine(
            wanted, has_onnx=self.onnx is not None, device=self.device, precision=precision
        )
        if chosen != self.engine_name:
            self.engine_name, self._engine, self._announced = chosen, None, False

    def forward(self, x: Tensor) -> Tensor:
        """The part of the model's output that counts, for images (N, C, H, W) on the device.

        Raises:
            DataError: The images have another number of channels than the model takes.
        """
        channels = self.cfg.data.img_channels
        if channels is not None and x.shape[-3] != channels:
            raise DataError(
                f'The images have {x.shape[-3]} channels but the model takes {channels}.'
            )
        engine = self._engine_for(x)
        if not self._announced:
            self._announced = True
            log.info('Engine for predictions: %s.', 'torch' if engine is None else self.engine_name)
        if engine is not None:
            return engine(x).to(x.device)
        self.model.eval()
        out: Tensor = self.post_forward(self.model(x))
        return out

    def runs_in_torch(self, x: Tensor) -> bool:
        """Whether PyTorch runs the model for these images."""
        return self._engine_for(x) is None

    def _engine_for(self, x: Tensor) -> Callable[[Tensor], Tensor] | None:
        """What runs the model from ONNX, if that is wanted and can be done for these images."""
        if self.onnx is None or self.engine_name == 'torch' or not self.onnx.takes(x.shape):
            return None
        if self._engine is None:
            self._engine = load_engine(self.engine_name, self.onnx.path)
        return self._engine

    def post_forward(self, x: Any) -> Any:
        """The part of the model's output that counts."""
        return model_output(x)

    # --- ONNX

    def export_to_onnx(
        self,
        path: str,
        model: nn.Module | None = None,
        sample_input: Tensor | None = None,
        validate_export: bool = True,
        **kwargs: Any,
    ) -> None:
        """Write a model as ONNX.

        Args:
            path: The file to write.
            model: The model; this learner's by default.
            sample_input: At least two square images (N, C, H, W) that the model is followed with;
                random ones of the size of the training images by default.
            validate_export: Demand that ONNX Runtime gives the same scores as PyTorch.
            kwargs: Further arguments of `torch.onnx.export`.

        Raises:
            DataError: The model cannot be written as ONNX, or the file does not agree with it.
        """
        if sample_input is None:
            size = self.cfg.data.img_sz
            generator = torch.Generator().manual_seed(0)
            sample_input = torch.rand(2, self._image_channels(), size, size, generator=generator)
        with ready_on_cpu(model or self.model) as net, atomic_path(path) as tmp_path:
            export_onnx(net, self.post_forward, tmp_path, sample_input, **kwargs)
            if validate_export:
                self._compare(tmp_path, net, sample_input.shape[-1])

    def check_onnx(self, path: str) -> OnnxModel:
        """Compare an ONNX file with the model, for images of the size of the training images.

        Raises:
            DataError: They do not agree, or the file cannot be used.
        """
        check_onnx_file(Path(path))
        with ready_on_cpu(self.model) as net:
            return self._compare(path, net, self.cfg.data.img_sz)

    def try_onnx(self, path: str) -> OnnxModel | None:
        """Write the model as ONNX; if that cannot be done, say why in the log.

        Models of tasks without `exports_onnx` are not written.
        """
        if not self.exports_onnx:
            return None
        try:
            self.export_to_onnx(path, validate_export=False)
            onnx = self.check_onnx(path)
        except Exception as error:  # whatever it is, the model is trained
            log.debug('No ONNX.', exc_info=True)
            log.warning('The bundle holds the model for PyTorch only. %s', error)
            return None
        log.info(
            'The model is in the bundle as ONNX, too; its scores %s.',
            f'differ by {onnx.difference:.1g} at most' if onnx.difference else 'are the same',
        )
        return onnx

    def find_onnx(
        self, path: str | None, known: OnnxModel | None, wanted: bool | None = None
    ) -> None:
        """Predict from an ONNX file of the same model if that is faster, or if it is wanted.

        Args:
            path: The file.
            known: What is known about it; without this, it is compared with the model.
            wanted: Whether it has to be used.

        Raises:
            ConfigError: It has to be used and there is none, or the task makes no use of it.
            DataError: It refers to files elsewhere, or has to be used and does not agree.
        """
        if not self.exports_onnx:
            if wanted:
                raise ConfigError(
                    f'use_onnx_model=True: {type(self).__name__} predicts with PyTorch only; leave '
                    'use_onnx_model out.'
                )
            return
        if path is None:
            if wanted:
                raise ConfigError(
                    'use_onnx_model=True: the bundle has no ONNX file; leave use_onnx_model out.'
                )
            return
        check_onnx_file(Path(path))
        engine: Wanted = 'onnxruntime' if wanted else 'auto'
        if choose_engine(engine, has_onnx=True, device=self.device) == 'torch':
            self.onnx = known
            return
        try:
            self.onnx = known or self.check_onnx(path)
        except DataError as error:
            if wanted:
                raise
            log.warning('The ONNX file of the bundle is not used. %s', error)
        self.use_engine(engine)

    def load_onnx_model(self, model_path: str) -> ONNXRuntimeAdapter:
        """Load an ONNX file, whatever is in it."""
        return ONNXRuntimeAdapter.from_file(model_path)

    def _compare(self, path: str, net: nn.Module, image_sz: int) -> OnnxModel:
        engine = load_engine('onnxruntime', path)
        difference, any_size = compare(
            lambda x: self.task.decode(self.post_forward(net(x))),
            lambda x: self.task.decode(engine(x)),
            self._image_channels(),
            image_sz,
        )
        return OnnxModel(path, image_sz, any_size, difference)

    def _image_channels(self) -> int:
        if self.cfg.data.img_channels is None:
            raise DataError('data.img_channels is not set, so the model cannot be tried out.')
        return self.cfg.data.img_channels
