"""The state of a training run, from which it goes on after it was cut off."""

import hashlib
import json
import logging
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from rastervision.core.rv_pipeline.file_digests import file_digests
from rastervision.core.rv_pipeline.scenes import for_training
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.file_system import atomic_path
from rastervision.pipeline.file_system.stable_names import stable

if TYPE_CHECKING:
    from rastervision.pytorch_learner.learner_config import LearnerConfig

log = logging.getLogger(__name__)

# what may change between two parts of one training run
_FREE_SOLVER = {'num_epochs', 'sync_interval'}
_FREE_DATA = {'num_workers', 'plot_options', 'preview_batch_limit'}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training run is.

    Attributes:
        epoch: Number of epochs that are done.
        seed: What the random numbers of every epoch are made from, see `epoch_seed`.
        recipe: Digest of what the run was started with, see `recipe_digest`.
    """

    epoch: int
    seed: int
    recipe: str


def epoch_seed(seed: int, epoch: int) -> int:
    """Seed of torch's global generator for an epoch.

    Every epoch starts from a seed of its own, so a run that goes on at some epoch draws the same
    numbers as one that was never cut off.
    """
    digest = hashlib.sha256(f'{seed} {epoch}'.encode()).digest()
    return int.from_bytes(digest[:8], 'little') >> 1


def new_seed() -> int:
    """A seed for a new run, drawn from torch's global generator."""
    return int(torch.randint(2**62, ()))


def recipe_digest(cfg: 'LearnerConfig', parts: dict[str, Any]) -> str:
    """Digest of all that is known to have an influence on the weights after an epoch.

    Files count by their names without signatures, which may be renewed meanwhile.

    Args:
        cfg: The config, which does not know of what is given to a learner instead.
        parts: As for `save_checkpoint`; their classes count.
    """
    data = for_training(cfg.data)
    recipe = {
        'model': cfg.model and cfg.model.to_dict(),
        'solver': cfg.solver and cfg.solver.to_dict(exclude=_FREE_SOLVER),
        'data': data.to_dict(exclude=_FREE_DATA),
        'files': {stable(uri): known for uri, known in file_digests(data).items()},
        'parts': {name: type(part).__qualname__ for name, part in parts.items()},
    }
    return hashlib.sha256(json.dumps(stable(recipe), sort_keys=True).encode()).hexdigest()


def save_checkpoint(path: Path, progress: Progress, parts: dict[str, Any]) -> None:
    """Write a checkpoint in one step: it appears whole or not at all.

    Args:
        path: The file.
        progress: How far the run is.
        parts: Model, optimizer and schedulers by name; None for one that there is not.

    Raises:
        NotWritableError: It cannot be written.
    """
    state = {
        'epoch': progress.epoch,
        'seed': progress.seed,
        'recipe': progress.recipe,
        'parts': {
            name: None if part is None else part.state_dict() for name, part in parts.items()
        },
    }
    with atomic_path(str(path)) as tmp_path:
        torch.save(state, tmp_path)


def load_checkpoint(path: Path, recipe: str, parts: dict[str, Any]) -> Progress | None:
    """Put model, optimizer and schedulers into the state of a checkpoint.

    Args:
        path: The file.
        recipe: Digest of what the run that is to go on is started with.
        parts: As for `save_checkpoint`.

    Returns:
        How far the run was; None if there is no checkpoint, or one of a run with another recipe.

    Raises:
        DataError: The file is damaged or does not fit the model.
    """
    if not path.is_file():
        return None
    device = _device_of(parts['model'])
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        progress = Progress(state['epoch'], state['seed'], state['recipe'])
        states = state['parts']
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise _unusable(path, error) from error
    if progress.recipe != recipe:
        log.warning(
            '%s is of a run with another model, solver or data; training starts anew.', path
        )
        return None
    try:
        for name, part in parts.items():
            if part is not None and states.get(name) is not None:
                part.load_state_dict(states[name])
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise _unusable(path, error) from error
    return progress


def _device_of(model: torch.nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device('cpu'))


def _unusable(path: Path, error: Exception) -> DataError:
    reason = str(error).strip().split('\n', maxsplit=1)[0]
    return DataError(
        f'Training cannot go on from {path} ({type(error).__name__}: {reason}). Remove the file to '
        'start anew.'
    )
