"""The cluster of the `dask` runner: workers of this machine, another cluster, or a scheduler."""

import logging
import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.pipeline.runner.gpus import VISIBLE, visible_gpus
from rastervision.pipeline.verbosity import Verbosity
from rastervision.runners.dask_checks import check_versions, check_workers, one_line
from rastervision.runners.dask_settings import TIMEOUT, DaskSettings
from rastervision.runners.dask_worker import PRELOAD

if TYPE_CHECKING:
    from distributed import Client
    from distributed.deploy import Cluster

log = logging.getLogger(__name__)

GPU = 'GPU'
"""Name of the resource that workers with a GPU announce."""
CONNECT_SECONDS = 10.0
NOT_INSTALLED = 'The runner "dask" takes dask; install it: pip install "rastervision[dask]".'


@contextmanager
def connected(
    settings: DaskSettings, name: str, size: int, folders: Collection[str]
) -> 'Iterator[Client]':
    """Start a cluster if need be, and connect to its scheduler.

    What was started ends with the block.

    Args:
        settings: Which cluster.
        name: Name of the run.
        size: Number of workers of a cluster that is started.
        folders: Folders of this machine that workers have to see.

    Yields:
        A client with a worker at least.

    Raises:
        ConfigError: dask is missing, the cluster cannot be started as it is set up, nobody answers
            at the address, its versions are not ours, or its workers do not see a folder.
        StageError: No worker came in time, or one does not answer.
    """
    try:
        from distributed import Client
        from distributed.utils import silence_logging_cmgr
        from distributed.versions import VersionMismatchWarning
    except ImportError as error:
        raise ConfigError(NOT_INSTALLED) from error
    with ExitStack() as stack:
        if rv_config_.get_verbosity() < Verbosity.VERY_VERBOSE:
            stack.enter_context(silence_logging_cmgr(logging.CRITICAL))
        if settings.is_this_machine:
            target: Any = stack.enter_context(_local_cluster(settings, size))
        elif settings.cluster:
            target = stack.enter_context(_other_cluster(settings, size))
        else:
            target = settings.address
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore', VersionMismatchWarning)  # check_versions tells
                client = stack.enter_context(
                    Client(target, timeout=CONNECT_SECONDS, name=name, set_as_default=False)
                )
        except (OSError, ValueError) as error:
            raise ConfigError(
                f'No dask scheduler answers at {settings.address!r}, the address of section '
                '[dask]. Start one there with "dask scheduler", or remove the setting to use '
                'workers of this machine.'
            ) from error
        _wait_for_worker(client, settings)
        patience = None if settings.timeout is None else max(settings.timeout, TIMEOUT)
        check_versions(client, patience)
        check_workers(client, patience, folders)
        yield client


def _wait_for_worker(client: 'Client', settings: DaskSettings) -> None:
    if settings.cluster:
        click.echo(f'Waiting for a worker of {settings.cluster}...')
    try:
        client.wait_for_workers(1, timeout=settings.timeout)
    except TimeoutError as error:
        where = settings.address or settings.cluster or 'this machine'
        raise StageError(
            f'No dask worker came within {settings.timeout:g} seconds ({where}). Start workers '
            'with "dask worker ADDRESS", or wait longer: setting timeout of section [dask].'
        ) from error


@contextmanager
def _local_cluster(settings: DaskSettings, size: int) -> 'Iterator[Cluster]':
    """Worker processes of this machine; they end with this process, in whatever way."""
    import dask.config
    from distributed import Nanny, Scheduler, SpecCluster

    gpus = visible_gpus()
    with ExitStack() as stack:
        # each job has its own number of threads, so the workers' environment gives none
        stack.enter_context(dask.config.set({'distributed.nanny.pre-spawn-environ': {}}))
        options: dict[str, Any] = {
            'nthreads': 1,
            'memory_limit': 0,  # jobs are processes of their own
            'local_directory': stack.enter_context(rv_config_.get_tmp_dir()),
            'preload': [PRELOAD],
            'silence_logs': logging.CRITICAL,
            'dashboard': False,
            'host': '127.0.0.1',
        }
        workers = {
            i: {'cls': Nanny, 'options': options | gpu_options(gpus, i, size)} for i in range(size)
        }
        scheduler = {
            'cls': Scheduler,
            'options': {
                'host': '127.0.0.1',
                'port': 0,
                'dashboard': False,
                'dashboard_address': '127.0.0.1:0',
                'allowed_failures': settings.retries,
            },
        }
        yield stack.enter_context(
            SpecCluster(workers, scheduler, silence_logs=logging.CRITICAL, name='rastervision')
        )


def gpu_options(gpus: Sequence[str], worker: int, size: int) -> dict[str, Any]:
    """One GPU for each worker, as far as they go; all for one that is alone."""
    if not gpus or worker >= len(gpus):
        return {}
    env = {} if size == 1 or len(gpus) == 1 else {VISIBLE: gpus[worker]}
    return {'resources': {GPU: 1}, 'env': env}


@contextmanager
def _other_cluster(settings: DaskSettings, size: int) -> 'Iterator[Cluster]':
    """A cluster of a class that the settings name, with workers on their way."""
    import dask.config

    module, _, name = settings.cluster.rpartition('.')
    try:
        cls = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f'Cannot import {settings.cluster!r}, the cluster of section [dask]: {error}. It is '
            'the full name of a class such as dask_jobqueue.SLURMCluster '
            '(pip install dask-jobqueue).'
        ) from error
    with ExitStack() as stack:
        retries = {'distributed.scheduler.allowed-failures': settings.retries}
        stack.enter_context(dask.config.set(retries))
        try:
            cluster = cls(**(settings.cluster_options or {}))
            stack.callback(_close, cluster)
            _scale(cluster, size)
        except Exception as error:
            raise ConfigError(
                f'Cannot start {settings.cluster} with the cluster_options of section [dask]: '
                f'{one_line(error)}'
            ) from error
        yield cluster


def _scale(cluster: Any, size: int) -> None:
    """Ask for workers; raises what the queue says if it does not take them."""
    from distributed import SpecCluster

    async def scale() -> None:
        cluster.scale(size)
        await cluster

    if isinstance(cluster, SpecCluster):
        cluster.sync(scale)
    else:
        cluster.scale(size)


def _close(cluster: Any) -> None:
    """End a cluster; that it does not end well must not hide how the run went."""
    try:
        cluster.close()
    except Exception as error:  # noqa: BLE001 (of any library)
        log.warning('The cluster did not end well: %s', one_line(error))


def workers_of(client: 'Client') -> dict[str, Collection[str]]:
    """Address of each worker -> names of the resources that it announces."""
    workers = client.scheduler_info(n_workers=-1)['workers']
    return {address: set(worker['resources']) for address, worker in workers.items()}
