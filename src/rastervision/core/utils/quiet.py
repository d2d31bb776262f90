"""Handling warnings without races between threads.

The filters of the `warnings` module belong to the process, so two threads that change them at once
leave either with the other's. Code that calls a library which does so, such as
`rasterio.features`, runs in a block of this module as well; one thread at a time is in any.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rastervision.core.utils.process_lock import process_lock


@contextmanager
def quiet(category: type[Warning], message: str = '') -> Iterator[None]:
    """Ignore a kind of warning in the block, such as that of rasters without a georeference.

    Args:
        category: the kind.
        message: regular expression for the beginning of its text.
    """
    with process_lock, warnings.catch_warnings():
        warnings.filterwarnings('ignore', message, category)
        yield


@contextmanager
def caught_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """Collect the warnings of the block instead of showing them."""
    with process_lock, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        yield caught
