"""Reading remote rasters in place: GDAL's settings, its thread, and going on after faults."""

import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from threading import Thread, current_thread, main_thread
from typing import Any, TypeVar

import rasterio
from rasterio.session import Session

from rastervision.gdal_vsi.names import files_within, to_vsi
from rastervision.gdal_vsi.options import gdal_options
from rastervision.pipeline.errors import NotReadableError
from rastervision.pipeline.file_system.file_system import FileSystem
from rastervision.pipeline.file_system.object_store.address import cloud_of
from rastervision.pipeline.public_text import public_text

ATTEMPTS = 3
"""How often a read is tried; GDAL repeats each of its requests several times, too."""
BACKOFF = 0.5
"""Seconds before the second attempt; each further one waits twice as long."""
_ASKED = 20  # files of a mosaic, when one of them cannot be read

Result = TypeVar('Result')


def _public(record: logging.LogRecord) -> bool:
    """Make URIs public in what GDAL logs; leave out its notes on each repeated request."""
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001 - of any kind; logging tells of it
        return True
    record.msg, record.args = public_text(text), ()
    return 'Retrying again' not in text


for _name in ('rasterio._env', 'rasterio._err', 'rasterio._io', 'rasterio._base'):
    logging.getLogger(_name).addFilter(_public)


class _Options(Session):  # type: ignore[misc] # rasterio has no types
    """Settings of GDAL that rasterio passes on as they are, those of stores among them."""

    def __init__(self, options: dict[str, str]) -> None:
        self._options = options

    @property
    def credentials(self) -> dict[str, str]:
        return self._options

    @classmethod
    def hascreds(cls, config: object) -> bool:  # noqa: ARG003 (rasterio is not to look for any)
        return True

    def get_credential_options(self) -> dict[str, str]:
        return self._options


class RemoteRaster:
    """How one raster is read of which at least a part is in a remote store.

    Attributes:
        files: URIs of the remote files.
    """

    def __init__(self, files: Sequence[str]) -> None:
        self.files = files
        self._options: dict[str, str] | None = None

    @classmethod
    def of(cls, uri: str) -> 'RemoteRaster | None':
        """That of a URI, a name of GDAL's or the XML of a VRT; None if GDAL finds all of it here.

        Raises:
            ValueError: The URI is not complete.
        """
        name = to_vsi(uri)
        if cloud_of(uri):
            return cls([uri])  # it may name an account, which the name does not
        if name.lower().endswith('.vrt') and Path(name).is_file():
            name = Path(name).read_text('utf-8', 'replace')
        files = files_within(name) if name.startswith(('/vsi', '<')) else []
        return cls(files) if files else None

    def call(self, action: Callable[[], Result], attempts: int = ATTEMPTS) -> Result:
        """Do something with GDAL that reads the raster; again, if that may help.

        Args:
            action: raises NotReadableError where GDAL fails. It is called with the settings for
                the store in place; not in the main thread, whose settings count for all threads.
            attempts: how often to try at most.

        Raises:
            NotReadableError: the store refuses, or GDAL cannot read what it gives.
        """
        return _outside_main_thread(lambda: self._call(action, attempts))

    def _call(self, action: Callable[[], Result], attempts: int) -> Result:
        for attempt in range(attempts):
            options = self._options = self._options or gdal_options(self.files)
            try:
                with rasterio.Env(session=_Options(options)):
                    return action()
            except NotReadableError:
                self._options = None  # credentials may have been renewed
                for uri in self.files[:_ASKED]:  # raises in the words of the store
                    FileSystem.get_file_system(uri).stamp(uri)
                if attempt == attempts - 1:
                    raise
            time.sleep(BACKOFF * 2**attempt)
        raise AssertionError('the last attempt returns or raises')


class _Helper:
    """A thread that reads for the main thread; connections to servers belong to a thread."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()
        Thread(target=self._work, name='remote rasters', daemon=True).start()

    def _work(self) -> None:
        while True:
            function, future = self._jobs.get()
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001 - raised in the main thread
                future.set_exception(error)

    def run(self, function: Callable[[], Result]) -> Result:
        future: Future[Result] = Future()
        self._jobs.put((function, future))
        try:
            return future.result()
        except BaseException:
            if not future.done():  # after a signal: it goes on, and nobody waits for it
                _helper.cache_clear()
            raise


@lru_cache(maxsize=1)
def _helper(pid: int) -> _Helper:  # noqa: ARG001 (a forked process has no threads)
    return _Helper()


def _outside_main_thread(function: Callable[[], Result]) -> Result:
    if current_thread() is main_thread():
        return _helper(os.getpid()).run(function)
    return function()
