"""Files in object stores: Amazon S3 and alike, Google Cloud Storage, Azure."""

import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from rastervision.pipeline.file_system.file_system import FileSystem, unreadable
from rastervision.pipeline.file_system.local_file_system import atomic_local_path, make_dir
from rastervision.pipeline.file_system.local_names import local_name
from rastervision.pipeline.file_system.object_store.address import Address, cloud_of, parse
from rastervision.pipeline.file_system.object_store.faults import (
    code_of,
    is_missing_bucket,
    odd_name,
    reading,
    writing,
)
from rastervision.pipeline.file_system.object_store.forks import safe_after_fork
from rastervision.pipeline.file_system.object_store.requests import (
    call,
    delete,
    entries,
    has_objects_below,
    metadata,
    objects_below,
)
from rastervision.pipeline.file_system.object_store.sync import sync_from, sync_to
from rastervision.pipeline.file_system.object_store.transfer import (
    download_file,
    upload_bytes,
    upload_file,
)


@safe_after_fork
class ObjectStoreFileSystem(FileSystem):
    """`s3://`, `gs://`, `az://` and `abfs://`.

    Buckets have no directories; a directory is there as long as an object is below it.
    """

    @staticmethod
    def matches_uri(uri: str, mode: str) -> bool:  # noqa: ARG004 (both modes)
        return cloud_of(uri) is not None

    @staticmethod
    def file_exists(uri: str, include_dir: bool = True) -> bool:
        address = _readable(uri, a_dir=True)
        with reading(uri, address):
            if not uri.endswith('/') and metadata(address) is not None:
                return True
            return include_dir and _is_dir(address)

    @staticmethod
    def read_bytes(uri: str) -> bytes:
        import obstore

        address = _readable(uri)
        with reading(uri, address):
            return call(address, lambda store: bytes(obstore.get(store, address.key).bytes()))

    @staticmethod
    def write_bytes(uri: str, data: bytes) -> None:
        address = _writable(uri)
        with writing(uri, address):
            upload_bytes(address, data)

    @classmethod
    def create(cls, uri: str, data: bytes) -> bool:
        """Write a file unless there is one.

        A mark that goes with the file tells whether it is that of an attempt whose answer was lost.
        Where a store of S3's kind cannot do this, two processes at the same time may both succeed.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError

        address = _writable(uri)
        mark = uuid.uuid4().hex

        def put(store: Any) -> object:
            return obstore.put(store, address.key, data, mode='create', attributes={'writer': mark})

        with writing(uri, address):
            try:
                call(address, put)
            except AlreadyExistsError:
                there = call(address, lambda store: obstore.get(store, address.key).attributes)
                return bool(there.get('writer') == mark)
            except Exception as error:
                if code_of(error) != 'NotImplemented':
                    raise
                return super().create(uri, data)
        return True

    @staticmethod
    def sync_to_dir(src_dir: str, dst_dir_uri: str, delete: bool = False) -> None:
        if not Path(src_dir).is_dir():
            raise unreadable(src_dir, 'no such directory')
        address = _writable(dst_dir_uri, a_dir=True)
        with writing(dst_dir_uri, address):
            sync_to(Path(src_dir), address, remove_others=delete)

    @staticmethod
    def sync_from_dir(src_dir_uri: str, dst_dir: str, delete: bool = False) -> None:
        address = _readable(src_dir_uri, a_dir=True)
        make_dir(dst_dir)
        with reading(src_dir_uri, address):
            count = sync_from(address, Path(dst_dir), remove_others=delete)
        if not count:
            raise unreadable(src_dir_uri, 'no such directory')

    @staticmethod
    def copy_to(src_path: str, dst_uri: str) -> None:
        address = _writable(dst_uri)
        if not Path(src_path).is_file():
            raise unreadable(src_path, 'no such file')
        with writing(dst_uri, address):
            upload_file(address, Path(src_path))

    @staticmethod
    def copy_from(src_uri: str, dst_path: str) -> None:
        address = _readable(src_uri)
        with reading(src_uri, address), atomic_local_path(dst_path) as tmp_path:
            download_file(address, Path(tmp_path))

    @staticmethod
    def local_path(uri: str, download_dir: str) -> str:
        """`<download_dir>/<scheme>/<bucket>/<key>`."""
        address = _readable(uri, a_dir=True)
        bucket = address.root.partition('://')[2].rstrip('/')
        names = [local_name(name) for name in [bucket, *address.key.split('/')] if name]
        return str(Path(download_dir, address.cloud, *names))

    @staticmethod
    def last_modified(uri: str) -> datetime:
        address = _readable(uri)
        with reading(uri, address):
            about = metadata(address)
        if about is None:
            raise unreadable(uri, 'no such file')
        modified: datetime = about['last_modified']
        return modified

    @classmethod
    def stamp(cls, uri: str) -> str | None:
        """The ETag, else size and time of the last change; None for a directory."""
        address = _readable(uri, a_dir=True)
        with reading(uri, address):
            about = metadata(address)
            if about is None and _is_dir(address):
                return None
        if about is None:
            raise unreadable(uri, 'no such file')
        return about['e_tag'] or f'{about["size"]} {about["last_modified"].isoformat()}'

    @classmethod
    def size_if_ranged(cls, uri: str) -> int:
        address = _readable(uri)
        with reading(uri, address):
            about = metadata(address)
        if about is None:
            raise unreadable(uri, 'no such file')
        return int(about['size'])

    @staticmethod
    def list_paths(uri: str, ext: str = '', delimiter: str = '/') -> list[str]:
        """URIs of the entries of a directory, those of directories with a slash at the end.

        Args:
            uri: URI of a directory.
            ext: End of the names to list.
            delimiter: '' for all files below the directory, however deep.
        """
        address = _readable(uri, a_dir=True)
        with reading(uri, address):
            if not delimiter:
                keys = list(objects_below(address))
            else:
                found = entries(address, address.key)
                folders = set(found['common_prefixes'])
                empty = {item['path'] for item in found['objects'] if not item['size']}
                files = {item['path'] for item in found['objects']} - {address.key}
                keys = [*(f'{folder}/' for folder in folders), *(files - (empty & folders))]
        return sorted(address.uri(key) for key in keys if key.endswith(ext or ''))

    @classmethod
    def remove(cls, uri: str) -> None:
        address = _writable(uri, a_dir=True)
        with writing(uri, address):
            if not address.key:
                raise ValueError('a whole bucket is not removed from here')
            keys = [*objects_below(address)]
            if not uri.endswith('/'):
                keys += [address.key] if metadata(address) else []
            delete(address, keys)

    @classmethod
    def check_writable(cls, uri: str) -> None:
        """The bucket must be there, and show what is in it."""
        address = _writable(uri, a_dir=True)
        with writing(uri, address):
            has_objects_below(address)


def _readable(uri: str, a_dir: bool = False) -> Address:
    """The address that a URI stands for; that of a file has a key."""
    with reading(uri):
        return _parse(uri, a_dir)


def _writable(uri: str, a_dir: bool = False) -> Address:
    with writing(uri):
        return _parse(uri, a_dir)


def _parse(uri: str, a_dir: bool) -> Address:
    address = parse(uri)
    if not a_dir and (not address.key or uri.endswith('/')):
        raise ValueError('it names a directory, not a file')
    return address


def _is_dir(address: Address) -> bool:
    """Whether there is an object below a directory; False too if there is no such bucket."""
    try:
        return has_objects_below(address)
    except Exception as error:
        if is_missing_bucket(error):
            return False
        if odd_name(error):
            return True
        raise
