"""What a user sees while jobs run on worker processes."""

import sys
from collections.abc import Iterable

import click

from rastervision.pipeline.plan import Job
from rastervision.pipeline.progress import Task, bars
from rastervision.pipeline.runner.worker import Message
from rastervision.pipeline.runner.worker_process import WorkerProcess


class Display:
    """Lines of jobs as they come and, on a terminal, bars of the jobs and of the loops in them.

    Args:
        num_jobs: Number of jobs in all.
        with_labels: Put the label of the job before each line.
    """

    def __init__(self, num_jobs: int, with_labels: bool) -> None:
        self.on_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._with_labels = with_labels
        self._jobs = Task('jobs', total=num_jobs, timed=False)
        self._loops: dict[tuple[WorkerProcess, int], Task] = {}

    def line(self, job: Job, text: str) -> None:
        """Show a line that a job has written."""
        click.echo(f'[{job.label}] {text}' if self._with_labels else text)

    def running(self, jobs: Iterable[Job]) -> None:
        """Show which jobs run."""
        if self.on_terminal:
            self._jobs.desc = f'jobs ({", ".join(job.label for job in jobs)})'
            bars.show(self._jobs)

    def over(self, count: int) -> None:
        """Count jobs as done, failed or left out."""
        self._jobs.done += count

    def loop(self, worker: WorkerProcess, message: Message) -> None:
        """Show the state of a loop in a worker, whose clock and ids are not ours."""
        state = message['task']
        key = (worker, state['id'])
        task = self._loops.setdefault(key, Task(state['desc'], state['total'], state['unit']))
        task.done = state['done']
        if message['finished']:
            bars.close(self._loops.pop(key))
        else:
            bars.show(task)

    def end_loops(self, worker: WorkerProcess) -> None:
        """Take away the bars of a worker whose job is over."""
        for key in [key for key in self._loops if key[0] is worker]:
            bars.close(self._loops.pop(key))

    def close(self) -> None:
        """Take away all bars."""
        for worker in {worker for worker, _ in self._loops}:
            self.end_loops(worker)
        self._jobs.desc = 'jobs'
        bars.close(self._jobs)
