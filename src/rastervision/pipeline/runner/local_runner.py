"""Jobs on a pool of worker processes of this machine."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import cached_property
from queue import Empty, SimpleQueue

from rastervision.pipeline.errors import RVError
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.plan import Job
from rastervision.pipeline.runner.display import Display
from rastervision.pipeline.runner.gpus import least_used, visible_gpus
from rastervision.pipeline.runner.job_log import JobLog
from rastervision.pipeline.runner.job_process import (
    POLL_SECONDS,
    Modules,
    config_modules,
    exit_failure,
    job_message,
    job_result,
)
from rastervision.pipeline.runner.plan_walk import JobResult, PlanWalk
from rastervision.pipeline.runner.runner import PlanRunner
from rastervision.pipeline.runner.worker import Message
from rastervision.pipeline.runner.worker_process import Event, WorkerProcess
from rastervision.pipeline.signals import cleaning_up_on_signals
from rastervision.pipeline.utils import cpu_count


class LocalRunner(PlanRunner):
    """Carries out a plan on worker processes, at most `num_splits` and one per CPU core at a time.

    A worker goes on with the next job when one has gone well, so that heavy libraries are imported
    once. GPU jobs that run beside each other see one GPU each where there are several. What jobs
    print is shown line by line and kept in `logs/` beside the pipeline's config. A job that fails
    stops those that wait for it, and nothing else. When the runner ends, in whatever way, its
    workers and all that they have started end too.
    """

    on_this_machine = True
    chooses_gpus = True

    def run_jobs(
        self,
        jobs: Sequence[Job],
        pipelines: Mapping[str, Pipeline],
        num_splits: int = 1,
        pipeline_run_name: str = 'raster-vision',  # noqa: ARG002 (no engine shows it)
    ) -> None:
        """Carry out a plan, jobs side by side if there are several splits.

        Raises:
            StageError: Jobs failed; the message has their logs, last lines and what did not run.
        """
        modules = {uri: config_modules(pipeline.config) for uri, pipeline in pipelines.items()}
        with cleaning_up_on_signals():
            _Run(jobs, modules, size=max(1, min(num_splits, cpu_count()))).carry_out()


@dataclass
class _Assignment:
    """A job that a worker is busy with."""

    job: Job
    log: JobLog


class _Run:
    """One walk through a plan.

    Args:
        jobs: The plan.
        modules: URI of a pipeline -> modules that its jobs need; see `config_modules`.
        size: Number of workers at most.
    """

    def __init__(self, jobs: Sequence[Job], modules: Mapping[str, Modules], size: int) -> None:
        self.walk = PlanWalk(jobs)
        self.modules = modules
        self.size = size
        self.busy: dict[WorkerProcess, _Assignment] = {}
        self.idle: list[WorkerProcess] = []
        self.events: SimpleQueue[Event] = SimpleQueue()
        self.display = Display(jobs, one_at_a_time=size == 1)

    def carry_out(self) -> None:
        """Run all jobs.

        Raises:
            StageError: Some failed.
        """
        try:
            while self.walk.waiting or self.busy:
                self._start_ready()
                self.display.running(assignment.job for assignment in self.busy.values())
                self._handle_events()
        finally:
            self._close()
        self.walk.raise_failures()

    def _start_ready(self) -> None:
        for job in self.walk.ready():
            if len(self.busy) >= self.size:
                return
            self.walk.start(job)
            log = JobLog(job)
            worker = self._take_worker(self._threads(job), self._gpu(job))
            self.busy[worker] = _Assignment(job, log)
            worker.send(job_message(job, self.modules[job.pipeline], log))

    def _threads(self, job: Job) -> int | None:
        """This job's share of the cores if others run beside it, None (no limit) if it is alone."""
        beside = self._beside(job)
        return None if beside == 1 else max(1, cpu_count() // beside)

    def _gpu(self, job: Job) -> str | None:
        """The one GPU of a job that others may run beside, None (no limit) if it is alone."""
        if not job.gpu or self._beside(job) == 1 or len(self.gpus) < 2:
            return None
        return least_used(self.gpus, (worker.gpu for worker in self.busy))

    def _beside(self, job: Job) -> int:
        """How many jobs of its kind may run at the same time, itself included."""
        splits = 1 if job.gather else job.num_splits
        return min(self.size, splits * len(self.modules))

    @cached_property
    def gpus(self) -> list[str]:
        """The GPUs of this machine that jobs may use."""
        return visible_gpus()

    def _take_worker(self, threads: int | None, gpu: str | None) -> WorkerProcess:
        for worker in [worker for worker in self.idle if worker.process.poll() is not None]:
            self.idle.remove(worker)
            worker.kill()
        for worker in self.idle:
            if (worker.threads, worker.gpu) == (threads, gpu):
                self.idle.remove(worker)
                return worker
        if self.idle and len(self.idle) + len(self.busy) >= self.size:
            self.idle.pop().end()
        return WorkerProcess(self.events, threads, bars=self.display.on_terminal, gpu=gpu)

    def _handle_events(self) -> None:
        """Wait for an event and handle it and those that have come meanwhile."""
        with suppress(Empty):
            self._handle(self.events.get(timeout=POLL_SECONDS))
        self._handle_what_is_there()
        for worker in [worker for worker in self.busy if worker.process.poll() is not None]:
            worker.kill()  # what its job has started may keep its output open
            self._handle_what_is_there()
            if worker in self.busy:
                self._handle(Event(worker, 'exit'))

    def _handle_what_is_there(self) -> None:
        """Handle all events up to now; a job that prints all the time never lets them end."""
        for _ in range(self.events.qsize()):
            self._handle(self.events.get())

    def _handle(self, event: Event) -> None:
        assignment = self.busy.get(event.worker)
        if assignment is None:  # an idle worker: what its last job left running still writes
            return
        if event.kind == 'line':
            assignment.log.write(event.data)
            self.display.line(assignment.job, event.data)
        elif event.kind == 'exit':
            event.worker.end()
            self._finish(event.worker, exit_failure(event.worker))
        elif 'task' in event.data:
            self.display.loop(event.worker, event.data)
        else:
            self._finish(event.worker, event.data['failure'])

    def _finish(self, worker: WorkerProcess, failure: Message | None) -> None:
        assignment = self.busy.pop(worker)
        job, log = assignment.job, assignment.log
        self.display.end_loops(worker)
        try:
            with closing(log):
                result = job_result(failure, log)
        except RVError as error:  # of its log, and no matter of the jobs that run beside it
            reason = f'{failure["reason"]}; {error}' if failure else str(error)
            result = JobResult(reason, log.uri, tuple(log.last_lines))
        lost = self.walk.end(job, result)
        self.display.over(1 + len(lost))
        if failure is None:
            self.idle.append(worker)
        else:
            worker.end()

    def _close(self) -> None:
        """End all workers: those that are busy are told first, so that they clean up together."""
        with ExitStack() as stack:
            stack.callback(self.display.close)
            for assignment in self.busy.values():
                stack.callback(assignment.log.close)
            workers = [*self.busy, *self.idle]
            for worker in workers:
                stack.callback(worker.kill)
            for worker in workers:
                worker.ask_to_end()
            for worker in workers:
                worker.end()
