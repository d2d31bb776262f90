"""Whole files to and from buckets: in parts, several at a time, all or nothing, verified."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from hashlib import md5
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rastervision.pipeline.file_system.object_store.address import Address
from rastervision.pipeline.file_system.object_store.requests import call
from rastervision.pipeline.file_system.object_store.threads import for_each
from rastervision.pipeline.progress import progress

if TYPE_CHECKING:
    from obstore import GetOptions

PART_BYTES = 8 << 20
"""Size of the parts of a file; larger where there would be more than the stores take."""
MAX_PARTS = 9_000
UPLOADS = 4
"""Parts of one file that are sent at the same time; more would time out on slow lines."""
DOWNLOADS = 8
"""Parts of one file that are received at the same time."""


def upload_file(address: Address, path: Path) -> str | None:
    """Send a file; the object is there whole at the end, or is as it was before.

    Returns:
        The ETag of the object.

    Raises:
        OSError: The file cannot be read.
    """
    return _upload(address, lambda: path.open('rb'), path.stat().st_size)


def upload_bytes(address: Address, data: bytes) -> str | None:
    """Send bytes, as `upload_file` does."""
    return _upload(address, lambda: BytesIO(data), len(data))


def _upload(address: Address, open_file: Callable[[], IO[bytes]], size: int) -> str | None:
    import obstore

    part = part_size(size)

    def request(store: Any) -> str | None:
        sent = 0

        def parts(file: IO[bytes], advance: Callable[[float], object]) -> Iterator[bytes]:
            nonlocal sent
            while chunk := file.read(part):
                sent += len(chunk)
                yield chunk
                advance(len(chunk))

        with open_file() as file, _progress(address, 'Uploading', size) as advance:
            if size <= part:
                return obstore.put(store, address.key, file.read(), use_multipart=False)['e_tag']
            etag = obstore.put(
                store, address.key, parts(file, advance), chunk_size=part, max_concurrency=UPLOADS
            )['e_tag']
        there = obstore.head(store, address.key)
        if there['e_tag'] == etag and there['size'] != sent:  # else it is of another process
            raise ValueError(f'{sent} bytes were sent, but {there["size"]} are there')
        return etag

    return call(address, request)


def download_file(address: Address, path: Path) -> str | None:
    """Receive an object into a new file.

    Returns:
        The ETag of the object.

    Raises:
        Exception: What the library raises; also if the object changes meanwhile.
        OSError: The file cannot be written.
    """
    import obstore

    about = call(address, lambda store: obstore.head(store, address.key))
    size, etag = about['size'], about['e_tag']
    starts = range(0, size, PART_BYTES)
    turn = threading.Lock()

    def receive(start: int) -> None:
        chunk = _range(address, start, min(start + PART_BYTES, size), etag)
        with turn:
            out.seek(start)
            out.write(chunk)
            advance(len(chunk))

    with path.open('wb') as out, _progress(address, 'Downloading', size) as advance:
        for_each(receive, starts, DOWNLOADS)
    return etag


def _range(address: Address, start: int, stop: int, etag: str | None) -> bytes:
    """Some bytes of an object of which nothing may have changed."""
    import obstore

    options: GetOptions = {'range': (start, stop), 'if_match': etag}

    def request(store: Any) -> bytes:
        data = bytes(obstore.get(store, address.key, options=options).bytes())
        if len(data) != stop - start:
            raise ValueError(f'{stop - start} bytes were asked for, but {len(data)} came')
        return data

    return call(address, request)


def part_size(size: int) -> int:
    """Size of the parts that a file of `size` bytes is sent in."""
    return max(PART_BYTES, math.ceil(size / MAX_PARTS))


def s3_etag(path: Path) -> str:
    """The ETag that S3 gives a file that was sent as here, and is not encrypted with own keys."""
    size = path.stat().st_size
    part = part_size(size)
    with path.open('rb') as file:
        chunks = iter(lambda: file.read(part), b'')
        digests = [_md5(chunk) for chunk in chunks] or [_md5(b'')]
    if size <= part:
        return f'"{digests[0].hex()}"'
    return f'"{_md5(b"".join(digests)).hex()}-{len(digests)}"'


def _md5(data: bytes) -> bytes:
    return md5(data, usedforsecurity=False).digest()


def _progress(
    address: Address, verb: str, size: int
) -> AbstractContextManager[Callable[[float], object]]:
    """Progress of a file that takes several parts; small ones are not worth a line."""
    if size <= PART_BYTES:
        return nullcontext(lambda _: None)
    return progress(size, f'{verb} {address.key.rpartition("/")[2]}', unit='B')
