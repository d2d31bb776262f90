"""What the workers of the `dask` runner do."""

import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rastervision.pipeline.errors import RVError
from rastervision.pipeline.plan import Job
from rastervision.pipeline.runner.job_process import Modules, run_job
from rastervision.pipeline.runner.plan_walk import JobResult

if TYPE_CHECKING:
    from distributed import Worker

PRELOAD = __name__
"""Name of the module whose `dask_setup` the workers that we start call."""


def dask_setup(worker: 'Worker') -> None:  # noqa: ARG001 (how dask calls it)
    """Leave Ctrl-C to the process that has started the worker, which cleans up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@dataclass(frozen=True, slots=True)
class Order:
    """A job for a worker.

    Attributes:
        job: The job.
        modules: Modules that it needs; see `config_modules`.
        settings: The settings of the runner, as `RVConfig.hand_over` gives them.
        topic: Topic of the events that tell how it goes.
        threads: Number of threads that numerical libraries may use; None for their own choice.
    """

    job: Job
    modules: Modules
    settings: Mapping[str, Any]
    topic: str
    threads: int | None = None


def carry_out(order: Order) -> JobResult:
    """Run a job in a child process of this worker: the task that dask gives to a worker.

    It tells by events when the job starts, what it prints and when it ends. The job is stopped when
    the task is cancelled, as it is when the client is gone, and when the worker leaves.
    """
    from distributed import Status, get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def tell(kind: str, text: str = '') -> None:
        worker.log_event(order.topic, {'job': order.job.id, 'kind': kind, 'text': text})

    def is_wanted() -> bool:
        task = worker.state.tasks.get(key)
        leaves = worker.status in {Status.closing, Status.closed, Status.failed}
        return not leaves and task is not None and task.state == 'executing'

    tell('start', f'{worker.address} on {socket.gethostname()}')
    try:
        return run_job(
            order.job,
            order.modules,
            lambda line: tell('line', line),
            order.settings,
            order.threads,
            is_wanted,
        )
    except RVError as error:  # its log cannot be written
        return JobResult(str(error), None)
    finally:
        tell('end')


@dataclass(frozen=True, slots=True)
class Sight:
    """What a worker says of itself.

    Attributes:
        host: Name of its machine.
        version: Its version of Raster Vision.
        blind: Folders that it does not see as we do, and why.
    """

    host: str
    version: str
    blind: Mapping[str, str]


def look(tokens: Mapping[str, str]) -> Sight:
    """Find out whether this worker reads and writes the same folders as the runner.

    Args:
        tokens: Folder -> name of a file that the runner has written there, with itself as content.
    """
    blind = {}
    for folder, token in tokens.items():
        try:
            if (Path(folder) / token).read_text('utf-8') != token:
                blind[folder] = 'is another folder there'
                continue
            mark = Path(folder) / f'{token}-{socket.gethostname()}'
            mark.touch()
            mark.unlink(missing_ok=True)  # of two workers of a machine one is the first
        except FileNotFoundError:
            blind[folder] = 'is not there'
        except OSError as error:
            blind[folder] = f'cannot be used there ({error.strerror})'
    return Sight(socket.gethostname(), version('rastervision'), blind)
