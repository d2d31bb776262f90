"""A run: what is not up to date of some pipelines, carried out by a runner under a lock."""

from collections.abc import Mapping, Sequence

import click

from rastervision.pipeline import registry_
from rastervision.pipeline.config import save_pipeline_config
from rastervision.pipeline.errors import RVError
from rastervision.pipeline.fingerprint import Fingerprints, Stamps
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.plan import Standings, in_order, plan
from rastervision.pipeline.plan_graph import FORMATS, as_table, steps
from rastervision.pipeline.public_text import public_text
from rastervision.pipeline.run_lock import RunLock
from rastervision.pipeline.runner.runner import Runner
from rastervision.pipeline.standing import report, standings
from rastervision.pipeline.state import shared_state
from rastervision.pipeline.status import save_plan
from rastervision.pipeline.tables import terminal_width
from rastervision.pipeline.validation import check_root

NOTHING_TO_DO = 'There is nothing to do; --rerun runs commands that are up to date as well.'


def show_plan(
    pipelines: Mapping[str, Pipeline],
    commands: Sequence[str],
    num_splits: int,
    rerun: bool,
    format_: str = 'table',
) -> None:
    """Print what `run_pipelines` would do, in one of `plan_graph.FORMATS`; arguments as there.

    Raises:
        NotWritableError: It would be refused, since it could not write below a root.
    """
    for pipeline in pipelines.values():
        check_root(pipeline.config.root_uri)
    states = standings(pipelines, commands, rerun)
    jobs = plan(pipelines, commands, num_splits, states)
    found = steps(pipelines, jobs, states)
    if format_ != 'table':
        click.echo(FORMATS[format_](found))
        return
    click.echo(as_table(found, terminal_width()))
    if not jobs:
        click.echo(NOTHING_TO_DO)


def run_pipelines(
    pipelines: Mapping[str, Pipeline],
    commands: Sequence[str],
    runner: str,
    num_splits: int = 1,
    pipeline_run_name: str = 'raster-vision',
    rerun: bool = False,
    wait: bool = False,
) -> None:
    """Run commands of pipelines, without those that are up to date.

    Args:
        pipelines: URI of the config -> pipeline.
        commands: The commands; all if empty.
        runner: Name of the runner.
        num_splits: Number of jobs for each command that can be split.
        pipeline_run_name: Name of the run where the engine shows one.
        rerun: Run what is up to date as well, from its start.
        wait: Wait for the end of jobs that an engine has taken over.

    Raises:
        NotWritableError: Another run writes to the same place.
        StageError: A command failed.
    """
    engine = registry_.get_runner(runner)()
    engine.wait = engine.wait or wait
    for pipeline in pipelines.values():
        asked = in_order(pipeline, commands)  # raises if there is no such command
        if engine.on_this_machine:
            pipeline.check_inputs(asked)
    engine.check(pipelines, commands)
    with RunLock(runner, engine.engine_jobs, is_running) as lock:
        engine.note = lock.note
        # what knows nothing but `run` may go on to the next pipeline before its jobs have ended
        share = type(engine).run_jobs is not Runner.run_jobs
        states = _locked_standings(lock, pipelines, commands, rerun, share)
        for line in report(states):
            click.echo(public_text(line))
        for (uri, command), state in states.items():
            if rerun and state.same_as is None:
                pipelines[uri].forget(command)
        for uri, pipeline in pipelines.items():
            save_pipeline_config(pipeline.config, uri)
        jobs = plan(pipelines, commands, num_splits, states)
        save_plan(lock.run, steps(pipelines, jobs, states), pipelines)
        if jobs:
            engine.run_jobs(jobs, pipelines, num_splits, pipeline_run_name)
        else:
            click.echo(NOTHING_TO_DO)
        if not engine.engine_jobs():  # else the results come later
            _show_summaries(pipelines)


def _show_summaries(pipelines: Mapping[str, Pipeline]) -> None:
    for pipeline in pipelines.values():
        if summary := pipeline.summary():
            heading = f'{pipeline.config.root_uri}:\n\n' if len(pipelines) > 1 else ''
            click.echo(public_text(f'\n{heading}{summary}'))


def _locked_standings(
    lock: RunLock,
    pipelines: Mapping[str, Pipeline],
    commands: Sequence[str],
    rerun: bool,
    share: bool,
) -> Standings:
    """How the commands stand once nobody else can write to where they are going to write."""
    lock.take(root for p in pipelines.values() if (root := p.config.root_uri))
    states = standings(pipelines, commands, rerun, share)
    taken = [lock.take([uri], folder) for uri, folder in _shared_folders(pipelines, states)]
    if any(taken):
        states = standings(pipelines, commands, rerun, share)
    return states


def _shared_folders(pipelines: Mapping[str, Pipeline], states: Standings) -> list[tuple[str, str]]:
    """Where commands are going to write outside of the roots, and the folder for the lock there.

    In one order for all runs, so that of two that want the same, one gets all.
    """
    found: set[tuple[str, str]] = set()
    stamps = Stamps()
    for uri, pipeline in pipelines.items():
        prints = Fingerprints(pipeline, stamps)
        for (config, command), state in states.items():
            if config == uri and state.reason is not None:
                shared = shared_state(prints, command)
                found |= set() if shared is None else {(shared.uri, shared.folder)}
    return sorted(found)


def is_running(runner: str, engine_jobs: Sequence[str]) -> bool | None:
    """Whether jobs of the engine of a runner still run; None if nobody can tell."""
    try:
        return registry_.get_runner(runner)().is_running(engine_jobs)
    except RVError:
        return None


def why_ended(runner: str, output: str) -> str | None:
    """Why the engine of a runner has ended a job, by its output; None if nobody can tell."""
    try:
        return registry_.get_runner(runner)().why_ended(output)
    except RVError:
        return None
