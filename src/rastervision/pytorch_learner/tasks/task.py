"""What the learner leaves to the task: loss, validation figures, and what model outputs mean."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor


class Task(Protocol):
    """The part of learning that differs between tasks.

    Batches are pairs of images (N, C, H, W) float32 and labels; all on one device.
    """

    def loss(self, out: Tensor, y: Any) -> Tensor:
        """Scalar loss of the model's output for labels."""
        ...

    def validation_figures(self, out: Tensor, y: Any) -> dict[str, Any]:
        """What is kept of a batch for `metrics`, small and on the CPU."""
        ...

    def metrics(self, figures: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """Metrics of all batches, by name, in the order of the columns of log.csv."""
        ...

    def decode(self, out: Tensor, out_shape: tuple[int, int] | None = None) -> Tensor:
        """Scores in [0, 1] of the model's output, (height, width) as asked for if they have any."""
        ...

    def best(self, scores: Tensor) -> Tensor:
        """Predicted labels of scores."""
        ...


def model_output(x: Any) -> Tensor:
    """The tensor in a model's output; torchvision's models give it as `{'out': ...}`."""
    out = x['out'] if isinstance(x, dict) else x
    if not isinstance(out, torch.Tensor):
        raise TypeError(
            f'The model gave {type(out).__name__}; a tensor, or a dictionary with a tensor under '
            "'out', was expected."
        )
    return out
