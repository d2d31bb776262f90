"""The command `rastervision validate`."""

import json
from collections.abc import Sequence

import click

from rastervision.pipeline.cli_options import arg_option, format_option, seen_runner_option
from rastervision.pipeline.loading import loaded_pipelines
from rastervision.pipeline.public_text import public_text, public_uri, with_uris
from rastervision.pipeline.sweep import gather_args


@click.command(short_help='Check the inputs of pipelines before anything runs.')
@click.argument('cfg_module')
@arg_option
@format_option('How to print what is found; json is a list with an object for each config.')
@seen_runner_option
@click.pass_context
def validate(
    ctx: click.Context,
    cfg_module: str,
    args: Sequence[tuple[str, str]],
    format_: str,
    runner: str,
) -> None:
    """Open all inputs of the pipelines in CFG_MODULE, and tell what would go wrong.

    Nothing is run or written. Of large images some windows are read. CFG_MODULE is as for "run".

    The exit code is 1 if a command would fail.
    """
    with loaded_pipelines(cfg_module, runner, gather_args(args)) as pipelines:
        found = {uri: pipeline.validate() for uri, pipeline in pipelines.items()}
    if format_ == 'json':
        listing = [{'config': uri, **validation.to_json()} for uri, validation in found.items()]
        click.echo(json.dumps(with_uris(listing, public_uri), indent=2))
    else:
        for uri, validation in found.items():
            heading = f'{uri}\n\n' if len(found) > 1 else ''
            click.echo(public_text(f'{heading}{validation.report()}\n'))
    ctx.exit(1 if any(validation.errors for validation in found.values()) else 0)
