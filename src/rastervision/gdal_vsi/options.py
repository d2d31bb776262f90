"""GDAL's settings for remote files, made of ours: addresses of stores, credentials, patience.

GDAL makes its requests itself. What it is told here is what our own file systems use, so that an
image is read in place with the same settings and credentials that it is downloaded with.
"""

from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from rastervision.pipeline.file_system.object_store import aws, azure, google
from rastervision.pipeline.file_system.object_store.address import Address, cloud_of, parse
from rastervision.pipeline.file_system.object_store.connection import RETRIES
from rastervision.pipeline.file_system.object_store.faults import reading
from rastervision.pipeline.rv_config import get_env_var

READING = {
    'GDAL_DISABLE_READDIR_ON_OPEN': 'EMPTY_DIR',  # no lists of buckets, no guesses at other files
    'GDAL_INGESTED_BYTES_AT_OPEN': '32768',  # headers of most files, in one request
    'GDAL_HTTP_MAX_RETRY': str(RETRIES),
    'GDAL_HTTP_RETRY_DELAY': '0.2',
    'GDAL_HTTP_CONNECTTIMEOUT': '10',
    'GDAL_HTTP_LOW_SPEED_TIME': '30',
    'GDAL_HTTP_LOW_SPEED_LIMIT': '1',
    'GDAL_HTTP_USERAGENT': 'rastervision',
    # what a file was when it was last opened, or that it could not be, is not remembered
    'CPL_VSIL_CURL_NON_CACHED': '/vsicurl/:/vsis3/:/vsigs/:/vsiaz/',
}
"""How GDAL reads remote files, unless the environment says otherwise."""
_GCLOUD_FILE = Path('.config', 'gcloud', 'application_default_credentials.json')


def gdal_options(uris: Iterable[str]) -> dict[str, str]:
    """GDAL's settings for reading files in place; they hold credentials.

    Args:
        uris: the files. Of several in one cloud, the first decides.

    Raises:
        NotReadableError: There are no credentials, or nothing names the account.
        ConfigError: The AWS profile is not there, or needs the AWS SDK.
    """
    options = {name: value for name, value in READING.items() if get_env_var(name) is None}
    seen = set()
    for uri in uris:
        cloud = cloud_of(uri)
        if cloud is None or cloud in seen:
            continue
        seen.add(cloud)
        with reading(uri):
            address = parse(uri)
        with reading(uri, address):
            options |= _OF_CLOUD[cloud](address)
    return options


def _s3(address: Address) -> dict[str, str]:
    config, provider = aws.bucket_config(address.bucket)
    options = {'AWS_REGION': config['region']}
    if config['endpoint']:
        endpoint = urlsplit(config['endpoint'])
        options['AWS_S3_ENDPOINT'] = f'{endpoint.netloc}{endpoint.path}'.rstrip('/')
        options['AWS_HTTPS'] = 'NO' if endpoint.scheme == 'http' else 'YES'
        options['AWS_VIRTUAL_HOSTING'] = 'FALSE'
    if config['skip_signature']:
        options['AWS_NO_SIGN_REQUEST'] = 'YES'
    if config['request_payer']:
        options['AWS_REQUEST_PAYER'] = 'requester'
    if provider is not None:
        keys = provider()
        options['AWS_ACCESS_KEY_ID'] = keys['access_key_id']
        options['AWS_SECRET_ACCESS_KEY'] = keys['secret_access_key']
        options['AWS_SESSION_TOKEN'] = keys['token'] or ''
    return options


def _gs(address: Address) -> dict[str, str]:  # noqa: ARG001 (all buckets alike)
    config, headers = google.bucket_config()
    options = {}
    if config['base_url']:
        options['CPL_GS_ENDPOINT'] = f'{config["base_url"]}/'
    if config['skip_signature'] or config['bearer_token']:
        options['GS_NO_SIGN_REQUEST'] = 'YES'
    elif get_env_var('GOOGLE_APPLICATION_CREDENTIALS') is None:
        file = Path.home() / _GCLOUD_FILE
        if file.is_file():
            options['GOOGLE_APPLICATION_CREDENTIALS'] = str(file)
    if headers:
        options['GS_USER_PROJECT'] = headers['x-goog-user-project']
    return options


def _az(address: Address) -> dict[str, str]:
    config = azure.container_config(address.bucket, address.account)
    key = config['account_key'] or get_env_var('AZURE_STORAGE_ACCOUNT_KEY')
    sas = config['sas_key'] or get_env_var('AZURE_STORAGE_SAS_TOKEN')
    if config['skip_signature']:
        key = sas = None
    parts = {'AccountName': config['account_name']}
    parts |= {'AccountKey': key} if key else {'SharedAccessSignature': sas} if sas else {}
    if config['endpoint']:
        parts['BlobEndpoint'] = config['endpoint'].rstrip('/')
    elif key or sas:
        parts['BlobEndpoint'] = f'https://{config["account_name"]}.blob.core.windows.net'
    options = {'AZURE_STORAGE_ACCOUNT': config['account_name']}
    if key or sas:
        text = ';'.join(f'{name}={value}' for name, value in parts.items())
        options['AZURE_STORAGE_CONNECTION_STRING'] = text
    elif config['skip_signature']:
        options['AZURE_NO_SIGN_REQUEST'] = 'YES'
        options['AZURE_STORAGE_CONNECTION_STRING'] = ''
    return options


_OF_CLOUD = {'s3': _s3, 'gs': _gs, 'az': _az}
