"""How far a run is, by what is below its root alone: plan, records and lock."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from rastervision.pipeline.file_system import json_to_file, list_paths
from rastervision.pipeline.fingerprint import THREADS
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.plan_graph import Step
from rastervision.pipeline.process import lives_here
from rastervision.pipeline.public_text import public_uri
from rastervision.pipeline.run_lock import Holder, IsRunning, as_holder
from rastervision.pipeline.state import (
    INTERRUPTED,
    LOCK,
    PLAN,
    Record,
    read_json,
    read_record,
    state_uri,
)

WhyEnded = Callable[[str, str], str | None]
"""Why the engine of a runner, by its name, has ended a job, by its output; None if nobody knows."""
LOST = 'its process is gone'

Status = Literal['waits', 'runs', 'done', 'shared', 'failed', 'stopped', 'left out']
PROBLEMS = ('failed', 'stopped', 'left out')
_BY_WEIGHT: tuple[Status, ...] = ('failed', 'stopped', 'runs', 'done')
"""What is said of a command whose jobs stand differently: the first of these."""


@dataclass(frozen=True, slots=True)
class CommandStatus:
    """How a command stands.

    Attributes:
        command: The command.
        status: 'shared' if another pipeline of the same run has carried it out; 'stopped' if it was
            interrupted or its process is gone; 'left out' if it was to run, but never began.
        jobs: Number of its jobs, a gather step among them; 0 if it has not run yet.
        done: How many of them are done.
        started: When the first of them began, in UTC; None if none has.
        ended: When the last of them ended; None while one runs.
        hosts: The machines that they ran on.
        reason: Why it failed or was stopped.
        logs: URIs of the logs of the jobs that failed, were stopped, or run; of those that were
            stopped, also what an engine has kept of their output.
    """

    command: str
    status: Status
    jobs: int = 0
    done: int = 0
    started: str | None = None
    ended: str | None = None
    hosts: tuple[str, ...] = ()
    reason: str | None = None
    logs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How the last run of a pipeline stands.

    Attributes:
        root_uri: The root of the pipeline, without credentials.
        is_running: Whether a run is at work there; None if it is on another machine and has not
            ended properly, so that it may be dead.
        is_prepared: Whether a run is at work that has not said yet what it will do; `commands` are
            those of an earlier run.
        holder: What its lock says; None if there is none.
        commands: The commands, in the order of the plan.
    """

    root_uri: str
    is_running: bool | None
    is_prepared: bool
    holder: Holder | None
    commands: tuple[CommandStatus, ...]


def save_plan(run: str, plan: Sequence[Step], pipelines: Mapping[str, Pipeline]) -> None:
    """Write what a run is going to do below the roots of its pipelines.

    Args:
        run: Id of the run.
        plan: Its steps.
        pipelines: URI of the config -> pipeline.
    """
    for uri, pipeline in pipelines.items():
        if root := pipeline.config.root_uri:
            own = [asdict(step) for step in plan if step.config == public_uri(uri)]
            json_to_file({'run': run, 'steps': own}, state_uri(root, PLAN))


def run_status(
    root_uri: str, is_running: IsRunning, why_ended: WhyEnded = lambda *_: None
) -> RunStatus:
    """Find out how far the last run of a pipeline is.

    Args:
        root_uri: The root of the pipeline.
        is_running: Tells whether jobs of an engine still run.
        why_ended: Tells why an engine has ended a job.
    """
    lock = _Lock.read(root_uri, is_running, why_ended)
    plan = read_json(state_uri(root_uri, PLAN)) or {}
    run = plan.get('run')
    by_command: dict[str, list[Record]] = {}
    for record in _records(root_uri):
        by_command.setdefault(record.command, []).append(record)
    found = []
    for step, jobs in _commands(plan.get('steps', ())):
        name, status = step['command'], step['status']
        records = by_command.pop(name, [])
        if status == 'runs':
            own = [record for record in records if record.run == run]
            found.append(_planned(name, own, jobs, lock, lock.may_be_held_by(run)))
        elif records:  # what stands for the command as a whole was found to be up to date
            found.append(_last(name, sorted(records, key=lambda r: r.split is None), lock))
        else:  # its record is elsewhere
            found.append(CommandStatus(name, 'shared' if status == 'shared' else 'done'))
    found += [_last(name, records, lock) for name, records in by_command.items()]
    is_prepared = bool(lock.alive) and not lock.may_be_held_by(run)
    return RunStatus(public_uri(root_uri), lock.alive, is_prepared, lock.holder, tuple(found))


@dataclass(frozen=True, slots=True)
class _Lock:
    """The lock of a root: its holder, and whether that lives."""

    holder: Holder | None
    alive: bool | None
    why_ended: WhyEnded

    @classmethod
    def read(cls, root_uri: str, is_running: IsRunning, why_ended: WhyEnded) -> '_Lock':
        holder = as_holder(read_json(state_uri(root_uri, LOCK)))
        if not holder:
            return cls(None, False, why_ended)
        alive = lives_here(holder)
        jobs = holder.get('engine_jobs') or []
        if not alive and jobs:
            alive = is_running(str(holder.get('runner')), jobs)
        return cls(holder, alive, why_ended)

    def may_be_held_by(self, run: str | None) -> bool:
        """Whether a run may be at work."""
        return self.holder is not None and self.holder['run'] == run and self.alive is not False

    def lives(self, record: Record) -> bool:
        """Whether the job of a record that says 'running' may be at work."""
        alive = lives_here(record.process)
        if alive is None:
            return record.run is None or self.may_be_held_by(record.run)
        return alive

    def why_stopped(self, record: Record) -> str:
        """Why a job was stopped, by its engine or else by its record."""
        known = record.reason or LOST
        if record.output is None or self.holder is None or record.run != self.holder['run']:
            return known
        return self.why_ended(str(self.holder.get('runner')), record.output) or known


def _records(root_uri: str) -> list[Record]:
    """All records of a pipeline, the oldest first."""
    uris = list_paths(state_uri(root_uri, ''), ext='.json')
    with ThreadPoolExecutor(THREADS) as threads:
        found = [record for record in threads.map(read_record, uris) if record is not None]
    return sorted(found, key=lambda record: record.started)


def _commands(steps: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], int]]:
    """The steps that are commands, and the number of jobs of each, its gather step included."""
    gathers = {number: step['jobs'] for step in steps if step['gather'] for number in step['after']}
    return [
        (step, step['jobs'] + gathers.get(step['step'], 0)) for step in steps if not step['gather']
    ]


def _planned(
    command: str, records: Sequence[Record], jobs: int, lock: _Lock, goes_on: bool
) -> CommandStatus:
    """Status of a command that the last run was to carry out, by the records of this run."""
    if not records:
        return CommandStatus(command, 'waits' if goes_on else 'left out', jobs)
    found = _of_records(command, records, jobs, lock)
    if found.status != 'done' or found.done == jobs:
        return found
    if goes_on:  # between two of its jobs
        return replace(found, status='runs', ended=None)
    return replace(found, status='stopped', reason=INTERRUPTED)


def _last(command: str, records: Sequence[Record], lock: _Lock) -> CommandStatus:
    """Status of a command by the records of whatever run it was last part of."""
    last = records[-1]
    own = [r for r in records if (r.run, r.num_splits) == (last.run, last.num_splits)]
    return _of_records(command, own, len(own), lock)


def _of_records(command: str, records: Sequence[Record], jobs: int, lock: _Lock) -> CommandStatus:
    kinds = [_kind(record, lock) for record in records]
    status = next(kind for kind in _BY_WEIGHT if kind in kinds)
    told = [record for record, kind in zip(records, kinds, strict=True) if kind == status]
    ends = [record.ended for record in records if record.ended]
    return CommandStatus(
        command,
        status,
        jobs,
        kinds.count('done'),
        min(record.started for record in records),
        max(ends, default=None) if status != 'runs' else None,
        tuple(dict.fromkeys(record.process.get('host', '') for record in records)),
        _why(told[0], status, lock),
        tuple(log for record in told for log in _logs(record, status)),
    )


def _why(record: Record, status: Status, lock: _Lock) -> str | None:
    if status == 'stopped':
        return lock.why_stopped(record)
    return record.reason if status == 'failed' else None


def _logs(record: Record, status: Status) -> list[str]:
    if status == 'done':
        return []
    return [log for log in (record.log, status == 'stopped' and record.output) if log]


def _kind(record: Record, lock: _Lock) -> Status:
    if record.status == 'done':
        return 'done'
    if record.status == 'failed':
        return 'stopped' if record.reason == INTERRUPTED else 'failed'
    return 'runs' if lock.lives(record) else 'stopped'
