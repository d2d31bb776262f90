"""Randomness that follows torch's seed.

Data are drawn with numpy and Albumentations, whose generators know nothing of `torch.manual_seed`
nor of the seeds that a DataLoader gives its workers. Here they are seeded from torch's global
generator, item by item: the same seed gives the same items, and every worker and epoch others.
"""

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from albumentations.core.transforms_interface import BasicTransform

_IN_TURN = {'Compose', 'ReplayCompose', 'Sequential'}
"""Compositions that apply all of their parts, and so are as random as these."""

_DETERMINISTIC = {
    'CenterCrop',
    'LongestMaxSize',
    'MinMaxNormalize',
    'NoOp',
    'Normalize',
    'Resize',
    'SmallestMaxSize',
    'ToFloat',
}


def torch_rng() -> np.random.Generator:
    """A new numpy generator, seeded by a draw from torch's global generator."""
    return np.random.default_rng(_draw())


def of_albumentations(transform: Any) -> bool:
    """Tell whether a transform is one of Albumentations, not a function of the user's own."""
    return hasattr(transform, 'set_random_state')


def is_random(transform: Any) -> bool:
    """Tell whether two applications of a transform can differ, as far as it can be seeded."""
    if not of_albumentations(transform):
        return False
    name = type(transform).__name__
    if transform.p not in {0.0, 1.0}:
        return True
    if name in _IN_TURN:
        return any(map(is_random, getattr(transform, 'transforms', ())))
    return name not in _DETERMINISTIC


def reseed(transform: 'BasicTransform') -> None:
    """Seed a transform by a draw from torch's global generator."""
    seed = _draw()
    transform.set_random_state(np.random.default_rng(seed), random.Random(seed))  # noqa: S311


def _draw() -> int:
    return int(torch.randint(2**63 - 1, ()))
