"""A plan as engines with job arrays take it: the splits of a command are one submission."""

from collections.abc import Sequence
from dataclasses import dataclass

from rastervision.pipeline.plan import Job


@dataclass(frozen=True, slots=True)
class Stage:
    """The jobs of one command of one pipeline: its splits, or its gather step.

    Attributes:
        jobs: The jobs, in the order of their splits.
        after: Positions of the stages that it waits for.
    """

    jobs: tuple[Job, ...]
    after: tuple[int, ...]

    @property
    def is_array(self) -> bool:
        """Whether it is the splits of a command."""
        return self.jobs[0].num_splits > 1 and not self.jobs[0].gather


def stages(jobs: Sequence[Job]) -> list[Stage]:
    """Put the jobs of each command together.

    Args:
        jobs: A plan, each job after those that it waits for.

    Returns:
        The stages, each after those that it waits for.
    """
    groups: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.pipeline, job.command), []).append(job)
    position = {job.id: place for place, group in enumerate(groups.values()) for job in group}
    return [
        Stage(tuple(group), tuple(sorted({position[name] for job in group for name in job.after})))
        for group in groups.values()
    ]
