"""Directories to and from buckets: only what is new or has changed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rastervision.pipeline.file_system.local_file_system import atomic_local_path, files_below
from rastervision.pipeline.file_system.local_names import checked_name
from rastervision.pipeline.file_system.object_store.address import Address, parse
from rastervision.pipeline.file_system.object_store.faults import reading, writing
from rastervision.pipeline.file_system.object_store.requests import delete, objects_below, parents
from rastervision.pipeline.file_system.object_store.threads import for_each
from rastervision.pipeline.file_system.object_store.transfer import (
    download_file,
    s3_etag,
    upload_file,
)

THREADS = 4
"""Files that are sent or received at the same time."""
_synced: dict[tuple[str, str], tuple[str | None, int, int]] = {}
"""(URI, local path) -> ETag, size and time of the last change when both were the same."""


def sync_to(src: Path, address: Address, *, remove_others: bool) -> None:
    """Send the files below a local directory that the bucket lacks or has otherwise."""
    there = objects_below(address)
    names = {path.relative_to(src).as_posix(): path for path in files_below(src)}
    wanted = {_join(address.key, name): path for name, path in names.items()}

    def send(item: tuple[str, Path]) -> None:
        key, path = item
        uri = address.uri(key)
        with writing(uri, address):
            if not _is_same(uri, path, there.get(key)):
                before = path.stat()
                etag = upload_file(parse(uri), path)
                _synced[uri, str(path)] = (etag, before.st_size, before.st_mtime_ns)

    for_each(send, wanted.items(), THREADS)
    if remove_others:
        delete(address, sorted(there.keys() - wanted.keys()))


def sync_from(address: Address, dst: Path, *, remove_others: bool) -> int:
    """Fetch the objects below a directory of a bucket that a local one lacks or has otherwise.

    Returns:
        How many objects there are.
    """
    there = objects_below(address)
    start = len(address.key) + 1 if address.key else 0
    wanted = {key: dst / checked_name(key[start:]) for key in there}
    if both := there.keys() & parents(there):
        raise ValueError(f'{min(both)!r} in it is both a file and a directory; rename one of them')

    def fetch(item: tuple[str, Path]) -> None:
        key, path = item
        uri = address.uri(key)
        if not _is_same(uri, path, there[key]):
            with reading(uri, address), atomic_local_path(str(path)) as tmp_path:
                etag = download_file(parse(uri), Path(tmp_path))
            status = path.stat()
            _synced[uri, str(path)] = (etag, status.st_size, status.st_mtime_ns)

    for_each(fetch, wanted.items(), THREADS)
    if remove_others:
        for path in set(files_below(dst)) - set(wanted.values()):
            path.unlink(missing_ok=True)
    return len(there)


def _is_same(uri: str, path: Path, there: Mapping[str, Any] | None) -> bool:
    """Whether a local file and an object are certainly the same.

    Clocks of two machines are never compared: either this process has copied the one to the other,
    and neither has changed since, or the store's ETag is the digest of the local file.
    """
    if there is None or not path.is_file():
        return False
    status = path.stat()
    etag = there['e_tag']
    if _synced.get((uri, str(path))) == (etag, status.st_size, status.st_mtime_ns):
        return True
    return etag is not None and there['size'] == status.st_size and etag == s3_etag(path)


def _join(folder: str, name: str) -> str:
    return f'{folder}/{name}' if folder else name
