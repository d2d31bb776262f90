"""Read weights files and load them into networks, with errors that say what does not fit."""

from pathlib import Path

import torch
from torch import Tensor, nn

from rastervision.pipeline.errors import DataError
from rastervision.pytorch_learner.models.adapt import merge_split_convs

_SHOWN = 3


def read_weights(path: str) -> dict[str, Tensor]:
    """Weights by name from a `.safetensors` file or a state dictionary saved by torch.

    No code in the file is run.

    Raises:
        DataError: If the file is neither.
    """
    try:
        if Path(path).suffix == '.safetensors':
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # both libraries raise errors of many unrelated classes
        raise DataError(
            f'{path} cannot be read as weights: it has to be a .safetensors file or a state '
            f'dictionary saved by torch.save ({type(error).__name__}).'
        ) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise DataError(f'{path} holds no state dictionary; save one with model.state_dict().')
    return dict(state)


def load_weights(model: nn.Module, path: str, strict: bool = True) -> None:
    """Load a weights file into a network.

    Args:
        model: The network. Weights that release 0.31 saved fit it too.
        path: Local path of the file.
        strict: Demand that the names match one to one; otherwise, load those that match.

    Raises:
        DataError: If the file cannot be read, or names or shapes do not fit the network.
    """
    own = model.state_dict()
    state = merge_split_convs(read_weights(path), own)
    missing = [k for k in own if k not in state]
    surplus = [k for k in state if k not in own]
    wrong = [k for k in own if k in state and state[k].shape != own[k].shape]
    if wrong:
        name = wrong[0]
        raise DataError(
            f'{path}: {name} has shape {tuple(state[name].shape)} but the network has '
            f'{tuple(own[name].shape)} ({len(wrong)} such). The weights belong to another network, '
            'number of classes or number of channels.'
        )
    if strict and (missing or surplus):
        raise DataError(
            f'{path} does not fit the network: {_some(missing)} missing, {_some(surplus)} '
            'unknown. Set load_strict=False to load what matches.'
        )
    if missing == list(own):
        raise DataError(f'{path} has no weight of the network; its names begin {_some(surplus)}.')
    model.load_state_dict(state, strict=False)


def _some(names: list[str]) -> str:
    shown = ', '.join(names[:_SHOWN])
    return f'{len(names)} ({shown}{", ..." if len(names) > _SHOWN else ""})' if names else 'none'
