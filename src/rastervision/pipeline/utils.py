"""Small helpers that need nothing else of Raster Vision."""

import atexit
import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol, TypeVar

from rastervision.pipeline.rv_config import get_env_var

Item = TypeVar('Item')


class Terminable(Protocol):
    """A process, of `subprocess` or `multiprocessing`."""

    def terminate(self) -> None:
        """Ask the process to end."""


def cpu_count() -> int:
    """Number of CPU cores that this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def terminate_at_exit(process: Terminable) -> None:
    """End a process when this one ends."""
    atexit.register(process.terminate)


def grouped(lst: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Cut a sequence into runs of the given size; the last one may be shorter.

    Raises:
        ValueError: The size is not positive.
    """
    if size < 1:
        raise ValueError(f'size must be positive, got {size}.')
    return [lst[i : i + size] for i in range(0, len(lst), size)]


def split_into_groups(lst: Sequence[Item], num_groups: int) -> list[Sequence[Item]]:
    """Cut a sequence into exactly so many runs whose lengths differ by one at most.

    Longer runs come first. There are empty runs when there are more groups than items, so that
    `split_into_groups(items, num_splits)[split_ind]` is always defined.

    Raises:
        ValueError: The number of groups is not positive.
    """
    if num_groups < 1:
        raise ValueError(f'num_groups must be positive, got {num_groups}.')
    size, longer = divmod(len(lst), num_groups)
    starts = [i * size + min(i, longer) for i in range(num_groups + 1)]
    return [lst[a:b] for a, b in pairwise(starts)]


def repr_with_args(obj: Any, **kwargs: Any) -> str:
    """A representation such as `Box(ymin=0, xmin=0)`."""
    args = ', '.join(f'{name}={value!r}' for name, value in kwargs.items())
    return f'{type(obj).__name__}({args})'


__all__ = [
    'Terminable',
    'get_env_var',
    'grouped',
    'repr_with_args',
    'split_into_groups',
    'terminate_at_exit',
]
