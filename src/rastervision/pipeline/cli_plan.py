"""The command `plan`: what a run would do, and why."""

from collections.abc import Sequence

import click

from rastervision.pipeline.cli_options import (
    arg_option,
    format_option,
    rerun_option,
    seen_runner_option,
    splits_option,
)
from rastervision.pipeline.loading import loaded_pipelines
from rastervision.pipeline.plan_graph import FORMATS
from rastervision.pipeline.running import show_plan
from rastervision.pipeline.sweep import gather_args


@click.command(short_help='Show what a run would do, and why.')
@click.argument('cfg_module')
@click.argument('commands', nargs=-1)
@arg_option
@splits_option
@rerun_option
@seen_runner_option
@format_option('How to show it; "dot" is for Graphviz.', FORMATS)
def plan(
    cfg_module: str,
    commands: Sequence[str],
    args: Sequence[tuple[str, str]],
    splits: int,
    rerun: bool,
    runner: str,
    format_: str,
) -> None:
    """Show what "rastervision run" would do with COMMANDS of the pipelines in CFG_MODULE, and why.

    Arguments are those of "run". Nothing is run or written.
    """
    with loaded_pipelines(cfg_module, runner, gather_args(args)) as pipelines:
        show_plan(pipelines, commands, splits, rerun, format_)
