"""What runs a model for predictions: PyTorch, or on CPUs an engine that reads ONNX.

Which one it is depends on the options, the bundle, the device and the installed packages, never on
a timing, so that every run and every worker gives the same bytes.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Literal, Self, TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rastervision.pipeline.errors import ConfigError, DataError

Wanted: TypeAlias = Literal['auto', 'torch', 'onnxruntime', 'openvino']
EngineName: TypeAlias = Literal['torch', 'onnxruntime', 'openvino']
OnnxEngineName: TypeAlias = Literal['onnxruntime', 'openvino']

FASTEST_FIRST: tuple[OnnxEngineName, ...] = ('onnxruntime', 'openvino')
"""Engines in the order of preference: on one thread they are equally fast, on two OpenVINO falls
back a little where the size of the images is not fixed (benchmarks/engines.py)."""

_INSTALL = {
    'onnxruntime': 'pip install onnxruntime',
    'openvino': 'pip install "rastervision[openvino]"',
}


def choose_engine(
    wanted: Wanted, *, has_onnx: bool, device: torch.device, precision: str = 'float32'
) -> EngineName:
    """Choose what runs a model.

    Args:
        wanted: The name of an engine, or 'auto': the fastest one that is installed if the model is
            on a CPU, there as ONNX and wanted in float32; otherwise PyTorch.
        has_onnx: Whether the model is there as ONNX, and agrees with PyTorch.
        device: Where the model is.
        precision: Numbers to compute with; only PyTorch knows others than 'float32'.

    Raises:
        ConfigError: The engine that is named cannot run the model.
    """
    if wanted == 'torch':
        return 'torch'
    if wanted == 'auto':
        if not has_onnx or device.type != 'cpu' or precision != 'float32':
            return 'torch'
        return next((name for name in FASTEST_FIRST if find_spec(name)), 'torch')
    if wanted not in FASTEST_FIRST:
        names = ', '.join(('auto', 'torch', *FASTEST_FIRST))
        raise ConfigError(f'predict_options.engine={wanted!r} is unknown; use one of {names}.')
    if find_spec(wanted) is None:
        raise ConfigError(
            f"predict_options.engine='{wanted}' is not installed; use 'auto' or install it: "
            f'{_INSTALL[wanted]}'
        )
    if not has_onnx:
        raise ConfigError(
            f"predict_options.engine='{wanted}' needs the model as ONNX, and there is none that "
            "agrees with PyTorch; use 'auto' or 'torch', or write the model bundle anew: the log "
            'of TRAIN says if the model cannot be exported.'
        )
    if precision != 'float32':
        raise ConfigError(
            f"predict_options.precision='{precision}' goes with engine='torch' only, not with "
            f"'{wanted}'."
        )
    return wanted


def load_engine(name: OnnxEngineName, path: str) -> Callable[[Tensor], Tensor]:
    """Make an engine for an ONNX file; it uses as many threads as PyTorch does in this process.

    Raises:
        DataError: The engine cannot read the file.
    """
    maker = ONNXRuntimeAdapter if name == 'onnxruntime' else OpenVINOAdapter
    try:
        return maker.from_file(path)
    except Exception as error:  # each engine has exceptions of its own
        raise DataError(
            f"{name} cannot read the ONNX file of the model ({error}); engine='torch' does without."
        ) from error


class ONNXRuntimeAdapter:
    """A model that ONNX Runtime runs; may be called from several threads."""

    def __init__(self, ort_session: Any) -> None:
        """Constructor.

        Args:
            ort_session: An `onnxruntime.InferenceSession` with one input.
        """
        self.ort_session = ort_session
        self._input = ort_session.get_inputs()[0].name
        self._output = ort_session.get_outputs()[0].name

    @classmethod
    def from_file(cls, path: str, providers: Sequence[str] | None = None) -> Self:
        """Load an ONNX file.

        Args:
            path: The file.
            providers: Execution providers of ONNX Runtime; the CPU by default.
        """
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors, which are raised as well
        # between batches the cores belong to the threads that read
        options.add_session_config_entry('session.force_spinning_stop', '1')
        options.add_session_config_entry('session.load_model_format', 'ONNX')
        return cls(ort.InferenceSession(path, options, providers=list(providers or _CPU_PROVIDERS)))

    def __call__(self, x: Tensor | NDArray[np.float32]) -> Tensor:
        """The model's first output, on the CPU, for float32 input."""
        (out,) = self.ort_session.run([self._output], {self._input: _as_array(x)})
        return torch.from_numpy(out)


_CPU_PROVIDERS = ('CPUExecutionProvider',)


class OpenVINOAdapter:
    """A model that OpenVINO runs; may be called from several threads."""

    def __init__(self, compiled: Any) -> None:
        """Constructor.

        Args:
            compiled: An `openvino.CompiledModel` with one input.
        """
        self._compiled = compiled

    @classmethod
    def from_file(cls, path: str) -> Self:
        """Load an ONNX file."""
        # without it, OpenVINO tells its makers of every import, from a thread that forks
        sys.modules.setdefault('openvino_telemetry', cast('ModuleType', None))
        import openvino

        options = {
            'INFERENCE_NUM_THREADS': torch.get_num_threads(),
            'INFERENCE_PRECISION_HINT': 'f32',  # it would take bfloat16 where there is
            'PERFORMANCE_HINT': 'LATENCY',
            'ENABLE_CPU_PINNING': False,  # workers beside each other would share the first cores
        }
        return cls(openvino.Core().compile_model(path, 'CPU', options))

    def __call__(self, x: Tensor | NDArray[np.float32]) -> Tensor:
        """The model's first output, on the CPU, for float32 input."""
        results = self._compiled.infer_new_request({0: _as_array(x)})
        return torch.from_numpy(np.array(results[0]))  # the request owns the memory


def _as_array(x: Tensor | NDArray[np.float32]) -> NDArray[np.float32]:
    """The input in the order of memory that ONNX means."""
    array = x.detach().cpu().numpy() if isinstance(x, Tensor) else x
    return np.ascontiguousarray(array, dtype=np.float32)
