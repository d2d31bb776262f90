"""A run: what is not up to date of some pipelines, carried out by a runner under a lock."""

from collections.abc import Mapping, Sequence

import click

from rastervision.pipeline import registry_
from rastervision.pipeline.config import save_pipeline_config
from rastervision.pipeline.errors import RVError
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.plan import in_order, plan, table
from rastervision.pipeline.run_lock import run_lock
from rastervision.pipeline.standing import report, standings

NOTHING_TO_DO = 'There is nothing to do; --rerun runs commands that are up to date as well.'


def show_plan(
    pipelines: Mapping[str, Pipeline], commands: Sequence[str], num_splits: int, rerun: bool
) -> None:
    """Print what `run_pipelines` would do; arguments as there."""
    states = standings(pipelines, commands, rerun)
    jobs = plan(pipelines, commands, num_splits, states)
    for line in report(states):
        click.echo(line)
    click.echo(table(jobs) if jobs else NOTHING_TO_DO)


def run_pipelines(
    pipelines: Mapping[str, Pipeline],
    commands: Sequence[str],
    runner: str,
    num_splits: int = 1,
    pipeline_run_name: str = 'raster-vision',
    rerun: bool = False,
) -> None:
    """Run commands of pipelines, without those that are up to date.

    Args:
        pipelines: URI of the config -> pipeline.
        commands: The commands; all if empty.
        runner: Name of the runner.
        num_splits: Number of jobs for each command that can be split.
        pipeline_run_name: Name of the run where the engine shows one.
        rerun: Run what is up to date as well, from its start.

    Raises:
        NotWritableError: Another run writes to the same place.
        StageError: A command failed.
    """
    engine = registry_.get_runner(runner)()
    for pipeline in pipelines.values():
        asked = in_order(pipeline, commands)
        if engine.on_this_machine:
            pipeline.check_inputs(asked)
    with run_lock(_folders(pipelines), runner, engine.engine_jobs, _is_running):
        states = standings(pipelines, commands, rerun)
        for line in report(states):
            click.echo(line)
        for uri, pipeline in pipelines.items():
            for command in in_order(pipeline, commands) if rerun else ():
                pipeline.forget(command)
            save_pipeline_config(pipeline.config, uri)
        jobs = plan(pipelines, commands, num_splits, states)
        if jobs:
            engine.run_jobs(jobs, pipelines, num_splits, pipeline_run_name)
        else:
            click.echo(NOTHING_TO_DO)
        for pipeline in pipelines.values():
            if summary := pipeline.summary():
                click.echo(f'\n{summary}')


def _folders(pipelines: Mapping[str, Pipeline]) -> list[str]:
    """The folders that pipelines write to."""
    return [root for p in pipelines.values() if (root := p.config.root_uri)]


def _is_running(runner: str, engine_jobs: Sequence[str]) -> bool | None:
    """Whether jobs of the engine of a runner still run; None if nobody can tell."""
    try:
        return registry_.get_runner(runner)().is_running(engine_jobs)
    except RVError:
        return None
