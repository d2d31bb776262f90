"""Pieces of networks whose branches take different channels.

Networks of users are built of them, and their bundles name them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class SplitTensor(nn.Module):
    """Cuts a tensor into pieces along a dimension."""

    def __init__(self, size_or_sizes: int | list[int], dim: int) -> None:
        """Constructor.

        Args:
            size_or_sizes: Size of every piece (the last one may be smaller), or all the sizes.
            dim: The dimension.
        """
        super().__init__()
        self.size_or_sizes = size_or_sizes
        self.dim = dim

    def forward(self, X: Tensor) -> tuple[Tensor, ...]:  # noqa: N803  the name of release 0.31
        """The pieces, in order."""
        return torch.split(X, self.size_or_sizes, self.dim)


class Parallel(nn.ModuleList):
    """Modules beside each other, each with an input of its own."""

    def __init__(self, *args: nn.Module) -> None:
        """Constructor.

        Args:
            args: The modules.
        """
        super().__init__(args)

    def forward(self, xs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Outputs of the modules, for as many inputs."""
        return tuple(module(x) for module, x in zip(self, xs, strict=True))


class AddTensors(nn.Module):
    """Adds tensors of one shape."""

    def forward(self, xs: Sequence[Tensor]) -> Tensor:
        """The sum."""
        return sum(xs[1:], start=xs[0])
