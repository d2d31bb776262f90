"""One job in a child process of this one: how engines on other machines carry jobs out."""

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import click

from rastervision.pipeline.config_model import walk
from rastervision.pipeline.errors import StageError
from rastervision.pipeline.pipeline import PipelineConfig
from rastervision.pipeline.plan import Job
from rastervision.pipeline.runner.job_log import JobLog
from rastervision.pipeline.runner.plan_walk import JobResult
from rastervision.pipeline.runner.worker import Message
from rastervision.pipeline.runner.worker_process import Event, WorkerProcess

POLL_SECONDS = 0.5
"""How long a process that vanished without a word, or is not wanted any more, may go on."""
STOPPED = 'it was stopped'
Modules = Sequence[tuple[str, str | None]]
"""Name and file of the modules that define the classes of a config; see `config_modules`."""


def config_modules(config: PipelineConfig) -> Modules:
    """Name and file of the modules that define the classes of the configs in a config.

    A worker imports them, since a class of the user's own config file is in no plugin.
    """
    names = dict.fromkeys(type(part).__module__ for _, part in walk(config))
    return [(name, getattr(sys.modules.get(name), '__file__', None)) for name in names]


def run_job(
    job: Job,
    modules: Modules,
    on_line: Callable[[str], None],
    settings: Mapping[str, Any] | None = None,
    threads: int | None = None,
    is_wanted: Callable[[], bool] = lambda: True,
) -> JobResult:
    """Run a job in a child process and keep what it prints in its log.

    The child ends, with all that it has started, when this process ends, in whatever way.

    Args:
        job: The job.
        modules: Modules to import before its config is read.
        on_line: Called with each line that the job prints.
        settings: The settings of the process that planned the job, as `RVConfig.hand_over` gives
            them; those of this process if None.
        threads: Number of threads that numerical libraries may use; None for their own choice.
        is_wanted: Asked now and then whether the job is to go on.

    Returns:
        How it ended. A job that fails is a result, not an exception.

    Raises:
        NotWritableError: Its log cannot be written.
    """
    log = JobLog(job)
    events: SimpleQueue[Event] = SimpleQueue()
    worker = WorkerProcess(events, threads, bars=False, settings=settings)
    try:
        worker.send(job_message(job, modules, log))
        while is_wanted():
            try:
                event = events.get(timeout=POLL_SECONDS)
            except Empty:
                if worker.process.poll() is not None:
                    worker.kill()  # what its job has started may keep its output open
                continue
            if event.kind == 'line':
                log.write(event.data)
                on_line(event.data)
            elif event.kind == 'exit':
                worker.end()
                return job_result(exit_failure(worker), log)
            elif 'end' in event.data:
                return job_result(event.data['failure'], log)
        return JobResult(STOPPED, log.uri)
    finally:
        worker.end()
        log.close()


def run_for_engine(
    cfg_json_uri: str, command: str, split_ind: int | None, num_splits: int, modules: Modules
) -> None:
    """Run the job that an engine has started this process for.

    Args:
        cfg_json_uri: URI of the config.
        command: Name of a command, or of a gather step.
        split_ind: Index of the split; None for a gather step, or a command with one split.
        num_splits: Number of splits.
        modules: Modules to import before the config is read.

    Raises:
        StageError: The job failed.
    """
    gather = split_ind is None and num_splits > 1
    job = Job(cfg_json_uri, command, split_ind or 0, num_splits, gather=gather)
    result = run_job(job, modules, click.echo)
    if result.reason is not None:
        raise StageError(f'{job.label} failed: {result.reason}\nIts log is {result.log}')


def job_message(job: Job, modules: Modules, log: JobLog) -> Message:
    """What a worker process is told of a job."""
    return {
        'config': job.pipeline,
        'command': job.command,
        'split': job.split,
        'num_splits': job.num_splits,
        'modules': modules,
        'log': log.uri,
    }


def exit_failure(worker: WorkerProcess) -> Message:
    """The failure of a job whose process ended before it said how the job went."""
    code = worker.process.returncode
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = ' (out of memory?)' if name == 'SIGKILL' else ''
        reason = f'its process was ended by {name}{hint}'
    else:
        reason = f'its process ended without a word, with exit code {code}'
    return {'reason': reason, 'detail': '', 'explained': False}


def job_result(failure: Message | None, log: JobLog) -> JobResult:
    """How a job ended, by what its worker said of its failure; completes the log."""
    if failure is None:
        return JobResult(None, log.uri)
    log.write(failure['detail'])
    last_lines = () if failure['explained'] else tuple(log.last_lines)
    return JobResult(failure['reason'], log.uri, last_lines)
