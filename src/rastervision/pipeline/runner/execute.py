"""Running one command of a pipeline in this process."""

import inspect
from functools import partial
from typing import Any

import click

from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError, did_you_mean
from rastervision.pipeline.pipeline import Pipeline, PipelineConfig
from rastervision.pipeline.plan import can_split
from rastervision.pipeline.state import recorded


def execute_config(
    cfg_json_uri: str,
    command: str,
    split_ind: int = 0,
    num_splits: int = 1,
    log: str | None = None,
) -> None:
    """Run a command of the pipeline whose serialised config is at `cfg_json_uri`.

    Args:
        cfg_json_uri: URI of the config.
        command: Name of a command, or of the gather step of one.
        split_ind: Index of the split.
        num_splits: Number of splits.
        log: URI of the log, for the record of the job.

    Raises:
        ConfigError: The config is not that of a pipeline, or that has no such command.
    """
    cfg = PipelineConfig.from_file(cfg_json_uri)
    cfg.recursive_validate_config()
    execute(cfg, command, split_ind, num_splits, log)


def execute(
    cfg: PipelineConfig,
    command: str,
    split_ind: int = 0,
    num_splits: int = 1,
    log: str | None = None,
) -> None:
    """Run a command of a new pipeline of `cfg`, and keep a record of it below its root.

    Arguments are as for `execute_config`.
    """
    with rv_config_.get_tmp_dir() as tmp_dir:
        pipeline = cfg.build(tmp_dir)
        call = _bind(pipeline, command, split_ind, num_splits)
        split = f' split {split_ind + 1}/{num_splits}' if 'split_ind' in call.keywords else ''
        click.secho(f'Running {command} command{split}...', fg='green', bold=True)
        # a command that is asked for in splits but cannot be split does everything itself
        count = num_splits if {'split_ind', 'num_splits'} & {*call.keywords} else 1
        with recorded(pipeline, command, split_ind, count, log):
            call()


def _bind(pipeline: Pipeline, command: str, split_ind: int, num_splits: int) -> partial[Any]:
    """The method of a command with the arguments that it is called with."""
    gathers = pipeline.gather_commands.values()
    known = [*pipeline.commands, *gathers]
    if command not in known:
        raise ConfigError(
            f'Unknown command {command!r}.{did_you_mean(command, known)} '
            f'The commands of this pipeline are: {", ".join(known)}.'
        )
    if not 0 <= split_ind < num_splits:
        raise ConfigError(f'The split index must be in 0..{num_splits - 1}, got {split_ind}.')
    method = getattr(pipeline, command, None)
    if method is None:
        raise ConfigError(f'{type(pipeline).__name__} has no method {command!r} for its command.')
    if command in gathers and 'num_splits' in inspect.signature(method).parameters:
        return partial(method, num_splits=num_splits)
    if num_splits > 1 and can_split(pipeline, command):
        return partial(method, split_ind=split_ind, num_splits=num_splits)
    return partial(method)
