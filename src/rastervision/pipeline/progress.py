"""Progress of long loops: a live bar on a terminal, plain log lines elsewhere.

`track` wraps an iterable, `progress` is for work that is counted by hand (bytes of a download).
Where the state goes is one of three sinks: rich bars on a terminal, log lines at most every
`LOG_SECONDS` elsewhere, or a function that passes it on (a worker process of the local runner hands
it to its parent, which shows it).
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

log = logging.getLogger(__name__)

T = TypeVar('T')
LOG_SECONDS = 5.0
"""Shortest time between two log lines of one loop."""
REFRESH_SECONDS = 0.1
BAR_WIDTH = 20
NOTE_WIDTH = BAR_WIDTH + 42
"""Columns that a bar and its count, rate and time left take; the rest is for what is being done."""
_ids = count()


@dataclass(slots=True)
class Task:
    """How far one loop has come.

    Attributes:
        desc: What is being done.
        total: Amount of work, None when nobody knows.
        unit: 'B' for bytes, a plural such as 'windows' for things, or empty.
        done: Amount of work that is done.
        timed: Whether its parts take much the same time, so that a rate and a time left make sense.
        id: Unique in this process.
        started: Monotonic time of the start in seconds.
    """

    desc: str
    total: float | None = None
    unit: str = ''
    done: float = 0
    timed: bool = True
    id: int = field(default_factory=lambda: next(_ids))
    started: float = field(default_factory=time.monotonic)


def amount(value: float, unit: str = '') -> str:
    """`value` for a reader: bytes with a decimal prefix when the unit is B, else the number."""
    if unit != 'B':
        return f'{value:.0f}' if float(value).is_integer() or value >= 100 else f'{value:.2g}'
    for prefix in ('', 'k', 'M', 'G'):
        if value < 1000:
            return f'{value:.3g} {prefix}B'
        value /= 1000
    return f'{value:.3g} TB'


def clock(seconds: float) -> str:
    """`seconds` as m:ss or h:mm:ss."""
    minutes, secs = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02}:{secs:02}' if hours else f'{minutes}:{secs:02}'


def describe(task: Task, now: float | None = None) -> str:
    """Count, rate and time left of a task, for example '12/40, 3.2 windows/s, 0:09 left'."""
    elapsed = (time.monotonic() if now is None else now) - task.started
    rate = task.done / elapsed if elapsed > 0 and task.timed else 0.0
    parts = [amount(task.done, task.unit)]
    if task.total is not None:
        parts[0] += f'/{amount(task.total, task.unit)}'
    if rate > 0:
        thing = f' {task.unit}' if task.unit not in {'', 'B'} else ''
        parts.append(f'{amount(rate, task.unit)}{thing}/s')
    if task.total is not None and task.done >= task.total:
        parts.append(f'{clock(elapsed)} in all')
    elif task.total is not None and rate > 0:
        parts.append(f'{clock((task.total - task.done) / rate)} left')
    return ', '.join(parts)


def shortened(text: str, width: int) -> str:
    """`text` with its middle left out if it is longer than `width` (16 at least)."""
    room = max(width, 16) - 1
    if len(text) <= room + 1:
        return text
    return f'{text[: room - room // 2]}…{text[len(text) - room // 2 :]}'


class Bars:
    """Live bars on the terminal: one display however many loops run, in whatever threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._display: Progress | None = None
        self._rows: dict[int, TaskID] = {}

    def show(self, task: Task) -> None:
        """Add the bar of `task`, or bring it up to date."""
        from rich.markup import escape

        with self._lock:
            if self._display is None:
                self._display = _new_display()
                self._display.start()
            note = describe(task)
            desc = escape(shortened(task.desc, self._display.console.width - NOTE_WIDTH))
            if (row := self._rows.get(task.id)) is None:
                self._rows[task.id] = self._display.add_task(desc, total=task.total, note=note)
            else:
                self._display.update(row, description=desc, completed=task.done, note=note)

    def close(self, task: Task) -> None:
        """Take the bar of `task` away and leave one plain line if it took a while."""
        with self._lock:
            row = self._rows.pop(task.id, None)
            if self._display is None or row is None:
                return
            self._display.remove_task(row)
            if time.monotonic() - task.started >= LOG_SECONDS:
                self._display.console.print(_line(task), markup=False, highlight=False)
            if not self._rows:
                self._display.stop()
                self._display = None


def _new_display() -> 'Progress':
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn('{task.description}'),
        BarColumn(bar_width=BAR_WIDTH),
        TextColumn('{task.fields[note]}', markup=False),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    )


def _line(task: Task) -> str:
    return f'{task.desc}: {describe(task)}' if task.desc else describe(task)


@contextmanager
def _on_terminal(task: Task) -> Iterator[Callable[[], None]]:
    shown = 0.0

    def refresh() -> None:
        nonlocal shown
        if (now := time.monotonic()) - shown >= REFRESH_SECONDS:
            shown = now
            bars.show(task)

    try:
        refresh()
        yield refresh
    finally:
        bars.close(task)


@contextmanager
def _in_log(task: Task) -> Iterator[Callable[[], None]]:
    logged = task.started
    told: float | None = None

    def refresh() -> None:
        nonlocal logged, told
        if (now := time.monotonic()) - logged >= LOG_SECONDS:
            logged, told = now, task.done
            log.info('%s', _line(task))

    yield refresh
    if told is not None and told != task.done:
        log.info('%s', _line(task))


@contextmanager
def _to_parent(task: Task, send: Callable[[Task, bool], None]) -> Iterator[Callable[[], None]]:
    sent = 0.0

    def refresh() -> None:
        nonlocal sent
        if (now := time.monotonic()) - sent >= REFRESH_SECONDS:
            sent = now
            send(task, False)

    try:
        refresh()
        yield refresh
    finally:
        send(task, True)


bars = Bars()
_send: Callable[[Task, bool], None] | None = None


def forward_to(send: Callable[[Task, bool], None] | None) -> None:
    """Hand every state to `send(task, finished)` from now on instead of showing it (None: show)."""
    global _send  # noqa: PLW0603 (one sink per process, set once by a worker when it starts)
    _send = send


def _leave_display_to_parent() -> None:
    """Start anew in a process that was forked: threads that it lacks may hold the display's locks.

    Data loaders fork while bars are shown. What such a process prints goes past the display.
    """
    vars(bars).update(vars(Bars()))
    for name in ('stdout', 'stderr'):
        stream = getattr(sys, name)
        setattr(sys, name, getattr(stream, 'rich_proxied_file', stream))


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_leave_display_to_parent)


def _sink(task: Task) -> AbstractContextManager[Callable[[], None]]:
    if _send is not None:
        return _to_parent(task, _send)
    if sys.stderr is not None and sys.stderr.isatty():
        return _on_terminal(task)
    return _in_log(task)


@contextmanager
def progress(
    total: float | None = None, desc: str = '', unit: str = ''
) -> Iterator[Callable[[float], None]]:
    """Show the progress of the enclosed work.

    Args:
        total: Amount of work, or None when it is not known.
        desc: What is being done.
        unit: 'B' for bytes, a plural such as 'windows' for things, or empty.

    Yields:
        advance(n): call it whenever n more units are done.
    """
    task = Task(desc, total, unit)
    with _sink(task) as refresh:

        def advance(n: float) -> None:
            task.done += n
            refresh()

        yield advance


def track(
    iterable: Iterable[T], total: int | None = None, desc: str = '', unit: str = ''
) -> Iterator[T]:
    """Iterate over `iterable` and show how far it is, how fast, and the time left.

    Args:
        iterable: What to iterate over.
        total: Number of items; taken from the iterable's length when it has one.
        desc: What is being done.
        unit: A plural such as 'windows' for what is counted, or empty.
    """
    if total is None and isinstance(iterable, Sized):
        total = len(iterable)
    with progress(total, desc, unit) as advance:
        for item in iterable:
            yield item
            advance(1)
