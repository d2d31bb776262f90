"""Where a file lies in an object store: the parts of its URI."""

from dataclasses import dataclass

CLOUDS = {
    's3': 's3',
    's3a': 's3',
    'gs': 'gs',
    'az': 'az',
    'azure': 'az',
    'abfs': 'az',
    'abfss': 'az',
}
"""Scheme of a URI -> the store that it belongs to: 's3' (Amazon and alike), 'gs' or 'az'."""

ODD_PARTS = "empty parts, '.' and '..' cannot be in the name of an object"


@dataclass(frozen=True, slots=True)
class Address:
    """An object, or a directory (a common beginning of keys), in a bucket.

    Attributes:
        cloud: One of the values of `CLOUDS`.
        bucket: Name of the bucket, or of the container in Azure.
        key: Name of the object within the bucket without a slash at either end; '' for the bucket.
        root: The URI of the bucket as it was given, with a slash at its end.
        account: The storage account in Azure, if the URI names it.
    """

    cloud: str
    bucket: str
    key: str
    root: str
    account: str = ''

    def uri(self, key: str) -> str:
        """The URI of another object in the same bucket."""
        return f'{self.root}{key}'


def cloud_of(uri: str) -> str | None:
    """The store that a URI belongs to; None if it is in no object store."""
    return CLOUDS.get(uri.partition('://')[0].lower()) if '://' in uri else None


def parse(uri: str) -> Address:
    """Take a URI to pieces.

    Args:
        uri: `s3://bucket/key`, `gs://bucket/key`, `az://container/key`, or
            `abfs://container@account.dfs.core.windows.net/key`.

    Raises:
        ValueError: It names no bucket, or has empty, '.' or '..' parts.
    """
    scheme, _, rest = uri.partition('://')
    netloc, _, key = rest.partition('/')
    bucket, _, host = netloc.partition('@')
    cloud = CLOUDS[scheme.lower()]
    if not bucket:
        raise ValueError(f'it names no bucket; write {scheme}://bucket/path')
    if host and cloud != 'az':
        raise ValueError('credentials in a URI are not used; put them where the store expects them')
    key = key.strip('/')
    parts = key.split('/')
    if (key and not all(parts)) or {'.', '..'} & set(parts):
        raise ValueError(ODD_PARTS)
    return Address(cloud, bucket, key, f'{scheme}://{netloc}/', host.partition('.')[0])
