"""The command `compare`: scores of experiments, against the options that differ."""

import click

from rastervision.core import comparison
from rastervision.pipeline.experiments import experiment_roots
from rastervision.pipeline.tables import terminal_width


@click.command(short_help='Compare the scores of experiments.')
@click.argument('root_uris', nargs=-1, required=True, metavar='ROOT_URI...')
@click.option(
    '--class',
    'names',
    multiple=True,
    metavar='NAME',
    help='Show the scores of this class or target as well; repeat it for several.',
)
@click.option(
    '--metric',
    'metrics',
    multiple=True,
    metavar='NAME',
    help='Show this metric instead of the usual ones; repeat it for several.',
)
@click.option(
    '--out',
    'outs',
    multiple=True,
    metavar='FILE',
    help='Write the table to this .csv or .json file as well, with all options that differ; repeat '
    'it for both.',
)
def compare(
    root_uris: tuple[str, ...],
    names: tuple[str, ...],
    metrics: tuple[str, ...],
    outs: tuple[str, ...],
) -> None:
    """Show the scores of the experiments at each ROOT_URI, against the options that differ.

    ROOT_URI is the root_uri of a pipeline, or a folder that several are in. There is a row for each
    experiment and group of scenes, with averages over classes.
    """
    roots = experiment_roots(root_uris)
    rows = comparison.compare(roots, names, metrics)
    for out in outs:
        comparison.write(rows, out)
    click.echo(comparison.as_table(rows, terminal_width()))
    for doubt in comparison.doubts(roots, rows):
        click.secho(doubt, fg='yellow', err=True)
