"""What libraries raise about a vector file that they cannot read, as one error that names it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError

from rastervision.core.grid import to_crs
from rastervision.pipeline.errors import DataError


@contextmanager
def reading(uri: str, kind: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn the errors of a library that reads a file into ours.

    Args:
        uri: the file.
        kind: what it should be, as in 'Parquet file'.
        errors: what the library raises for files that are damaged or something else.

    Raises:
        DataError: the library raised one of them.
    """
    try:
        yield
    except errors as e:
        raise DataError(f'{uri} is damaged, or no {kind} ({brief(e)}).') from None


def brief(error: Exception) -> str:
    """The first sentence of a message, without hints that are about the library's interface."""
    return str(error).partition('; ')[0].partition('\n')[0]


def stated_crs(stated: Any, uri: str) -> CRS | None:
    """The CRS that a file states, in any way that `to_crs` takes; None if it states none.

    Raises:
        DataError: PROJ does not know it.
    """
    try:
        return to_crs(stated or None)
    except CRSError:
        raise DataError(
            f'{uri} states a CRS that PROJ does not know; name the right one, as '
            "crs='EPSG:32645' in a VectorFileSourceConfig."
        ) from None
