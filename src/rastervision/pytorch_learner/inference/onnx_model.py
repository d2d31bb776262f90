"""ONNX files of models: made from a network, compared with it, and opened without trust."""

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rastervision.core.utils.quiet import quiet
from rastervision.pipeline.errors import DataError

MAX_DIFFERENCE = 1e-4
"""Greatest difference between scores of an engine and of PyTorch; of values above 1, the share."""
OPSET = 17
MAX_BYTES = 2**31
"""Limit of the format."""


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """An ONNX file that agrees with the network that it was made from.

    Attributes:
        path: The file.
        image_sz: Height and width of the images that both were compared for.
        any_size: Whether they agree for images of other sizes, too.
        difference: The greatest one that was found between the scores of both.
    """

    path: str
    image_sz: int
    any_size: bool
    difference: float

    def takes(self, shape: torch.Size) -> bool:
        """Whether the file may be used for images (N, C, H, W)."""
        same = shape[-2:] == (self.image_sz, self.image_sz)
        return len(shape) == 4 and (self.any_size or same)


class _OneOutput(nn.Module):
    """A network without the parts of its output that do not count."""

    def __init__(self, model: nn.Module, post_forward: Callable[[Any], Tensor]) -> None:
        super().__init__()
        self.model = model
        self.post_forward = post_forward

    def forward(self, x: Tensor) -> Tensor:
        return self.post_forward(self.model(x))


@contextmanager
def ready_on_cpu(model: nn.Module) -> Iterator[nn.Module]:
    """A network for the CPU, in the mode for predictions; afterwards it is as it was before."""
    here = all(p.device.type == 'cpu' for p in model.parameters())
    net = model if here else deepcopy(model).cpu()
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        yield net
    finally:
        for module, training in modes:
            module.training = training


def export_onnx(
    model: nn.Module,
    post_forward: Callable[[Any], Tensor],
    path: str,
    sample: Tensor,
    **kwargs: Any,
) -> None:
    """Write a network as ONNX, for any number of images and, if it can do that, of any size.

    The network is followed while it computes the sample: branches that depend on the values or the
    size of the image are fixed by that, see `compare`.

    Args:
        model: Takes images (N, C, H, W); on the CPU, and in the mode for predictions.
        post_forward: Picks (N, ...) scores out of the network's output.
        path: The file to write.
        sample: Images, at least two.
        kwargs: Further arguments of `torch.onnx.export`.

    Raises:
        DataError: The network cannot be written as ONNX.
    """
    net = _OneOutput(model, post_forward).eval()
    try:
        # warnings are about branches, and about the newer exporter, which takes ten times as long
        with torch.no_grad(), quiet(Warning):
            size = {2: 'height', 3: 'width'}
            out = {0: 'n', **(size if net(sample).ndim == 4 else {})}
            options = {
                'input_names': ['x'],
                'output_names': ['out'],
                'dynamic_axes': {'x': {0: 'n', **size}, 'out': out},
                'opset_version': OPSET,
                'dynamo': False,
                **kwargs,
            }
            torch.onnx.export(net, (sample,), path, **options)
    except Exception as error:  # a network may raise anything
        raise DataError(f'The model cannot be written as ONNX: {error}') from error


def compare(
    expected: Callable[[Tensor], Tensor],
    found: Callable[[Tensor], Tensor],
    channels: int,
    image_sz: int,
) -> tuple[float, bool]:
    """Demand that two ways to compute scores agree, on random images.

    Args:
        expected: Gives scores of images (N, C, H, W) in [0, 1].
        found: Likewise.
        channels: Number of channels of the images.
        image_sz: Their height and width, for which both have to agree.

    Returns:
        The greatest difference (of values above 1, as a share of them), and whether they agree for
        images of another size, too.

    Raises:
        DataError: They differ by more than `MAX_DIFFERENCE`, or one of them fails.
    """

    def difference(count: int, height: int, width: int) -> float:
        generator = torch.Generator().manual_seed(count)
        x = torch.rand(count, channels, height, width, generator=generator)
        with torch.inference_mode():
            a, b = expected(x).cpu(), found(x).cpu()
        if a.shape != b.shape:
            return float('inf')
        return float((a - b).abs().max() / a.abs().max().clamp_min(1))

    try:
        worst = float(np.max([difference(count, image_sz, image_sz) for count in (2, 1)]))
    except Exception as error:  # an engine has exceptions of its own
        raise DataError(f'The model cannot be run from ONNX: {error}') from error
    if not worst <= MAX_DIFFERENCE:  # NaN is no agreement either
        raise DataError(
            f'The scores from ONNX differ from those of PyTorch by {worst:.2g}, which is more than '
            f'{MAX_DIFFERENCE:g}.'
        )
    half = max(32, image_sz // 2)
    try:
        other = difference(3, half + 5, half + 16)
    except Exception:  # noqa: BLE001 - what either does not take, it refuses in a way of its own
        return worst, False
    return (max(worst, other), True) if other <= MAX_DIFFERENCE else (worst, False)


def check_onnx_file(path: Path) -> None:
    """Make sure that an ONNX file refers to no file outside of its folder.

    Raises:
        DataError: It does, or it is damaged or too large.
    """
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f'{path.name} is larger than {MAX_BYTES} bytes, the limit of ONNX.')
    for location in _external_files(path):
        name = PurePosixPath(location)
        if len(name.parts) != 1 or '\\' in location or not (path.parent / name).is_file():
            raise DataError(
                f'{path.name} refers to {location!r}, which is no file beside it: a model bundle '
                'that tries to read other files of this machine is not used.'
            )


def _external_files(path: Path) -> Iterator[str]:
    """Names of the files in which an ONNX file says that its tensors are."""
    if not _mentions(path, b'location'):  # the key of such a name: most files have none
        return
    import onnx

    try:
        model = onnx.load_model(str(path), load_external_data=False)
    except Exception as error:  # of protobuf, which has no type hints
        raise DataError(f'{path.name} is no ONNX file: {error}') from error
    for tensor in _tensors(model):
        yield from (e.value for e in tensor.external_data if e.key == 'location')


def _mentions(path: Path, text: bytes) -> bool:
    with path.open('rb') as file:
        if path.stat().st_size == 0:
            raise DataError(f'{path.name} is empty.')
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(text) >= 0


def _tensors(message: Any) -> Iterator[Any]:
    """All tensors in a protobuf message, wherever they are."""
    if message.DESCRIPTOR.name == 'TensorProto':
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for child in [value] if hasattr(value, 'ListFields') else value:
                yield from _tensors(child)
