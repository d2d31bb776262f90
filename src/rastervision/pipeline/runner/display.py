"""What a user sees while jobs run on worker processes."""

import sys
from collections.abc import Collection, Iterable
from pathlib import PurePath

import click

from rastervision.pipeline.plan import Job
from rastervision.pipeline.progress import Task, bars
from rastervision.pipeline.runner.worker import Message
from rastervision.pipeline.runner.worker_process import WorkerProcess


class Display:
    """Lines of jobs as they come and, on a terminal, bars of the jobs and of the loops in them.

    Args:
        jobs: All jobs.
        one_at_a_time: No job runs beside another, so that lines of one pipeline need no labels.
    """

    def __init__(self, jobs: Collection[Job], one_at_a_time: bool) -> None:
        self.on_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._several_pipelines = len({job.pipeline for job in jobs}) > 1
        self._with_labels = self._several_pipelines or not one_at_a_time
        self._jobs = Task('jobs', total=len(jobs), timed=False)
        self._loops: dict[tuple[WorkerProcess, int], Task] = {}

    def line(self, job: Job, text: str) -> None:
        """Show a line that a job has written."""
        click.echo(f'[{self._label(job)}] {text}' if self._with_labels else text)

    def _label(self, job: Job) -> str:
        """Label of a job, with the folder of its pipeline if there are several."""
        if not self._several_pipelines:
            return job.label
        return f'{PurePath(job.pipeline).parent.name}: {job.label}'

    def running(self, jobs: Iterable[Job]) -> None:
        """Show which jobs run."""
        if self.on_terminal:
            self._jobs.desc = f'jobs ({", ".join(map(self._label, jobs))})'
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
