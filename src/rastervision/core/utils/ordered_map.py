"""A map over threads that keeps the order and bounds what is in flight."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar('T')
R = TypeVar('R')

WORKERS = 2


def ordered_map(
    function: Callable[[T], R], items: Iterable[T], workers: int = WORKERS, ahead: int | None = None
) -> Iterator[R]:
    """Yield ``function(item)`` in the order of the items, computed in threads.

    At most ``ahead`` (by default twice the workers) results wait to be taken, so memory stays
    bounded for endless input. An exception of ``function`` reaches the caller at its place in the
    order; what is still running is waited for.
    """
    source = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in islice(source, ahead or 2 * workers):
                waiting.append(pool.submit(function, item))
            while waiting:
                result = waiting.popleft().result()
                for item in islice(source, 1):
                    waiting.append(pool.submit(function, item))
                yield result
        finally:
            for future in waiting:
                future.cancel()
