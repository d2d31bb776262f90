"""Waiting for work in threads in a way that Ctrl-C ends, which the library itself does not.

A thread that nobody waits for any more goes on until the store answers, or the program ends.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')


def for_each(function: Callable[[Item], object], items: Iterable[Item], count: int) -> None:
    """Call a function for each of some items, in several threads.

    Args:
        function: What to call.
        items: Its arguments.
        count: How many threads.

    Raises:
        BaseException: The first error; items that are not begun then are left out.
    """
    waiting = deque(items)
    errors: list[BaseException] = []

    def work() -> None:
        while True:
            try:
                item = waiting.popleft()
            except IndexError:
                return
            try:
                function(item)
            except BaseException as error:  # noqa: BLE001 - raised again below
                errors.append(error)
                waiting.clear()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(count, len(waiting)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        waiting.clear()
    if errors:
        raise errors[0]


def wait_for(function: Callable[[], Result]) -> Result:
    """The result of a function; in the main thread, Ctrl-C ends the wait for it."""
    if threading.current_thread() is not threading.main_thread():
        return function()
    results: list[Result] = []
    for_each(lambda _: results.append(function()), [None], 1)
    return results[0]
