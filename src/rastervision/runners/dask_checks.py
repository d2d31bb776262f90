"""Whether a dask cluster fits: versions, and the folders that its workers see."""

import re
import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.pipeline.file_system import str_to_file
from rastervision.runners.dask_worker import look

if TYPE_CHECKING:
    from distributed import Client


def check_versions(client: 'Client', timeout: float | None) -> None:
    """Raise an error if scheduler or workers have other versions of Python or dask than we.

    Args:
        client: Connected to the scheduler.
        timeout: Seconds that all have for their answer; None for no limit.

    Raises:
        ConfigError: One has other versions; the message names it.
        StageError: One does not answer.
    """
    found = _ask(client, timeout, client.get_versions)
    own = _versions(found['client'])
    others = {'its scheduler': found['scheduler'], **found['workers']}
    for who, packages in others.items():
        if (versions := _versions(packages)) != own:
            raise ConfigError(
                f'The dask cluster at {client.scheduler.address} has other versions than this '
                f'machine: {_name(who)} has {versions}, we have {own}. Install the same ones.'
            )


def _versions(found: Mapping[str, Any]) -> str:
    packages = found['packages']
    python = '.'.join(packages['python'].split('.')[:2])
    return f'Python {python} and distributed {packages["distributed"]}'


def _name(who: str) -> str:
    return f'worker {who}' if '://' in who else who


def check_workers(client: 'Client', timeout: float | None, folders: Collection[str]) -> None:
    """Raise an error if workers lack our version, or do not see the folders that jobs write to.

    Args:
        client: Connected to the scheduler.
        timeout: Seconds that all have for their answer; None for no limit.
        folders: Folders of this machine, which exist.

    Raises:
        ConfigError: A worker lacks something; the message names it.
        StageError: One does not answer.
    """
    own, token = version('rastervision'), f'.dask-{secrets.token_hex(8)}'
    paths = [Path(folder) / token for folder in folders]
    try:
        for path in paths:
            str_to_file(token, str(path))
        tokens = dict.fromkeys(folders, token)
        sights = _ask(client, timeout, client.run, look, tokens, on_error='return')
    finally:
        for path in paths:
            with suppress(OSError):
                path.unlink()
    for worker, sight in sights.items():
        if isinstance(sight, Exception):
            raise ConfigError(
                f'The dask worker {worker} cannot use Raster Vision: {one_line(sight)}. Install '
                f'rastervision {own} where the workers run.'
            )
        if sight.version != own:
            raise ConfigError(
                f'The dask worker {worker} has Raster Vision {sight.version}, this machine {own}. '
                'Install the same one.'
            )
        for folder, reason in sight.blind.items():
            raise ConfigError(
                f'The dask worker {worker} on {sight.host} does not see {folder}: it {reason}. '
                'Choose a root_uri that all machines share, such as the absolute path of a folder '
                'of a network file system, or s3://bucket/path.'
            )


def _ask(
    client: 'Client', timeout: float | None, method: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """What a method of the client returns that asks all workers.

    One that is stopped, or whose machine is stuck, keeps its connection and would be waited for.
    """
    try:
        return client.sync(method, *args, callback_timeout=timeout, **kwargs)
    except TimeoutError as error:
        within = '' if timeout is None else f' within {timeout:g} seconds'
        raise StageError(
            f'A worker of the dask cluster at {client.scheduler.address} gives no answer{within}. '
            'End it (the dashboard of the scheduler shows when each worker was last seen), or wait '
            'longer: setting timeout of section [dask].'
        ) from error


def one_line(error: Exception) -> str:
    """An error of a library, in one line."""
    return re.sub(r'\s+', ' ', f'{type(error).__name__}: {error}')
