"""The settings of the `dask` runner: section `[dask]`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.utils import cpu_count

RETRIES = 3
TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class DaskSettings:
    """Which cluster to use.

    Attributes:
        address: Address of a scheduler that runs already; '' for none.
        cluster: 'module.Class' of a cluster to start, such as 'dask_jobqueue.SLURMCluster'; '' for
            workers on this machine.
        cluster_options: Arguments of that class.
        workers: Number of workers of a cluster that we start; None for as many as there are splits
            (on this machine: and cores).
        retries: How often a job is started anew because its worker was lost, in a cluster that we
            start.
        timeout: Seconds to wait for a first worker, and later on while no worker can take a job;
            None to wait as long as it takes.
    """

    address: str = ''
    cluster: str = ''
    cluster_options: Mapping[str, Any] | None = None
    workers: int | None = None
    retries: int = RETRIES
    timeout: float | None = TIMEOUT

    @property
    def is_this_machine(self) -> bool:
        """Whether workers are to be started on this machine."""
        return not (self.address or self.cluster)

    def size(self, num_splits: int) -> int:
        """Number of workers to start for commands with some splits."""
        most = min(num_splits, cpu_count()) if self.is_this_machine else num_splits
        return self.workers or most

    @classmethod
    def read(cls) -> Self:
        """Read the section.

        Raises:
            ConfigError: A value cannot be used, or there are both an address and a cluster.
        """
        get = rv_config_.get_namespace_config('dask')
        address, cluster = get('address', default=''), get('cluster', default='')
        if address and cluster:
            raise ConfigError(
                f'Section [dask] has both an address ({address}) and a cluster ({cluster}); keep '
                'the address of a scheduler that runs, or the cluster that is to be started.'
            )
        return cls(
            address,
            cluster,
            get('cluster_options', default=None, parser=_options),
            get('workers', default=None, parser=_positive),
            get('retries', default=RETRIES, parser=_count),
            get('timeout', default=None if cluster else TIMEOUT, parser=float),
        )


def _options(text: str) -> dict[str, Any]:
    options = json.loads(text)
    if not isinstance(options, dict):
        raise ValueError('it must be a JSON object such as {"cores": 4}')  # noqa: TRY004
    return options


def _count(text: str) -> int:
    if (value := int(text)) < 0:
        raise ValueError('it must not be negative')
    return value


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise ValueError('it must be 1 or more')
    return value
