"""Silencing a warning without races between threads."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rastervision.core.utils.process_lock import process_lock


@contextmanager
def quiet(category: type[Warning]) -> Iterator[None]:
    """Ignore a kind of warning in the block, such as that of rasters without a georeference.

    The filters of the `warnings` module belong to the process, so two threads that change them at
    once leave either with the other's. Code that calls a library which does so, such as
    `rasterio.features`, runs in this block as well; only one thread at a time is in it.
    """
    with process_lock, warnings.catch_warnings():
        warnings.simplefilter('ignore', category)
        yield
