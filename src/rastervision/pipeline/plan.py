"""The plan: pipelines, commands and splits as one graph of jobs. Runners only walk it."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from rastervision.pipeline.errors import ConfigError, did_you_mean


class PlannedPipeline(Protocol):
    """What the plan needs to know of a pipeline (class or instance)."""

    commands: ClassVar[list[str]]
    split_commands: ClassVar[list[str]]
    gpu_commands: ClassVar[list[str]]
    gather_commands: ClassVar[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Job:
    """One node of the graph: one split of one command of one pipeline, or its gather step.

    Attributes:
        pipeline: URI of the pipeline's config.
        command: Name of the method to run.
        split: Index of the split.
        num_splits: Number of splits; for a gather step, of the command whose results it joins.
        after: Ids of the jobs that must be done before.
        gpu: Whether it uses a GPU.
        gather: Whether it is a gather step.
    """

    pipeline: str
    command: str
    split: int = 0
    num_splits: int = 1
    after: frozenset[str] = frozenset()
    gpu: bool = False
    gather: bool = False

    @property
    def id(self) -> str:
        """Unique name within a plan."""
        return f'{self.pipeline}#{self.command}#{self.split}'

    @property
    def label(self) -> str:
        """Name for people: 'train', or 'chip 1/4' for the first of four splits."""
        if self.num_splits == 1 or self.gather:
            return self.command
        return f'{self.command} {self.split + 1}/{self.num_splits}'


@dataclass(frozen=True, slots=True)
class Standing:
    """How a command of a pipeline stands.

    Attributes:
        reason: Why it has to run, in words; None if it is up to date.
        upstream: Commands of the pipeline that it has to wait for if they run.
        same_as: URI of the config of another pipeline that has the same command with the same
            outputs, and runs it for both.
        outdated: Commands that are out of date but not asked for, whose old outputs it reads.
    """

    reason: str | None
    upstream: tuple[str, ...] = ()
    same_as: str | None = None
    outdated: tuple[str, ...] = ()

    def told(self, up_to_date: str) -> str:
        """The reason, or what stands for none, and what is to be known beside it."""
        said = [self.reason or up_to_date]
        for name in map(str.upper, self.outdated):
            said = [text for text in said if text != f'{name} changed']
            said.append(f'{name} is out of date and not asked for: its old outputs are read')
        return '; '.join(said)


Standings = Mapping[tuple[str, str], Standing]
"""(URI of the config of a pipeline, command) -> how it stands."""


def plan(
    pipelines: Mapping[str, PlannedPipeline],
    commands: Sequence[str] = (),
    num_splits: int = 1,
    states: Standings | None = None,
) -> list[Job]:
    """Plan the jobs of pipelines.

    The order of the commands is that of `Pipeline.commands`, whatever the order in which they are
    asked for. A command waits for all jobs of the command before it in the same pipeline, or of
    those that its standing names; pipelines do not wait for each other, except for commands that
    they share. Commands that cannot be split are one job. A command that is split and has a gather
    step gets one more job after its splits.

    Args:
        pipelines: URI of the config -> pipeline.
        commands: The commands to run; all if empty.
        num_splits: Number of jobs for each command that can be split.
        states: How the commands stand, see `standing.standings`; what is up to date is left out.
            If None, everything runs.

    Returns:
        The jobs, each after those that it waits for.

    Raises:
        ConfigError: `num_splits` is not positive, or a pipeline lacks a command.
    """
    if num_splits < 1:
        raise ConfigError(f'The number of splits must be 1 or more, got {num_splits}.')
    jobs: list[Job] = []
    ends: dict[tuple[str, str], frozenset[str]] = {}
    for uri, pipeline in pipelines.items():
        before: tuple[str, ...] = ()
        for command in in_order(pipeline, commands):
            state = states[uri, command] if states else Standing('', before)
            before = (command,)
            if state.same_as is not None:
                ends[uri, command] = ends[state.same_as, command]
            elif state.reason is None:
                ends[uri, command] = frozenset()
            else:
                after = frozenset(end for name in state.upstream for end in ends[uri, name])
                stage = _stage(uri, pipeline, command, num_splits, after)
                jobs += stage
                gathers = [job for job in stage if job.gather]
                ends[uri, command] = frozenset(job.id for job in gathers or stage)
    return jobs


def in_order(pipeline: PlannedPipeline, commands: Sequence[str]) -> list[str]:
    """The commands to run, all if none is named, in the order of the pipeline.

    Raises:
        ConfigError: The pipeline lacks one.
    """
    for command in commands:
        if command not in pipeline.commands:
            hint = did_you_mean(command, pipeline.commands)
            raise ConfigError(
                f'Unknown command {command!r}.{hint} '
                f'The commands of this pipeline are: {", ".join(pipeline.commands)}.'
            )
    return [command for command in pipeline.commands if not commands or command in commands]


def can_split(pipeline: PlannedPipeline, command: str) -> bool:
    """Whether a command can be split.

    A subclass that replaces a command of its base by one that takes no `split_ind` does all the
    work in one job.
    """
    if command not in pipeline.split_commands:
        return False
    method = getattr(pipeline, command, None)
    if method is None:
        return True
    parameters = inspect.signature(method).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    return takes_any or {'split_ind', 'num_splits'} <= parameters.keys()


def _stage(
    uri: str, pipeline: PlannedPipeline, command: str, num_splits: int, after: frozenset[str]
) -> list[Job]:
    """The jobs of one command: its splits, then what joins them."""
    count = num_splits if can_split(pipeline, command) else 1
    gpu = command in pipeline.gpu_commands
    splits = [Job(uri, command, i, count, after, gpu) for i in range(count)]
    method = pipeline.gather_commands.get(command)
    if method is None or count == 1:
        return splits
    done = frozenset(job.id for job in splits)
    return [*splits, Job(uri, method, 0, count, done, gather=True)]


def dependants(jobs: Sequence[Job], failed: str) -> list[Job]:
    """The jobs that wait, directly or not, for the job with the id `failed`.

    Args:
        jobs: A plan, each job after those that it waits for.
        failed: Id of a job.
    """
    lost = {failed}
    for job in jobs:
        if job.after & lost:
            lost.add(job.id)
    return [job for job in jobs if job.id in lost and job.id != failed]
