"""Options that several commands of the command line share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar('F', bound=Callable[..., Any])


def arg_option(command: F) -> F:
    """Give a command `-a`: arguments of `get_config`, as pairs `args`; see `sweep.gather_args`."""
    return click.option(
        '--arg',
        '-a',
        'args',
        type=(str, str),
        multiple=True,
        metavar='KEY VALUE',
        help='Argument for get_config; repeat it for several. Several values, as in '
        '"-a lr 1e-3,1e-4" or "-a model a -a model b", make an experiment each.',
    )(command)


def splits_option(command: F) -> F:
    """Give a command `-s`, the number of splits."""
    return click.option(
        '--splits',
        '-s',
        type=click.IntRange(min=1),
        default=1,
        metavar='N',
        help='Jobs for each command that can be split; the runner "local" runs as many jobs beside '
        'each other.',
    )(command)


def rerun_option(command: F) -> F:
    """Give a command `--rerun`."""
    return click.option(
        '--rerun', is_flag=True, help='Run commands that are up to date as well, from their start.'
    )(command)
