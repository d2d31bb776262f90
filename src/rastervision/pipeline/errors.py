"""The errors that Raster Vision raises on purpose.

A message names the file, field or value at fault and the way out, so that it can be shown to a
user without a traceback.
"""

from collections.abc import Iterable

from rastervision.pipeline.public_text import public_text


class RVError(Exception):
    """Base of every error that Raster Vision raises on purpose.

    Messages are public: URIs in them lose passwords and signatures, whoever wrote them.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(public_text(arg) if isinstance(arg, str) else arg for arg in args))


class ConfigError(RVError, ValueError):
    """A config, a setting or an argument that cannot be used."""


class RegistryError(RVError):
    """A type hint, runner, file system or plugin that is not known or does not load."""


class NotReadableError(RVError):
    """A file or URI that cannot be read."""


class NotWritableError(RVError):
    """A file or URI that cannot be written."""


class StageError(RVError):
    """A command of a pipeline that failed."""


class DataError(RVError):
    """Imagery, labels or bundles that cannot be used."""


def did_you_mean(name: str, valid: Iterable[str]) -> str:
    """A hint with the valid names nearest to a wrong one.

    Args:
        name: The wrong name.
        valid: The names that would have been right.

    Returns:
        ' Did you mean ...?' with a leading space, or '' when nothing is near.
    """
    from difflib import get_close_matches

    by_lower = {v.lower(): v for v in sorted(valid)}
    near = [by_lower[n] for n in get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)]
    return f' Did you mean {" or ".join(near)}?' if near else ''
