"""Log lines of `rastervision.*` for a terminal."""

import logging
import sys

from rastervision.pipeline import rv_config_
from rastervision.pipeline.public_text import public_text
from rastervision.pipeline.verbosity import Verbosity


class StderrHandler(logging.Handler):
    """Writes to what `sys.stderr` is at the time, which a progress display may have replaced."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        print(self.format(record), file=sys.stderr, flush=True)  # noqa: T201 (its purpose)


class _Formatter(logging.Formatter):
    """The message alone; a warning says that it is one; with -vv also when and where from."""

    def format(self, record: logging.LogRecord) -> str:
        text = public_text(super().format(record))
        if record.levelno >= logging.WARNING:
            text = f'{record.levelname.capitalize()}: {text}'
        if rv_config_.get_verbosity() >= Verbosity.VERY_VERBOSE:
            text = f'{self.formatTime(record)} {record.name}: {text}'
        return text


def log_to_stderr() -> None:
    """Show the log of Raster Vision on stderr; calling it again changes nothing."""
    logger = logging.getLogger('rastervision')
    if not any(isinstance(handler, StderrHandler) for handler in logger.handlers):
        handler = StderrHandler()
        handler.setFormatter(_Formatter())
        logger.addHandler(handler)
