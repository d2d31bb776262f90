"""The programs that a user of SLURM talks to: sbatch, squeue, scontrol, scancel, sinfo."""

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from rastervision.pipeline.errors import StageError

ALL_GONE = 'Invalid job id'
"""What squeue says if it knows none of the jobs any more."""

AWAY = re.compile('configuration (source|file)|Unable to contact|Socket timed out', re.IGNORECASE)
"""What programs say that do not find the controller, or get no answer from it."""

ANSWER_SECONDS = 180.0
"""Time that a program has for its answer; some try for two minutes to reach a busy controller."""
LAST_WORDS_SECONDS = 5.0
"""Time to read what a program has printed that has ended, or has had its time."""


class UnreachableError(StageError):
    """SLURM does not answer."""


class TaskState(NamedTuple):
    """State of a job or of a task of an array, and why, both in SLURM's words."""

    state: str
    reason: str


def submit(command: str, options: Sequence[str], script: Path, accepted: list[str]) -> None:
    """Submit a batch script.

    Args:
        command: The command of the pipeline, for messages.
        options: Options of sbatch.
        script: The script.
        accepted: The id of the job is added here, also if Ctrl-C comes in between.

    Raises:
        StageError: SLURM does not take it.
    """
    process = _start('sbatch', '--parsable', *options, str(script))
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(ANSWER_SECONDS)
    except BaseException:  # of a signal, and the job may be accepted
        with suppress(UnreachableError):
            _note_accepted(process, ANSWER_SECONDS, accepted)
        raise
    errors = _note_accepted(process, LAST_WORDS_SECONDS, accepted)
    if process.returncode != 0:
        message = _reason(errors)
        raise StageError(
            f'SLURM does not take {command}: {message}.{_partitions(message)} The section [slurm] '
            'of the settings says what jobs ask for.'
        )


def _note_accepted(process: 'subprocess.Popen[str]', seconds: float, accepted: list[str]) -> str:
    """Add the id of the job that sbatch has submitted, if it has; what it complains of."""
    output, errors = _answer(process, seconds)
    if process.returncode == 0:
        accepted.append(output.strip().partition(';')[0])
    return errors


def release(jobs: Sequence[str]) -> None:
    """Let jobs start that were submitted with `--hold`.

    Raises:
        StageError: SLURM does not.
    """
    try:
        _ask('scontrol', 'release', ','.join(jobs))
    except UnreachableError:
        raise
    except StageError as error:
        raise StageError(
            f'{error} The first jobs may ask for more than any machine has; see the section '
            '[slurm] of the settings.'
        ) from error


def cancel(jobs: Sequence[str]) -> None:
    """End jobs; those that have ended are left alone.

    Raises:
        StageError: SLURM does not.
    """
    if jobs:
        _ask('scancel', '--quiet', *jobs)


def task_states(jobs: Sequence[str]) -> dict[str, TaskState]:
    """States of jobs that SLURM still knows, those that ended some minutes ago among them.

    Args:
        jobs: Ids of jobs.

    Returns:
        Id, as `12` or as `12_3` for a task of an array -> state.

    Raises:
        StageError: The controller does not answer.
    """
    rows = _squeue(jobs, '--array', '--states=all', '--format=%i|%T|%r')
    return {row[0]: TaskState(*row[1:]) for row in rows}


def any_active(jobs: Sequence[str]) -> bool:
    """Whether any of some jobs waits or runs.

    Raises:
        StageError: The controller does not answer.
    """
    return bool(_squeue(jobs, '--format=%i'))


def _squeue(jobs: Sequence[str], *options: str) -> list[list[str]]:
    """Fields of each line that squeue prints of jobs."""
    try:
        output = _ask('squeue', '--noheader', f'--jobs={",".join(jobs)}', *options)
    except StageError as error:
        if ALL_GONE in str(error):
            return []
        raise
    return [line.strip().split('|', 2) for line in output.splitlines() if line.strip()]


def _partitions(message: str) -> str:
    """The partitions that there are, if a message is about one."""
    if 'partition' not in message.lower():
        return ''
    try:
        names = sorted(set(_ask('sinfo', '--noheader', '--format=%R').split()))
    except StageError:
        return ''
    return f' The partitions are: {", ".join(names)}.'


def _ask(program: str, *arguments: str) -> str:
    """What a program prints; raises StageError if it fails."""
    process = _start(program, *arguments)
    output, errors = _answer(process, ANSWER_SECONDS)
    if process.returncode != 0:
        raise StageError(f'{program} fails: {_reason(errors)}.')
    return output


def _start(program: str, *arguments: str) -> 'subprocess.Popen[str]':
    """Start a program that Ctrl-C does not reach."""
    try:
        return subprocess.Popen(  # noqa: S603 (programs of SLURM)
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors='replace',
            start_new_session=True,
        )
    except OSError as error:
        raise StageError(
            f'Cannot run {program} ({error.strerror}): start this on a machine from which jobs are '
            'submitted to SLURM, such as a login node.'
        ) from error


def _answer(process: 'subprocess.Popen[str]', seconds: float) -> tuple[str, str]:
    """What a program prints and what it complains of, when it has ended.

    Raises:
        UnreachableError: It does not end; it is killed.
    """
    try:
        return process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        with process, suppress(ProcessLookupError):  # it has ended, and left something that writes
            os.killpg(process.pid, signal.SIGKILL)
        raise _unreachable(f'{error.cmd[0]} gives no answer') from error


def _unreachable(why: str) -> UnreachableError:
    return UnreachableError(
        f'SLURM cannot be reached from here ({why}): run this on a login node, or set SLURM_CONF.'
    )


def _reason(errors: str) -> str:
    """What a program of SLURM has to say, in one line.

    Raises:
        UnreachableError: It has not reached SLURM.
    """
    lines = [
        re.sub(r'^\w+: (error|fatal|unrecognized): ', '', line) for line in errors.splitlines()
    ]
    lines = list(dict.fromkeys(filter(None, lines)))
    if away := next((line for line in reversed(lines) if AWAY.search(line)), None):
        raise _unreachable(away.rstrip('.'))
    return '; '.join(lines).rstrip('.') or 'no reason given'
