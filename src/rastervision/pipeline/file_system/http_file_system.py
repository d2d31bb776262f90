"""Files behind http:// and https:// URLs, read only.

Built on the standard library: any URL must work as given (signed queries, ready-made escapes,
answers without a length), which HTTP stores of object-store libraries rewrite or refuse. Reads
survive dropped connections and overloaded servers: they are retried and go on where they stopped.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit

from rastervision.pipeline.file_system.file_system import FileSystem, unreadable, unwritable
from rastervision.pipeline.file_system.http_login import open_url
from rastervision.pipeline.file_system.local_file_system import atomic_local_path, progressbar
from rastervision.pipeline.file_system.local_names import local_name, with_digest
from rastervision.pipeline.progress import progress

TIMEOUT = 60.0
"""Seconds without an answer after which a connection counts as lost."""
ATTEMPTS = 5
BACKOFF = 0.5
"""Seconds before the first retry; each further one waits twice as long."""
_CHUNK = 1 << 20
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
_READ_ONLY = 'web servers are read only here; give a local path or the URI of a writable store'
_CHANGED = 'the file changed while it was read'
_NO_LISTS = 'web servers list no directories; name the files one by one'


class HttpFileSystem(FileSystem):
    """Files on web servers."""

    @staticmethod
    def matches_uri(uri: str, mode: str) -> bool:  # noqa: ARG004 (writing is refused in words)
        return uri.lower().startswith(('http://', 'https://'))

    @staticmethod
    def file_exists(uri: str, include_dir: bool = True) -> bool:  # noqa: ARG004 (no directories)
        return _head(uri) is not None

    @staticmethod
    def read_bytes(uri: str) -> bytes:
        return b''.join(Download(uri))

    @staticmethod
    def write_bytes(uri: str, data: bytes) -> None:  # noqa: ARG004 (always refused)
        raise unwritable(uri, _READ_ONLY)

    @staticmethod
    def sync_to_dir(src_dir: str, dst_dir_uri: str, delete: bool = False) -> None:  # noqa: ARG004
        raise unwritable(dst_dir_uri, _READ_ONLY)

    @staticmethod
    def sync_from_dir(src_dir_uri: str, dst_dir: str, delete: bool = False) -> None:  # noqa: ARG004
        raise unreadable(src_dir_uri, _NO_LISTS)

    @staticmethod
    def copy_to(src_path: str, dst_uri: str) -> None:  # noqa: ARG004 (always refused)
        raise unwritable(dst_uri, _READ_ONLY)

    @staticmethod
    def copy_from(src_uri: str, dst_path: str) -> None:
        download = Download(src_uri)
        chunks = iter(download)
        first = next(chunks, b'')  # the size is known from here on
        desc = f'Downloading {_tail(src_uri)}'
        with (
            atomic_local_path(dst_path) as tmp_path,
            Path(tmp_path).open('wb') as out,
            progress(download.size, desc, unit='B') as advance,
        ):
            for chunk in chain([first], chunks):
                out.write(chunk)
                advance(len(chunk))

    @staticmethod
    def local_path(uri: str, download_dir: str) -> str:
        """`<download_dir>/http/<host>/<path>`; a query and a last slash become part of the name."""
        try:
            parts = urlsplit(uri)
        except ValueError as error:
            raise unreadable(uri, f'not a valid URL ({error})') from error
        names = [local_name(parts.netloc.rpartition('@')[2])]
        names += [local_name(unquote(part)) for part in PurePosixPath(parts.path).parts[1:]]
        if len(names) == 1:
            names.append('index')
        if parts.query or parts.path.endswith('/'):
            names[-1] = with_digest(names[-1], of=f'{parts.path}?{parts.query}')
        return str(Path(download_dir, parts.scheme.lower(), *names))

    @staticmethod
    def last_modified(uri: str) -> datetime | None:
        return _date(_headers(uri))

    @classmethod
    def stamp(cls, uri: str) -> str | None:
        """The ETag, else size and time of the last change, as far as the server tells them."""
        headers = _headers(uri)
        known = (headers.get('Content-Range', '').rpartition('/')[2], headers.get('Last-Modified'))
        return headers.get('ETag') or ' '.join(filter(None, known)) or None

    @classmethod
    def size_if_ranged(cls, uri: str) -> int | None:
        """What the server says when it is asked for a part; None if it sends the whole."""
        headers = _headers(uri)
        size = headers.get('Content-Range', '').rpartition('/')[2]
        return int(size) if size.isdigit() else None

    @classmethod
    def check_writable(cls, uri: str) -> None:
        raise unwritable(uri, _READ_ONLY)

    @staticmethod
    def list_paths(uri: str, ext: str = '') -> list[str]:  # noqa: ARG004 (always refused)
        raise unreadable(uri, _NO_LISTS)


class Download:
    """The bytes of one URL as an iterator of chunks that outlives dropped connections.

    After a lost connection the rest is asked for. If the server cannot send a part, or has neither
    ETag nor date to tell that the part is of the same file, the first bytes of the whole are read
    and compared again. A file that changed in the meantime is an error, never a mixture.

    Attributes:
        size: Bytes in all, known after the first chunk and only if the server says.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.size: int | None = None
        self._version: str | None = None
        self._validator: str | None = None
        self._done = 0
        self._digest = sha256()

    def __iter__(self) -> Iterator[bytes]:
        for attempt in range(ATTEMPTS):
            before = self._done
            try:
                yield from self._rest()
            except (OSError, http.client.HTTPException) as error:
                if attempt == ATTEMPTS - 1 or not _is_passing(error):
                    raise unreadable(self.uri, _reason(error)) from error
            else:
                return
            time.sleep(0 if self._done > before else BACKOFF * 2**attempt)

    def _rest(self) -> Iterator[bytes]:
        headers = {}
        if self._done and self._validator is not None:
            headers = {'Range': f'bytes={self._done}-', 'If-Range': self._validator}
        with _open(self.uri, headers) as response:
            is_part = response.status == http.HTTPStatus.PARTIAL_CONTENT
            self._check_same(response.headers, is_part)
            if not is_part:
                self._pass_over(response)
            while chunk := response.read(_CHUNK):
                self._done += len(chunk)
                self._digest.update(chunk)
                yield chunk
        if self.size is not None and self._done < self.size:
            raise http.client.IncompleteRead(b'', self.size - self._done)

    def _check_same(self, headers: http.client.HTTPMessage, is_part: bool) -> None:
        """Whether an answer is of the file that the first was of; the first tells which that is."""
        date, etag = headers['Last-Modified'], headers['ETag']
        size = headers['Content-Range'] if is_part else headers['Content-Length']
        size = (size or '').rpartition('/')[2]
        if not self._done:
            self._version = etag or date
            self._validator = date if (etag or 'W/').startswith('W/') else etag
            self.size = int(size) if size else None
        elif (etag or date) != self._version or (
            self.size and size not in {'', '*', f'{self.size}'}
        ):
            raise unreadable(self.uri, _CHANGED)

    def _pass_over(self, response: Any) -> None:
        """Read again what is done already, which must be the same."""
        again, left = sha256(), self._done
        while left:
            chunk = response.read(min(left, _CHUNK))
            if not chunk:
                raise http.client.IncompleteRead(b'', left)
            again.update(chunk)
            left -= len(chunk)
        if again.digest() != self._digest.digest():
            raise unreadable(self.uri, _CHANGED)


@contextmanager
def get_file_obj(uri: str, with_progress: bool = True) -> Iterator[Any]:
    """Open a URL for reading as a binary file object.

    Args:
        uri: The URL.
        with_progress: Show progress while it is read.

    Yields:
        An object with `read(size)`.
    """
    try:
        with _open(uri, {}) as response:
            if not with_progress:
                yield response
                return
            size = int(response.headers.get('Content-Length') or 0)
            with progressbar(response, 'read', size, f'Reading {_tail(uri)}') as wrapped:
                yield wrapped
    except (URLError, http.client.HTTPException) as error:
        raise unreadable(uri, _reason(error)) from error


def _open(uri: str, headers: dict[str, str]) -> Any:
    """The response to a GET. Raises OSError (URLError, HTTPError …) or HTTPException."""
    url = quote(uri, safe="%/:=&?~#+!$,;'@()*[]")
    try:
        return open_url(url, {'User-Agent': 'rastervision', **headers}, TIMEOUT)
    except ValueError as error:
        raise unreadable(uri, f'not a valid URL ({error})') from error


def _head(uri: str) -> http.client.HTTPMessage | None:
    """Headers of a URL, None if there is no such file.

    Asks for one byte instead of using HEAD, which signed URLs and some servers refuse.
    """
    for attempt in range(ATTEMPTS):
        try:
            with _open(uri, {'Range': 'bytes=0-0'}) as response:
                return cast(http.client.HTTPMessage, response.headers)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, HTTPError) and error.code in {404, 410}:
                return None
            if isinstance(error, HTTPError) and error.code == 416:  # an empty file has no byte 0
                return cast(http.client.HTTPMessage, error.headers)
            if attempt == ATTEMPTS - 1 or not _is_passing(error):
                raise unreadable(uri, _reason(error)) from error
        time.sleep(BACKOFF * 2**attempt)
    raise AssertionError('the last attempt returns or raises')


def _headers(uri: str) -> http.client.HTTPMessage:
    """Headers of a URL. Raises NotReadableError if there is no such file."""
    headers = _head(uri)
    if headers is None:
        raise unreadable(uri, 'no such file (HTTP 404)')
    return headers


def _is_passing(error: Exception) -> bool:
    """Whether another attempt may help."""
    if isinstance(error, HTTPError):
        return error.code in _RETRIED
    cause = error.reason if isinstance(error, URLError) else error
    hopeless = str | socket.gaierror | ConnectionRefusedError | ssl.SSLCertVerificationError
    return not isinstance(cause, hopeless | http.client.InvalidURL)


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f'the server answered HTTP {error.code} {error.reason}'
    if isinstance(error, http.client.InvalidURL):  # its text may be a part of a password
        return 'not a valid URL; write a "/" in a password as %2F, and a port as a number'
    if isinstance(error, http.client.IncompleteRead):
        return f'the connection broke off, {error.expected} bytes are missing'
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return f'no answer within {TIMEOUT:.0f} seconds'
    if isinstance(cause, socket.gaierror):
        return 'the host name is unknown or there is no network'
    return str(getattr(cause, 'strerror', None) or cause)


def _date(headers: http.client.HTTPMessage) -> datetime | None:
    text = headers.get('Last-Modified')
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None


def _tail(uri: str) -> str:
    return PurePosixPath(urlsplit(uri).path).name
