"""Jobs on the workers of a dask cluster."""

import logging
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import StageError
from rastervision.pipeline.file_system import file_to_json, is_local
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.plan import Job
from rastervision.pipeline.process import GRACE_SECONDS
from rastervision.pipeline.runner.display import Display
from rastervision.pipeline.runner.job_log import log_uri
from rastervision.pipeline.runner.job_process import POLL_SECONDS, Modules, config_modules
from rastervision.pipeline.runner.plan_walk import JobResult, PlanWalk
from rastervision.pipeline.runner.runner import PlanRunner
from rastervision.pipeline.signals import cleaning_up_on_signals
from rastervision.pipeline.utils import cpu_count
from rastervision.runners.dask_cluster import GPU, connected
from rastervision.runners.dask_settings import DaskSettings
from rastervision.runners.dask_waiting import Waiting
from rastervision.runners.dask_worker import Order, carry_out

if TYPE_CHECKING:
    from distributed import Client, Future

log = logging.getLogger(__name__)


class DaskRunner(PlanRunner):
    """Carries out a plan on the workers of a dask cluster.

    Section `[dask]` of the settings says which cluster; without it, workers are started on this
    machine. Each job is a task, which runs the job in a process of its own. A job whose worker is
    lost is started anew on another one. What jobs print is shown line by line. When the runner
    ends, in whatever way, its jobs end, and the cluster if the runner has started it.
    """

    def __init__(self) -> None:
        self.on_this_machine = DaskSettings.read().is_this_machine

    def run_jobs(
        self,
        jobs: Sequence[Job],
        pipelines: Mapping[str, Pipeline],
        num_splits: int = 1,
        pipeline_run_name: str = 'raster-vision',
    ) -> None:
        """Carry out a plan.

        Raises:
            ConfigError: There is no cluster as the settings describe it, or it does not fit.
            StageError: Jobs failed, or the cluster was lost.
        """
        settings = DaskSettings.read()
        modules = {uri: config_modules(pipeline.config) for uri, pipeline in pipelines.items()}
        size = settings.size(num_splits)
        with (
            cleaning_up_on_signals(),
            connected(settings, pipeline_run_name, size, _local_folders(pipelines)) as client,
        ):
            own_size = size if settings.is_this_machine else None
            _Run(client, jobs, modules, own_size, settings.timeout).carry_out()


def _local_folders(uris: Iterable[str]) -> list[str]:
    """The folders of configs on this machine, which its cluster has to see as well."""
    return [str(Path(uri).parent) for uri in uris if is_local(uri)]


class _Run:
    """One walk through a plan.

    Args:
        client: Connected to the scheduler of a cluster that has workers.
        jobs: The plan.
        modules: URI of a pipeline -> modules that its jobs need; see `config_modules`.
        size: Number of workers if they are ours, on this machine.
        timeout: Seconds that a job waits while no worker can take it; None for no limit.
    """

    def __init__(
        self,
        client: 'Client',
        jobs: Sequence[Job],
        modules: Mapping[str, Modules],
        size: int | None,
        timeout: float | None,
    ) -> None:
        self.client = client
        self.walk = PlanWalk(jobs)
        self.modules = modules
        self.size = size
        self.settings = {
            uri: rv_config_.hand_over() if size is not None else travelling_settings(uri)
            for uri in modules
        }
        self.topic = f'rastervision-{secrets.token_hex(8)}'
        self.jobs = {job.id: job for job in jobs}
        self.futures: dict[str, Future] = {}
        """Of the jobs that were submitted and are not over, by their ids."""
        self.places: dict[str, str] = {}
        """Id of a job that has started -> where: address of its worker, and name of its host."""
        self.started: set[str] = set()
        self.events: SimpleQueue[dict[str, str]] = SimpleQueue()
        self.display = Display(jobs, one_at_a_time=size == 1)
        self.waiting = Waiting(client, timeout)
        if size is None and any(job.gpu for job in jobs) and not self.waiting.has_gpus():
            log.info(
                'No dask worker announces the resource %s, so jobs that use a GPU run on any.', GPU
            )

    def carry_out(self) -> None:
        """Run all jobs.

        Raises:
            StageError: Some failed, or the scheduler was lost.
        """
        self.client.subscribe_topic(self.topic, lambda event: self.events.put(event[1]))
        try:
            while self.walk.waiting or self.futures:
                for job in self.walk.ready():
                    self._submit(job)
                self.display.running(self.jobs[name] for name in self.places)
                self._handle_next()
                for name, reason in self.waiting.in_vain(self.futures, self.places).items():
                    self._give_up(self.jobs[name], reason)
        finally:
            self._close()
        self.walk.raise_failures()

    def _submit(self, job: Job) -> None:
        self.walk.start(job)
        modules, settings = self.modules[job.pipeline], self.settings[job.pipeline]
        order = Order(job, modules, settings, self.topic, self._threads(job))
        future = self.client.submit(
            carry_out,
            order,
            key=f'{job.command}-{len(self.jobs) - len(self.walk.waiting)}-{self.topic}',
            resources={GPU: 1} if self.waiting.needs_gpu(job) else None,
            pure=False,
        )
        self.futures[job.id] = future
        future.add_done_callback(lambda _: self.events.put({'job': job.id, 'kind': 'done'}))

    def _threads(self, job: Job) -> int | None:
        """This job's share of the cores of this machine; None elsewhere, or if it is alone."""
        splits = 1 if job.gather else job.num_splits
        beside = min(self.size or 1, splits * len(self.modules))
        return None if beside == 1 else max(1, cpu_count() // beside)

    def _handle_next(self) -> None:
        """Wait for an event and handle it."""
        try:
            event = self.events.get(timeout=POLL_SECONDS)
        except Empty:
            self._check_cluster()
            return
        job, kind = self.jobs[event['job']], event['kind']
        if kind == 'line':
            self.display.line(job, event['text'])
        elif kind == 'start':
            if job.id in self.places:
                lost = self.places[job.id]
                log.warning('%s starts anew: its worker %s was lost.', job.label, lost)
            self.places[job.id] = event['text']
            self.started.add(job.id)
            log.debug('%s runs on %s', job.label, event['text'])
        elif kind == 'end':
            self.places.pop(job.id, None)
        elif job.id in self.futures:
            self._check_cluster()
            self._end(job, _result(self.futures.pop(job.id), self._begun_log(job)))

    def _give_up(self, job: Job, reason: str) -> None:
        future = self.futures.pop(job.id)
        self.client.cancel([future])
        self._end(job, JobResult(reason, self._begun_log(job)))

    def _begun_log(self, job: Job) -> str | None:
        """The log of a job that may not have ended by itself: there at once if it is local."""
        uri = log_uri(job)
        return uri if job.id in self.started and is_local(uri) else None

    def _end(self, job: Job, result: JobResult) -> None:
        self.places.pop(job.id, None)
        lost = self.walk.end(job, result)
        self.display.over(1 + len(lost))

    def _check_cluster(self) -> None:
        is_lost = any(future.status in {'lost', 'cancelled'} for future in self.futures.values())
        if is_lost or self.client.status != 'running':
            raise StageError(
                'The dask scheduler is gone, or has dropped the jobs of this run. When it is back, '
                'run the same command again: what is done is not done again.'
            )

    def _close(self) -> None:
        """Stop what still runs, and wait until it has cleaned up."""
        try:
            if self.futures and self.client.status == 'running':
                with suppress(OSError):  # the scheduler is lost, and its workers stop by themselves
                    self.client.cancel([*self.futures.values()])
                self._await_ends()
        finally:
            self.display.close()
            self.client.unsubscribe_topic(self.topic)

    def _await_ends(self) -> None:
        deadline = time.monotonic() + GRACE_SECONDS + 2 * POLL_SECONDS
        while self.places and (seconds := deadline - time.monotonic()) > 0:
            with suppress(Empty):
                event = self.events.get(timeout=seconds)
                if event['kind'] == 'end':
                    self.places.pop(event['job'], None)


def travelling_settings(cfg_json_uri: str) -> dict[str, Any]:
    """The settings for jobs on other machines.

    Those that travel with a config, and those of the command line; profiles and the folder for
    temporary files are those of the machine.
    """
    settings = rv_config_.hand_over()
    with_config = file_to_json(cfg_json_uri).get('rv_config') or {}
    return {
        **settings,
        'profile': None,
        'rv_home': None,
        'tmp_dir_root': None,
        'overrides': {**with_config, **settings['overrides']},
    }


def _result(future: 'Future', begun_log: str | None) -> JobResult:
    """How a job ended whose task is over."""
    from distributed import KilledWorker

    error = future.exception()
    if error is None:
        result: JobResult = future.result()
        return result
    if isinstance(error, KilledWorker):
        reason = f'its worker {error.last_worker.address} was lost'
        if error.allowed_failures:
            reason += f', as were those of {error.allowed_failures} attempts before'
        return JobResult(f'{reason} (out of memory, or its time is up?)', begun_log)
    return JobResult(f'its worker failed: {type(error).__name__}: {error}', begun_log)
