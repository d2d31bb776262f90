"""The command `status`: how far runs are, by what is below their roots."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import click

from rastervision.pipeline.cli_options import format_option
from rastervision.pipeline.experiments import experiment_roots
from rastervision.pipeline.progress import clock
from rastervision.pipeline.running import is_running, why_ended
from rastervision.pipeline.status import PROBLEMS, CommandStatus, RunStatus, run_status
from rastervision.pipeline.tables import aligned, terminal_width


@click.command(short_help='Show how far runs are.')
@click.argument('root_uris', nargs=-1, required=True, metavar='ROOT_URI...')
@format_option('How to show it; times are in UTC.')
@click.pass_context
def status(ctx: click.Context, root_uris: Sequence[str], format_: str) -> None:
    """Show how far the last run of each ROOT_URI is, wherever it runs.

    ROOT_URI is the root_uri of a pipeline, or a folder that several are in. What is shown is read
    from the folder "state" below it, so this works on any machine that sees the folder.

    The exit code is 1 if a command failed, was stopped, or never began although the run is over;
    else 0.
    """
    found = [
        run_status(root, is_running, why_ended) for root in experiment_roots(root_uris, begun=True)
    ]
    if format_ == 'json':
        click.echo(json.dumps([asdict(run) for run in found], indent=2))
    else:
        click.echo('\n\n'.join(_text(run) for run in found))
    statuses = {command.status for run in found for command in run.commands}
    ctx.exit(0 if statuses.isdisjoint(PROBLEMS) else 1)


def _text(run: RunStatus) -> str:
    header = ('command', 'status', 'jobs', 'started (UTC)', 'time', 'host')
    rows = [header, *map(_row, run.commands)]
    lines = aligned(rows, terminal_width()) if run.commands else []
    return '\n'.join([f'{run.root_uri}: {_head(run)}', *lines, *_notes(run)])


def _head(run: RunStatus) -> str:
    if run.holder is None:
        return 'nothing runs' if run.commands else 'nothing has run'
    who = f'process {run.holder.get("pid")} on {run.holder.get("host")}'
    if jobs := run.holder.get('engine_jobs'):
        who = f'jobs {", ".join(jobs)}'
    text = f'the run with {run.holder.get("runner")} since {_time(run.holder.get("since"))} ({who})'
    if run.is_running is None:
        return f'{text} goes on, or was killed: nobody can tell from here'
    if run.is_prepared:
        return f'{text} is being prepared{"; of the run before:" if run.commands else ""}'
    if run.is_running:
        return f'{text} goes on'
    if not jobs:
        return f'{text} was killed'
    problems = [f'{c.command} {c.status}' for c in run.commands if c.status in PROBLEMS]
    return f'{text} has ended: {", ".join(problems) or "all is done"}'


def _row(command: CommandStatus) -> tuple[str, ...]:
    jobs = f'{command.done}/{command.jobs}' if command.jobs else '-'
    return (
        command.command,
        command.status,
        jobs,
        _time(command.started),
        _took(command),
        ', '.join(command.hosts) or '-',
    )


def _time(iso: str | None) -> str:
    return '-' if not iso else iso[:19].replace('T', ' ')


def _took(command: CommandStatus) -> str:
    end = datetime.now(UTC).isoformat() if command.status == 'runs' else command.ended
    if command.started is None or end is None:  # what was killed has not said when
        return '-'
    started, ended = map(datetime.fromisoformat, (command.started, end))
    seconds = (ended - started).total_seconds()
    return clock(max(0.0, seconds))  # clocks of two machines may differ


def _notes(run: RunStatus) -> Iterator[str]:
    for command in run.commands:
        if command.reason or command.logs:
            reason = f': {command.reason}' if command.reason else ''
            yield f'{command.command} {command.status}{reason}'
        for log in command.logs:
            yield f'  log: {log}'
