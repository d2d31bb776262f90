"""S3FileSystem, and the functions beside it, as release 0.31 had them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system.object_store import ObjectStoreFileSystem
from rastervision.pipeline.file_system.object_store.address import cloud_of, parse
from rastervision.pipeline.file_system.object_store.aws import (
    SETTINGS,
    endpoint_url,
    requester_pays,
)
from rastervision.pipeline.progress import progress


class S3FileSystem(ObjectStoreFileSystem):
    """Files in Amazon S3, and in stores that speak its protocol."""

    @staticmethod
    def get_request_payer() -> str:
        """'requester' if the requester pays for transfers, else 'None'."""
        return 'requester' if requester_pays() else 'None'

    @staticmethod
    def get_session() -> Any:
        """A session of the AWS SDK with the profile and region of the settings.

        Raises:
            ConfigError: The AWS SDK is not installed.
        """
        try:
            import boto3
        except ImportError as error:
            raise ConfigError(
                'This takes the AWS SDK; install it: pip install "rastervision[aws]".'
            ) from error
        setting = rv_config_.get_namespace_config(SETTINGS)
        return boto3.Session(
            profile_name=setting('profile', raise_error=False),
            region_name=setting('region', raise_error=False),
        )

    @staticmethod
    def get_client() -> Any:
        """A client of the AWS SDK for S3.

        Raises:
            ConfigError: The AWS SDK is not installed.
        """
        return S3FileSystem.get_session().client('s3', endpoint_url=endpoint_url())

    @staticmethod
    def matches_uri(uri: str, mode: str) -> bool:  # noqa: ARG004 (both modes)
        return cloud_of(uri) == 's3'

    @staticmethod
    def parse_uri(uri: str) -> tuple[str, str]:
        """Bucket and key.

        Raises:
            ValueError: The URI names no bucket.
        """
        address = parse(uri)
        return address.bucket, address.key


def get_matching_s3_objects(
    bucket: str,
    prefix: str = '',
    suffix: str = '',
    delimiter: str = '/',
    request_payer: str = 'None',
) -> Iterator[tuple[str, Any]]:
    """Objects of a bucket, and the directories between them, as the AWS SDK lists them.

    Args:
        bucket: Name of the bucket.
        prefix: Beginning of the keys.
        suffix: End of the keys.
        delimiter: What ends the name of a directory; '' to list all objects, however deep.
        request_payer: 'requester' to pay for it.

    Yields:
        Keys, and what the SDK tells of each.
    """
    options = {} if request_payer == 'None' else {'RequestPayer': request_payer}
    pages = S3FileSystem.get_client().get_paginator('list_objects_v2')
    for page in pages.paginate(Bucket=bucket, Prefix=prefix, Delimiter=delimiter, **options):
        folders = ((item['Prefix'], item) for item in page.get('CommonPrefixes', []))
        files = ((item['Key'], item) for item in page.get('Contents', []))
        for entries in (folders, files):
            yield from ((key, item) for key, item in entries if key.endswith(suffix))


def get_matching_s3_keys(
    bucket: str,
    prefix: str = '',
    suffix: str = '',
    delimiter: str = '/',
    request_payer: str = 'None',
) -> Iterator[str]:
    """The keys that `get_matching_s3_objects` yields; arguments as there."""
    objects = get_matching_s3_objects(bucket, prefix, suffix, delimiter, request_payer)
    return (key for key, _ in objects)


@contextmanager
def progressbar(total_size: int, desc: str) -> Iterator[Any]:
    """Show the progress of a transfer.

    Args:
        total_size: Bytes in all.
        desc: What is being done.

    Yields:
        A function that takes the number of bytes since its last call.
    """
    with progress(total_size, desc, unit='B') as advance:
        yield advance
