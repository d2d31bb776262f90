"""Networks together with the scaling of their input."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ScaledNet(nn.Module):
    """A network with its input scaling.

    The scaling is part of the saved state, so a bundle means the same whatever the versions of the
    libraries say later.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, net: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        """Constructor.

        Args:
            net: Takes images (N, C, H, W).
            mean: C numbers to subtract from the channels.
            std: C numbers to divide the channels by, after that.
        """
        super().__init__()
        self.net = net
        self.register_buffer('mean', torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer('std', torch.tensor(std).view(1, -1, 1, 1))

    def scale(self, x: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] as the network expects them."""
        return (x - self.mean) / self.std

    def forward(self, x: Tensor) -> Tensor:
        """What the network says about images (N, C, H, W) in [0, 1]."""
        out: Tensor = self.net(self.scale(x))
        return out
