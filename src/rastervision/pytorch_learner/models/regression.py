"""Networks that give numbers, of which some are above 0 or in [0, 1]."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rastervision.pytorch_learner.models.classification import replace_last_layer


class RegressionModel(nn.Module):
    """A network whose outputs are exponentiated, or squashed into [0, 1], where so wanted."""

    output_multiplier: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        out_features: int,
        pos_out_inds: Sequence[int] | None = None,
        prob_out_inds: Sequence[int] | None = None,
        output_multiplier: Sequence[float] | None = None,
        replace_head: bool = True,
        **kwargs: Any,  # noqa: ARG002  not used in release 0.31 either
    ) -> None:
        """Constructor.

        Args:
            backbone: Takes images (N, C, H, W).
            out_features: Number K of outputs.
            pos_out_inds: Outputs above 0: the exponential is taken.
            prob_out_inds: Outputs in [0, 1]: the logistic function is taken.
            output_multiplier: K numbers to multiply the outputs by at the end; 1 by default.
            replace_head: Replace the last layer of the backbone by one with K outputs.
            kwargs: Not used.
        """
        super().__init__()
        self.backbone = backbone
        if replace_head:
            replace_last_layer(backbone, out_features)
        links: dict[int, Callable[[Tensor], Tensor]] = dict.fromkeys(pos_out_inds or (), torch.exp)
        links |= dict.fromkeys(prob_out_inds or (), torch.sigmoid)
        self._links = links
        multiplier = torch.tensor(output_multiplier or [1.0] * out_features)
        # part of the config, and unknown to weights of release 0.31
        self.register_buffer('output_multiplier', multiplier, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Values (N, K) of images (N, C, H, W)."""
        out = self.backbone(x)
        if self._links:
            columns = enumerate(out.unbind(dim=1))
            out = torch.stack([self._links.get(i, _same)(column) for i, column in columns], dim=1)
        values: Tensor = out * self.output_multiplier
        return values


def _same(x: Tensor) -> Tensor:
    return x
