"""Containers of Azure Blob Storage and Data Lake Storage."""

from typing import Any

from rastervision.pipeline.file_system.object_store.connection import connect
from rastervision.pipeline.rv_config import get_env_var

SETTINGS = 'azure'
"""Section of the settings account_name, endpoint_url, anonymous and use_azure_cli."""
NO_CREDENTIALS = (
    'there are no credentials for it; set AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN or '
    'AZURE_STORAGE_CONNECTION_STRING, or AZURE_USE_AZURE_CLI=yes after `az login`, or '
    'AZURE_ANONYMOUS=yes for public data'
)


def open_container(container: str, account: str) -> Any:
    """Open a container; arguments and errors as for `container_config`."""
    return connect('AzureStore', container, container_config(container, account))


def container_config(container: str, account: str) -> dict[str, Any]:
    """What settings and environment say about a container: settings of the library's class.

    Args:
        container: Its name.
        account: The storage account that the URI names; '' to take that of the settings.

    Raises:
        ValueError: Nothing names the storage account.
    """
    from rastervision.pipeline import rv_config_

    setting = rv_config_.get_namespace_option
    known = _connection_string()
    if account and account != known.get('AccountName'):
        known = {}  # it is of another account
    account = (
        account
        or setting(SETTINGS, 'account_name')
        or get_env_var('AZURE_STORAGE_ACCOUNT_NAME')
        or get_env_var('AZURE_STORAGE_ACCOUNT')
        or known.get('AccountName', '')
    )
    if not account:
        raise ValueError(
            'nothing names the storage account; set AZURE_ACCOUNT_NAME, or write '
            f'abfs://{container}@ACCOUNT.dfs.core.windows.net/path'
        )
    return {
        'account_name': account,
        'account_key': known.get('AccountKey'),
        'sas_key': known.get('SharedAccessSignature'),
        'endpoint': setting(SETTINGS, 'endpoint_url') or known.get('BlobEndpoint'),
        'skip_signature': setting(SETTINGS, 'anonymous', as_bool=True) or None,
        'use_azure_cli': setting(SETTINGS, 'use_azure_cli', as_bool=True) or None,
    }


def _connection_string() -> dict[str, str]:
    """The parts of AZURE_STORAGE_CONNECTION_STRING."""
    text = get_env_var('AZURE_STORAGE_CONNECTION_STRING', '')
    return {name: value for name, _, value in (item.partition('=') for item in text.split(';'))}
