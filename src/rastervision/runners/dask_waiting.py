"""Jobs that wait for a worker of a dask cluster which does not come."""

import logging
import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from rastervision.pipeline.plan import Job
from rastervision.runners.dask_cluster import GPU, workers_of

if TYPE_CHECKING:
    from distributed import Client

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""Time between two looks for workers."""
WORKER = 'dask worker'
GPU_WORKER = f'{WORKER} that announces the resource {GPU}'


class Waiting:
    """Knows which jobs need a worker with a GPU, and which wait for a worker in vain.

    Args:
        client: Connected to a scheduler.
        timeout: Seconds that a job waits while no worker can take it; None for no limit.
    """

    def __init__(self, client: 'Client', timeout: float | None) -> None:
        self._client = client
        self._timeout = timeout
        self._has_gpus = False
        self._gpu_jobs: set[str] = set()
        self._lacking: dict[str, float] = {}
        """What no worker is -> since when."""
        self._next_look = time.monotonic() + LOOK_SECONDS

    def has_gpus(self) -> bool:
        """Whether a worker announces a GPU, or one has done so before."""
        if not self._has_gpus:
            workers = workers_of(self._client)
            self._has_gpus = any(GPU in resources for resources in workers.values())
        return self._has_gpus

    def needs_gpu(self, job: Job) -> bool:
        """Whether a job that is about to be submitted has to wait for a worker with a GPU."""
        if job.gpu and self.has_gpus():
            self._gpu_jobs.add(job.id)
            return True
        return False

    def in_vain(self, jobs: Collection[str], places: Mapping[str, str]) -> dict[str, str]:
        """Look for workers, unless the last look was just now, and warn if some are missing.

        Args:
            jobs: Ids of the jobs that were submitted and are not over.
            places: Id of each job that has started -> address of its worker, which may be lost, and
                what else tells where it is.

        Returns:
            Id of each job that has waited for too long -> why.
        """
        now = time.monotonic()
        if now < self._next_look:
            return {}
        self._next_look = now + LOOK_SECONDS
        try:
            workers = workers_of(self._client)
        except OSError:  # told of when the client has given up
            return {}
        announce = any(GPU in resources for resources in workers.values())
        lack: dict[str, list[str]] = {}
        for job in jobs:
            if places.get(job, '').partition(' ')[0] in workers:
                continue
            if job in self._gpu_jobs and not announce:
                lack.setdefault(GPU_WORKER, []).append(job)
            elif not workers:
                lack.setdefault(WORKER, []).append(job)
        for what in lack.keys() - self._lacking.keys():
            log.warning('There is no %s any more; jobs wait for one.', what)
        self._lacking = {what: self._lacking.get(what, now) for what in lack}
        return {
            job: f'no {what} came within {self._timeout:g} seconds'
            for what, waiting in lack.items()
            if self._timeout is not None and now - self._lacking[what] > self._timeout
            for job in waiting
        }
