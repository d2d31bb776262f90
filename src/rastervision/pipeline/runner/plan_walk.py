"""Walking through a plan: which jobs can start, given how others have ended."""

from collections.abc import Sequence
from dataclasses import dataclass

from rastervision.pipeline.errors import StageError
from rastervision.pipeline.plan import Job, dependants


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job has ended.

    Attributes:
        reason: Why it failed; None if it went well.
        log: URI of its log; None if there is none, or only that of an earlier attempt.
        last_lines: The end of its log, if the reason alone does not explain the failure.
    """

    reason: str | None
    log: str | None
    last_lines: tuple[str, ...] = ()


class PlanWalk:
    """The state of a plan that is being carried out.

    A job that fails stops those that wait for it, and nothing else.

    Args:
        jobs: The plan, each job after those that it waits for.

    Attributes:
        waiting: The jobs that have not been started.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = list(jobs)
        self.waiting = list(jobs)
        self._done: set[str] = set()
        self._failures: list[str] = []

    def ready(self) -> list[Job]:
        """The waiting jobs that can start now."""
        return [job for job in self.waiting if job.after <= self._done]

    def start(self, job: Job) -> None:
        """Take note that a job runs."""
        self.waiting.remove(job)

    def end(self, job: Job, result: JobResult) -> list[Job]:
        """Take note that a job has ended.

        Returns:
            The jobs that will not run because it failed.
        """
        if result.reason is None:
            self._done.add(job.id)
            return []
        lost = [later for later in dependants(self.jobs, job.id) if later in self.waiting]
        self.waiting = [later for later in self.waiting if later not in lost]
        self._failures.append(_describe(job, result, lost))
        return lost

    def raise_failures(self) -> None:
        """Raise StageError if jobs failed: their logs, last lines and what did not run."""
        if self._failures:
            raise StageError('\n'.join(self._failures))


def _describe(job: Job, result: JobResult, lost: Sequence[Job]) -> str:
    lines = [f'{job.label} failed: {result.reason}']
    if result.log is not None:
        lines.append(f'Its log is {result.log}{" and ends with" if result.last_lines else ""}')
    lines += [f'    {line}' for line in result.last_lines]
    if lost:
        lines.append(f'Not run because of it: {", ".join(other.label for other in lost)}')
    return '\n'.join(lines)
