"""Reading while something else is computed: threads fetch the next items."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import repeat
from typing import Any, TypeVar

T = TypeVar('T')
R = TypeVar('R')

_END = object()


def map_ahead(
    function: Callable[[T], R], items: Iterable[T], ahead: int, workers: int = 1
) -> Generator[R, None, None]:
    """Like `map`, but computed by threads before it is asked for.

    Args:
        function: Called in other threads, by several at once if `workers` is above 1.
        items: What to call it with; iterated in the caller's thread.
        ahead: Number of results to prepare.
        workers: Number of threads.

    Yields:
        The results, in the order of the items. What the function raises is raised here.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix='read-ahead') as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def iterate_ahead(items: Iterable[T], ahead: int) -> Generator[T, None, None]:
    """Iterate in another thread, so that some items are there before they are asked for.

    Args:
        items: Iterated in one other thread.
        ahead: Number of items to prepare.

    Yields:
        The items in their order. What the iteration raises is raised here.
    """
    iterator = iter(items)

    def fetch(_: None) -> Any:
        return next(iterator, _END)

    try:
        with closing(map_ahead(fetch, repeat(None), ahead)) as fetched:
            for item in fetched:
                if item is _END:
                    return
                yield item
    finally:
        if isinstance(iterator, Generator):
            iterator.close()  # now, with all that it has opened
