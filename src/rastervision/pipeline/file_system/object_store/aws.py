"""Buckets of Amazon S3 and of stores that speak its protocol."""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from rastervision.pipeline.file_system.object_store.aws_profile import AwsProfile
from rastervision.pipeline.file_system.object_store.connection import connect
from rastervision.pipeline.rv_config import get_env_var, unset_empty

SETTINGS = 'aws_s3'
"""Section of the settings endpoint_url, region, profile, anonymous and requester_pays."""
NO_CREDENTIALS = (
    'there are no credentials for it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or '
    'AWS_PROFILE, or AWS_S3_ANONYMOUS=yes for public data'
)
_KEYS = ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN')
_DEFAULT_REGION = 'us-east-1'
_METADATA_SERVICE = ('169.254.169.254', 80)
_METADATA_SECONDS = 1.0
_regions: dict[str, str] = {}
"""Regions of buckets that are not in the region of the settings."""
_on_aws: bool | None = None


def open_bucket(bucket: str) -> Any:
    """Open a bucket; raises what `bucket_config` raises."""
    config, provider = bucket_config(bucket)
    return connect('S3Store', bucket, config, provider=provider)


def bucket_config(bucket: str) -> tuple[dict[str, Any], Callable[[], Any] | None]:
    """What settings, environment and the user's AWS profile say about a bucket.

    Returns:
        Settings of the library's class; and a function that returns credentials, None where they
        are in the environment or come from the machine's role.

    Raises:
        ConfigError: The profile is not there, or needs the AWS SDK.
        PermissionError: There are no credentials.
    """
    from rastervision.pipeline import rv_config_

    unset_empty(_KEYS)
    setting = rv_config_.get_namespace_option
    profile = AwsProfile.find(setting(SETTINGS, 'profile'))
    anonymous = setting(SETTINGS, 'anonymous', False, as_bool=True) or _env_bool(
        'AWS_NO_SIGN_REQUEST', 'AWS_SKIP_SIGNATURE'
    )
    config = {
        'endpoint': endpoint_url(),
        'region': _regions.get(bucket)
        or setting(SETTINGS, 'region')
        or _env('AWS_REGION', 'AWS_DEFAULT_REGION')
        or profile.get('region')
        or _DEFAULT_REGION,
        'request_payer': requester_pays() or None,
        'skip_signature': anonymous or None,
    }
    provider = None if anonymous else profile.credential_provider()
    if provider is None and not anonymous:
        _check_credentials()
    return config, provider


def endpoint_url() -> str | None:
    """Address of the store; None for Amazon's own."""
    from rastervision.pipeline import rv_config_

    setting = rv_config_.get_namespace_option(SETTINGS, 'endpoint_url')
    return (
        setting
        or _env('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL')
        or AwsProfile.find(rv_config_.get_namespace_option(SETTINGS, 'profile')).get('endpoint_url')
    )


def requester_pays() -> bool:
    """Whether the requester pays for transfers."""
    from rastervision.pipeline import rv_config_

    payer = (_env('AWS_REQUEST_PAYER') or '').lower()
    default = payer in {'requester', 'true'}
    return bool(rv_config_.get_namespace_option(SETTINGS, 'requester_pays', default, as_bool=True))


def correct_region(bucket: str) -> bool:
    """Ask where a bucket is, after a request to another region was refused.

    Returns:
        Whether the bucket is in another region than was thought; the next `open_bucket` knows it.
    """
    base = (endpoint_url() or 'https://s3.amazonaws.com').rstrip('/')
    request = Request(f'{base}/{bucket}', method='HEAD')  # noqa: S310 (http and https only)
    headers = None
    with suppress(OSError):
        try:
            with urlopen(request, timeout=10) as response:  # noqa: S310 (the same)
                headers = response.headers
        except HTTPError as error:  # the header comes with refusals, too
            headers = error.headers
    region = headers.get('x-amz-bucket-region') if headers else None
    if region is None or region == _regions.get(bucket):
        return False
    _regions[bucket] = region
    return True


def _check_credentials() -> None:
    """Raise PermissionError where there are certainly no credentials.

    The library would ask the metadata service of Amazon's machines, and elsewhere wait long for it.
    """
    global _on_aws  # noqa: PLW0603 (asked once in a process)
    keys = [name for name in _KEYS[:2] if _env(name)]
    containers = ('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI')
    others = _env('AWS_WEB_IDENTITY_TOKEN_FILE', *containers, 'AWS_METADATA_ENDPOINT')
    if len(keys) == 2 or (others and not keys):
        return
    if keys or _env_bool('AWS_EC2_METADATA_DISABLED'):
        raise PermissionError(NO_CREDENTIALS)
    if _on_aws is None:
        try:
            socket.create_connection(_METADATA_SERVICE, _METADATA_SECONDS).close()
        except OSError:
            _on_aws = False
        else:
            _on_aws = True
    if not _on_aws:
        raise PermissionError(NO_CREDENTIALS)


def _env(*names: str) -> str | None:
    """The first of some environment variables that is set."""
    return next((value for name in names if (value := get_env_var(name))), None)


def _env_bool(*names: str) -> bool:
    return any(get_env_var(name, False, out_type=bool) for name in names)
