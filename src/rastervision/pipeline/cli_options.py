"""Options that several commands of the command line share; each is a decorator of a command."""

from collections.abc import Callable, Iterable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

arg_option: Decorator = click.option(
    '--arg',
    '-a',
    'args',
    type=(str, str),
    multiple=True,
    metavar='KEY VALUE',
    help='Argument for get_config; repeat it for several. Several values, as in '
    '"-a lr 1e-3,1e-4" or "-a model a -a model b", make an experiment each.',
)
"""Arguments of `get_config`, as pairs `args`; see `sweep.gather_args`."""

splits_option: Decorator = click.option(
    '--splits',
    '-s',
    type=click.IntRange(min=1),
    default=1,
    metavar='N',
    help='Jobs for each command that can be split; the runner "local" runs as many jobs beside '
    'each other.',
)

rerun_option: Decorator = click.option(
    '--rerun', is_flag=True, help='Run commands that are up to date as well, from their start.'
)

seen_runner_option: Decorator = click.option(
    '--runner', default='local', show_default=True, help='Name of the runner that get_config sees.'
)


def format_option(about: str, formats: Iterable[str] = ('table', 'json')) -> Decorator:
    """The option `--format`, as `format_`, whose default is a table.

    Args:
        about: Help.
        formats: Names of the formats.
    """
    return click.option(
        '--format',
        'format_',
        type=click.Choice(list(formats)),
        default='table',
        show_default=True,
        help=about,
    )
