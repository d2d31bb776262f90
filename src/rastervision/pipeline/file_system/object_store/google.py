"""Buckets of Google Cloud Storage."""

from typing import Any

from rastervision.pipeline.file_system.object_store.connection import connect
from rastervision.pipeline.rv_config import get_env_var

SETTINGS = 'gcs'
"""Section of the settings endpoint_url, anonymous and user_project."""
NO_CREDENTIALS = (
    'there are no credentials for it; set GOOGLE_APPLICATION_CREDENTIALS, or run '
    '`gcloud auth application-default login`, or set GCS_ANONYMOUS=yes for public data'
)


def open_bucket(bucket: str) -> Any:
    """Open a bucket."""
    config, headers = bucket_config()
    return connect('GCSStore', bucket, config, headers)


def bucket_config() -> tuple[dict[str, Any], dict[str, str]]:
    """What settings and environment say: settings of the library's class, and HTTP headers."""
    from rastervision.pipeline import rv_config_

    setting = rv_config_.get_namespace_option
    emulator = get_env_var('STORAGE_EMULATOR_HOST')
    if emulator and '://' not in emulator:
        emulator = f'http://{emulator}'
    config = {
        'base_url': (setting(SETTINGS, 'endpoint_url') or emulator or '').rstrip('/'),
        'skip_signature': setting(SETTINGS, 'anonymous', as_bool=True) or None,
        'bearer_token': emulator and 'emulator',  # which takes any
    }
    payer = setting(SETTINGS, 'user_project')
    return config, {'x-goog-user-project': payer} if payer else {}
