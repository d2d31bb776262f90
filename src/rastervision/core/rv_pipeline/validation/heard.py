"""Warnings that the log would show, taken down for the scene that they are about."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_thread = threading.local()


class _Listener(logging.Handler):
    """Takes down the warnings of threads that listen."""

    def emit(self, record: logging.LogRecord) -> None:
        if (heard := getattr(_thread, 'heard', None)) is not None:
            heard.append(record.getMessage())


def _is_for_all(record: logging.LogRecord) -> bool:
    """Whether a record is for the log: a warning is not while its thread listens."""
    return record.levelno < logging.WARNING or getattr(_thread, 'heard', None) is None


@contextmanager
def quiet_log() -> Iterator[None]:
    """Keep warnings of threads that listen out of the log."""
    loggers = [logging.getLogger('rastervision'), logging.getLogger()]
    handlers = [handler for logger in loggers for handler in logger.handlers]
    listener = _Listener(logging.WARNING)
    loggers[0].addHandler(listener)
    for handler in handlers:
        handler.addFilter(_is_for_all)
    try:
        yield
    finally:
        loggers[0].removeHandler(listener)
        for handler in handlers:
            handler.removeFilter(_is_for_all)


@contextmanager
def listening() -> Iterator[list[str]]:
    """Take down the warnings of this thread, within `quiet_log`."""
    heard: list[str] = []
    _thread.heard = heard
    try:
        yield heard
    finally:
        _thread.heard = None
