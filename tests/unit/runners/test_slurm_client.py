"""Talking to SLURM's programs: doubles that answer as those of SLURM 22.05 do."""

import os
import subprocess
import sys
import time

import pytest
from waiting import wait_until

from rastervision.pipeline.errors import StageError
from rastervision.runners import slurm_client
from rastervision.runners.slurm_runner import SlurmRunner

pytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='doubles are shell scripts')

AWAY = 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)'
TIMEOUT = 'Batch job submission failed: Socket timed out on send/recv operation'


@pytest.fixture
def double(tmp_path, monkeypatch):
    """Return a function that puts a program on the path."""
    monkeypatch.setenv('PATH', f'{tmp_path}{os.pathsep}{os.environ["PATH"]}')

    def make(name: str, output: str = '', errors: str = '', code: int = 0) -> None:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\necho '{output}'\necho '{errors}' >&2\nexit {code}\n")
        path.chmod(0o755)

    return make


def submit(tmp_path):
    accepted = []
    slurm_client.submit('train', [], tmp_path / 'train.sh', accepted)
    return accepted


@pytest.mark.parametrize('answer', ['12', '12;cluster'])
def test_the_id_of_a_job_is_kept(double, tmp_path, answer):
    double('sbatch', answer)
    assert submit(tmp_path) == ['12']


def test_a_refusal_is_one_line_with_the_partitions(double, tmp_path):
    errors = (
        'sbatch: error: invalid partition specified: gpus\n'
        'sbatch: error: Batch job submission failed: Invalid partition name specified'
    )
    double('sbatch', errors=errors, code=1)
    double('sinfo', 'debug\ngpu\ndebug')
    with pytest.raises(StageError) as caught:
        submit(tmp_path)
    assert str(caught.value) == (
        'SLURM does not take train: invalid partition specified: gpus; Batch job submission '
        'failed: Invalid partition name specified. The partitions are: debug, gpu. The section '
        '[slurm] of the settings says what jobs ask for.'
    )


def test_a_machine_without_slurm_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(StageError, match=r'Cannot run sbatch .* such as a login node\.$'):
        submit(tmp_path)
    assert SlurmRunner().is_running(['12']) is None


NO_CONFIG = """sbatch: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host
sbatch: error: fetch_config: DNS SRV lookup failed
sbatch: error: _establish_config_source: failed to fetch config
sbatch: fatal: Could not establish a configuration source"""
NO_FILE = """sbatch: error: s_p_parse_file: cannot stat file /nope: No such file or directory
sbatch: fatal: Unable to process configuration file"""


@pytest.mark.parametrize(
    ('errors', 'why'),
    [
        (f'sbatch: error: {AWAY}', AWAY),
        (NO_CONFIG, 'Could not establish a configuration source'),
        (NO_FILE, 'Unable to process configuration file'),
        (f'sbatch: error: {TIMEOUT}', TIMEOUT),
    ],
)
def test_a_controller_that_is_away_is_told(double, tmp_path, errors, why):
    told = (
        f'SLURM cannot be reached from here ({why}): run this on a login node, or set SLURM_CONF.'
    )
    for program in ('sbatch', 'squeue', 'scontrol'):
        double(program, errors=errors, code=1)
    calls = (
        lambda: submit(tmp_path),
        lambda: slurm_client.task_states(['12']),
        lambda: slurm_client.release(['12']),
    )
    for call in calls:
        with pytest.raises(StageError) as caught:
            call()
        assert str(caught.value) == told
    assert SlurmRunner().is_running(['12']) is None


def has_ended(session):
    """Whether no process of a session lives on; init may not have taken note of all that died."""
    command = ['ps', '-o', 'stat=', '-s', str(session)]
    states = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    return all(state.startswith('Z') for state in states.split())


@pytest.mark.parametrize('code', ['sleep 60', 'sleep 60 &'])
def test_a_program_that_does_not_answer_is_told_and_ended(tmp_path, monkeypatch, double, code):
    """It hangs, or has ended and left something that may still write."""
    monkeypatch.setattr(slurm_client, 'ANSWER_SECONDS', 0.3)
    monkeypatch.setattr(slurm_client, 'LAST_WORDS_SECONDS', 0.3)
    for program in ('sbatch', 'squeue'):
        double(program)
        (tmp_path / program).write_text(f'#!/bin/sh\necho $$ > {tmp_path}/session\n{code}\n')
    calls = (lambda: submit(tmp_path), lambda: slurm_client.task_states(['12']))
    for program, call in zip(('sbatch', 'squeue'), calls, strict=True):
        started = time.monotonic()
        with pytest.raises(slurm_client.UnreachableError, match=f'{program} gives no answer'):
            call()
        assert time.monotonic() - started < 30
        session = int((tmp_path / 'session').read_text())
        wait_until(lambda session=session: has_ended(session))
    assert SlurmRunner().is_running(['12']) is None


def test_an_interrupt_is_not_hidden_by_what_does_not_answer(tmp_path, monkeypatch, double):
    monkeypatch.setattr(slurm_client, 'ANSWER_SECONDS', 4)
    double('sbatch')
    (tmp_path / 'sbatch').write_text('#!/bin/sh\nsleep 0.3\nkill -INT $PPID\nsleep 60\n')
    with pytest.raises(KeyboardInterrupt):
        submit(tmp_path)


def test_jobs_that_slurm_has_forgotten_do_not_run(double):
    double('squeue', errors='slurm_load_jobs error: Invalid job id specified', code=1)
    assert slurm_client.task_states(['12']) == {}
    assert SlurmRunner().is_running(['12']) is False


def test_states_of_jobs_and_of_tasks_of_arrays(double):
    double('squeue', '12_0|RUNNING|None\n12_1|PENDING|Resources\n13|FAILED|NonZeroExitCode')
    states = slurm_client.task_states(['12', '13'])
    assert states == {
        '12_0': ('RUNNING', 'None'),
        '12_1': ('PENDING', 'Resources'),
        '13': ('FAILED', 'NonZeroExitCode'),
    }
    assert SlurmRunner().is_running(['12', '13']) is True
