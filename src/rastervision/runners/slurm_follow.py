"""Waiting for jobs of SLURM: states by squeue, exit codes by file, no accounts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from rastervision.pipeline.errors import StageError
from rastervision.pipeline.plan import Job
from rastervision.pipeline.runner.job_log import LAST_LINES
from rastervision.pipeline.runner.patience import Patience
from rastervision.pipeline.runner.plan_walk import JobResult, PlanWalk
from rastervision.runners.slurm_client import TaskState, task_states

SHORTEST, LONGEST = 0.5, 10.0
"""Seconds between two looks: few after something happened, more and more while nothing does."""
WHY = {
    'BOOT_FAIL': 'its node did not start',
    'CANCELLED': 'it was cancelled',
    'DEADLINE': 'it missed its deadline',
    'NODE_FAIL': 'its node failed',
    'OUT_OF_MEMORY': 'it took more memory than it asked for; raise mem in [slurm]',
    'PREEMPTED': 'other jobs took its place',
    'TIMEOUT': 'it reached its time limit; raise time in [slurm]',
}
"""State of a job that has ended -> why it failed."""
ENDED = {'COMPLETED', 'FAILED', *WHY}
LAST_WORDS = {
    'DUE TO TIME LIMIT': 'TIMEOUT',
    'oom': 'OUT_OF_MEMORY',
    'memory limit': 'OUT_OF_MEMORY',
}
"""What SLURM's daemon writes to the output of a job that it ends -> state."""


@dataclass(frozen=True, slots=True)
class Task:
    """A job of the plan as SLURM has it.

    Attributes:
        id: Its id, as `12` or as `12_3` for a task of an array.
        output: The file that its output goes to; its exit code goes to one with suffix `.exit`.
    """

    id: str
    output: Path

    def exit_code(self) -> int | None:
        """Its exit code; None if there is none, or none yet."""
        try:
            return int(self.output.with_suffix('.exit').read_text(encoding='utf-8'))
        except (OSError, ValueError):
            return None

    def lines(self) -> list[str]:
        """What it has written; nothing if it could not write."""
        return _lines(self.output)


def last_words(output: Path) -> str | None:
    """State of a job that SLURM has ended, by what its daemon has written to the job's output."""
    daemon = ' '.join(line for line in _lines(output) if line.startswith('slurmstepd'))
    return next((state for words, state in LAST_WORDS.items() if words in daemon), None)


def _lines(output: Path) -> list[str]:
    try:
        return output.read_text(encoding='utf-8', errors='replace').splitlines()
    except OSError:
        return []


def follow(tasks: Mapping[Job, Task]) -> None:
    """Wait until jobs have ended, and show when they start and end.

    Args:
        tasks: The jobs of a plan, each after those that it waits for.

    Raises:
        StageError: Some failed; the message has their last lines and what did not run.
    """
    watch = _Watch(tasks)
    pause = SHORTEST
    while watch.walk.waiting:
        time.sleep(pause)
        pause = SHORTEST if watch.look() else min(LONGEST, 1.25 * pause)
    watch.walk.raise_failures()


class _Watch:
    """What is known so far of jobs that are followed."""

    def __init__(self, tasks: Mapping[Job, Task]) -> None:
        self.walk = PlanWalk(list(tasks))
        self._tasks = tasks
        self._ids = list(dict.fromkeys(task.id.partition('_')[0] for task in tasks.values()))
        self._running: set[str] = set()
        self._patience = Patience()

    def look(self) -> bool:
        """Look at all jobs; whether any has started or ended since the last time."""
        try:
            states = task_states(self._ids)
        except StageError as error:
            self._patience.no_answer(error)
            return False
        self._patience.answer(states.keys())
        before = len(self.walk.waiting), len(self._running)
        # jobs that wait for others are looked at after these: their failure is what cancels them
        while sum(self._look_at(job, states) for job in self.walk.ready()):
            pass
        return before != (len(self.walk.waiting), len(self._running))

    def _look_at(self, job: Job, states: Mapping[str, TaskState]) -> bool:
        """Take note of how a job is; whether it has ended."""
        task = self._tasks[job]
        now = states.get(task.id)
        if now is not None and now.state not in ENDED:
            if now.state == 'RUNNING' and task.id not in self._running:
                self._running.add(task.id)
                click.echo(f'{job.label} (job {task.id}) runs')
            return False
        # SLURM forgets jobs some minutes after their end; their exit codes may be seen later still
        if now is None and task.exit_code() is None and not self._patience.is_over(task.id):
            return False
        reason = _failure(task, now)
        self.walk.start(job)
        lines = task.lines()[-LAST_LINES:] if reason else ()
        self.walk.end(job, JobResult(reason, str(task.output), tuple(lines)))
        click.echo(f'{job.label} (job {task.id}) {"failed" if reason else "is done"}')
        return True


def _failure(task: Task, now: TaskState | None) -> str | None:
    """Why a job that has ended failed; None if it went well."""
    code = task.exit_code()
    if now is None:
        if code is None:
            return 'SLURM no longer knows it, and it has left no exit code'
        now = TaskState('FAILED' if code else 'COMPLETED', 'NonZeroExitCode')
    state = now.state
    if state == 'COMPLETED':
        return None
    state = last_words(task.output) or state
    if state != 'FAILED':
        return WHY[state]
    if code:
        return f'exit code {code}'
    if not task.output.exists():
        return f'it did not start ({now.reason}); can its node write to {task.output.parent}?'
    return f'SLURM says {now.reason}'
