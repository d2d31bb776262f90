"""How large a network is, and what training it keeps in memory, without computing anything."""

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks


def count_parameters(model: nn.Module) -> int:
    """Number of parameters, those that are not trained included."""
    return sum(parameter.numel() for parameter in model.parameters())


def activation_bytes(model: nn.Module, shape: tuple[int, int, int, int]) -> int | None:
    """What a training step keeps for the backward pass, besides the weights.

    The network runs on tensors without values, so this takes no memory.

    Args:
        model: The network; it loses its weights.
        shape: (N, C, H, W) of a batch of images, as float32.

    Returns:
        Bytes, of a detector about; None for a network that cannot be run so.
    """
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if not (tensor.is_leaf and tensor.requires_grad):  # else a weight
            kept[tensor.untyped_storage()._cdata] = tensor  # noqa: SLF001 - what tells storages apart
        return tensor

    run = getattr(model, 'run_networks', model)  # detectors need boxes in training
    try:
        model.to('meta').train()
        with saved_tensors_hooks(keep, lambda tensor: tensor):
            run(torch.empty(shape, device='meta'))
    except Exception:  # noqa: BLE001 - networks of others raise what they like
        return None
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
