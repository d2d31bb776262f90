"""Requests to a bucket that go on where the library gives up."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from rastervision.pipeline.file_system.object_store import aws, azure, google
from rastervision.pipeline.file_system.object_store.address import Address
from rastervision.pipeline.file_system.object_store.faults import is_other_region, is_passing
from rastervision.pipeline.file_system.object_store.threads import wait_for

ATTEMPTS = 4
"""How often a request is made whose connection breaks off in the middle of the data."""
BACKOFF = 0.5
"""Seconds before the second attempt; each further one waits twice as long."""

Result = TypeVar('Result')


def open_bucket(address: Address) -> Any:
    """The store of `obstore` for the bucket of an address."""
    if address.cloud == 's3':
        return aws.open_bucket(address.bucket)
    if address.cloud == 'gs':
        return google.open_bucket(address.bucket)
    return azure.open_container(address.bucket, address.account)


def call(address: Address, request: Callable[[Any], Result]) -> Result:
    """Make a request; again if the connection breaks off, or the bucket is in another region.

    Args:
        address: Where.
        request: Function of the bucket, which may be called several times.

    Raises:
        Exception: What the library raises.
    """
    for attempt in range(ATTEMPTS):
        try:
            return wait_for(lambda: request(open_bucket(address)))
        except Exception as error:
            last = attempt == ATTEMPTS - 1
            elsewhere = not attempt and address.cloud == 's3' and is_other_region(error)
            if elsewhere and aws.correct_region(address.bucket):
                continue
            if last or not is_passing(error):
                raise
        time.sleep(BACKOFF * 2**attempt)
    raise AssertionError('the last attempt returns or raises')


def metadata(address: Address) -> dict[str, Any] | None:
    """What the store knows of an object (size, e_tag, last_modified); None if there is none."""
    import obstore

    if not address.key:
        return None
    try:
        return dict(call(address, lambda store: obstore.head(store, address.key)))
    except FileNotFoundError:
        return None


def objects_below(address: Address) -> dict[str, dict[str, Any]]:
    """All objects below a directory: key -> what the store knows of it.

    Objects that stand for directories, as some tools make them, are left out.
    """
    import obstore

    found = call(address, lambda store: obstore.list(store, address.key or None).collect())
    return {
        item['path']: {**item, 'e_tag': _quoted(item['e_tag'])}
        for item in _without_folders(address, found)
    }


def entries(address: Address, folder: str) -> dict[str, Any]:
    """What lies directly in a directory of a bucket: 'objects' and 'common_prefixes'."""
    import obstore

    return dict(call(address, lambda store: obstore.list_with_delimiter(store, folder or None)))


def has_objects_below(address: Address) -> bool:
    """Whether `objects_below` finds any; asks for no more than it takes."""
    import obstore

    def first(store: Any) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for items in obstore.list(store, address.key or None):
            found += items
            if any(item['size'] for item in items):
                break
        return found

    found = call(address, first)
    return any(item['size'] for item in found) or bool(_without_folders(address, found))


def parents(keys: Iterable[str]) -> set[str]:
    """All directories that some objects lie in."""
    found = {key.rpartition('/')[0] for key in keys}
    return found | parents(found - {''}) if found - {''} else found


def _without_folders(
    address: Address, found: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Listed objects but those that stand for directories.

    These are empty, and have other objects below them or a slash at the end. The library does not
    show the slash, and with it can neither read nor delete them.
    """
    folders = {address.key, *parents(item['path'] for item in found)}
    empty = {item['path'] for item in found if not item['size']}
    files = set()
    for parent in {key.rpartition('/')[0] for key in empty - folders}:
        files |= {item['path'] for item in entries(address, parent)['objects']}
    standing = empty - (files - folders)
    return [item for item in found if item['path'] not in standing]


def _quoted(etag: str | None) -> str | None:
    """An ETag as headers have it; lists of Azure leave the quotes out."""
    return etag if etag is None or '"' in etag else f'"{etag}"'


def delete(address: Address, keys: Sequence[str]) -> None:
    """Delete objects, which another process may delete at the same time."""
    import obstore

    try:
        if keys:
            call(address, lambda store: obstore.delete(store, list(keys)))
    except FileNotFoundError:  # some stores stop at the first one that is gone
        for key in keys:
            one = Address(address.cloud, address.bucket, key, address.root, address.account)
            if metadata(one) is not None:
                call(one, lambda store, key=key: obstore.delete(store, key))  # type: ignore[misc]
