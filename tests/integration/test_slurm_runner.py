"""The slurm runner on a real SLURM of this one host, where it is installed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import SECONDS, wait_until

from rastervision.pipeline.state import read_record, record_uri

pytestmark = pytest.mark.cluster

TOOL = Path(__file__).parents[2] / 'tools' / 'slurm_one_host.sh'
PROGRAMS = ('sbatch', 'slurmctld', 'slurmd', 'munged')


@pytest.fixture(scope='module')
def cluster(tmp_path_factory):
    """Folder of a SLURM that runs."""
    path = f'{os.environ["PATH"]}:/usr/sbin:/sbin'
    if missing := [name for name in PROGRAMS if shutil.which(name, path=path) is None]:
        pytest.skip(f'no {missing[0]}: apt-get install slurmctld slurmd slurm-client munge')
    folder = tmp_path_factory.mktemp('slurm')
    done = subprocess.run(
        [TOOL, 'start', folder],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=2 * SECONDS,
        check=False,
    )
    if done.returncode != 0:
        logs = '\n'.join(log.read_text(errors='replace') for log in folder.glob('*.log'))
        pytest.fail(f'{done.stderr.decode()}\n{logs}')
    yield folder
    subprocess.run([TOOL, 'stop', folder], check=True, capture_output=True, timeout=2 * SECONDS)


@pytest.fixture
def slurm(cluster, monkeypatch):
    """Names in use: see `cluster`. Submissions go there, and nothing stays in its queue."""
    monkeypatch.setenv('SLURM_CONF', str(cluster / 'slurm.conf'))
    yield
    assert queue() == []


class Run:
    """`rastervision run slurm` on a scripted pipeline, in a process of its own."""

    def __init__(self, scripted, *args, script=None, **settings):
        names = {f'SLURM_{key.upper()}': value for key, value in settings.items()}
        command = [sys.executable, '-m', 'rastervision.pipeline', 'run', 'slurm']
        command += [scripted.config_file, '-a', 'root_uri', scripted.folder / 'out']
        command += ['-a', 'script', json.dumps(script or {}), *args]
        self.process = subprocess.Popen(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **names},
            encoding='utf-8',
            start_new_session=True,
        )

    def end(self, code: int) -> tuple[list[str], list[str]]:
        """Lines of its output and of its errors; it has to end with a code."""
        with self.process:
            try:
                output, errors = self.process.communicate(timeout=2 * SECONDS)
            finally:
                self.process.kill()
        assert self.process.returncode == code, errors
        return output.splitlines(), errors.splitlines()


@pytest.fixture
def run(scripted, slurm):
    """Return a function that starts a run and returns its lines of output and errors."""

    def run(*args, code=0, **options):
        return Run(scripted, *args, **options).end(code)

    return run


def queue() -> list[str]:
    command = ['squeue', '--noheader', '--format=%j']
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS)
    return done.stdout.splitlines()


def test_jobs_run_in_order_with_what_the_settings_ask_for(run, scripted):
    show = (
        'names = ["SLURM_JOB_PARTITION", "SLURM_CPUS_PER_TASK", "SLURM_JOB_GPUS", "GREETING"]\n'
        'print([os.environ.get(name) for name in names])'
    )
    lines, errors = run(
        *('-s', '2', '--wait', '--pipeline-run-name', 'my-run'),
        script={'many': 'time.sleep(0.3)', 'gather': show, 'last': show},
        cpus='2', gpu_cpus='1', gpu_partition='gpu', gpu_gres='gpu:1', mem='500M',
        preamble='export GREETING="grüß  dich"',
    )  # fmt: skip
    assert errors == []
    scripted.check_all_ran('out')
    first, *splits, gather, last = [
        line.split(' (')[0] for line in lines if line.endswith(('done', 'failed'))
    ]
    assert (first, gather, last) == ('first', 'gather', 'last')
    assert sorted(splits) == ['many 1/2', 'many 2/2']
    logs = scripted.folder / 'out' / 'logs'
    text = {name: (logs / f'{name}.log').read_text('utf-8') for name in ('gather', 'last')}
    assert "['debug', '2', None, 'grüß  dich']" in text['gather']
    assert "['gpu', '1', '0', 'grüß  dich']" in text['last']


def test_a_failure_stops_its_dependants_and_is_shown(run, scripted):
    _, errors = run(
        *('-s', '2', '--wait'), code=1, script={'many/1': 'raise DataError("no pixels")'}
    )
    assert sorted(scripted.jobs('out')) == ['first 0/1', 'many 0/2']
    text = '\n'.join(errors)
    assert 'Error: many 2/2 failed: exit code 1\nIts log is ' in text
    assert 'many 2/2 failed: no pixels' in text
    assert errors[-1] == 'Not run because of it: gather, last'


def test_memory_that_was_not_asked_for_is_told(run, scripted):
    code = 'pixels = bytearray(700_000_000); time.sleep(20)'
    _, errors = run('first', '--wait', code=1, script={'first': code}, mem='100')
    assert 'first failed: it took more memory than it asked for' in '\n'.join(errors)


def test_a_run_goes_on_without_its_process_and_keeps_the_lock(run, scripted):
    gate = scripted.folder / 'gate'
    code = f'end = time.time() + {2 * SECONDS}\nwhile not Path({str(gate)!r}).exists(): '
    code += 'assert time.time() < end; time.sleep(0.05)'
    lines, _ = run(script={'first': code})
    assert lines[-1].startswith('See how it goes: rastervision status ')
    _, errors = run(code=1)
    assert errors[-1].startswith('Error: Another run is at work in ')
    assert ' of slurm)' in errors[-1]
    gate.touch()
    wait_until(lambda: not queue())
    assert scripted.jobs('out') == ['first 0/1', 'many 0/1', 'last 0/1']
    run('first', '--wait')


@pytest.mark.parametrize(('signum', 'code'), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_jobs_that_are_waited_for_are_cancelled_with_the_run(slurm, scripted, signum, code):
    script = {'first': '(root / "pid").write_text(str(os.getpid())); time.sleep(60)'}
    started = Run(scripted, '--wait', script=script)
    pid_file = scripted.folder / 'out' / 'pid'
    wait_until(lambda: pid_file.exists() and pid_file.read_text())
    os.killpg(started.process.pid, signum)  # as a terminal does it
    started.end(code)
    wait_until(lambda: not queue())
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
    record = read_record(record_uri(str(scripted.folder / 'out'), 'first'))
    assert (record.status, record.reason) == ('failed', 'it was interrupted')


def test_nothing_starts_if_slurm_refuses_something(run, scripted):
    _, errors = run(code=1, gpu_partition='nowhere')
    assert errors[-1].startswith('Error: SLURM does not take last: invalid partition specified')
    assert 'The partitions are: debug, gpu.' in errors[-1]
    assert scripted.jobs('out') == []
    _, errors = run(code=1, cpus='1000')
    assert 'The first jobs may ask for more than any machine has' in errors[-1]
    _, errors = run(code=1, mem='much')
    assert errors[-1].startswith('Error: SLURM does not take first: Invalid --mem specification.')


def test_outputs_do_not_depend_on_the_runner_and_the_splits(project, cli, slurm):
    files = {}
    for runner, splits in (('inprocess', '1'), ('slurm', '2')):
        root = project / runner
        args = (project / 'config.py', 'analyze', 'chip', '-a', 'root_uri', root)
        cli('run', runner, *args, '-a', 'from_chips', 'true', '-s', splits, '--wait')
        outputs = [path for name in ('analyze', 'chip') for path in (root / name).rglob('*')]
        files[runner] = {
            path.relative_to(root): path.read_bytes() for path in outputs if path.is_file()
        }
    assert len(files['slurm']) > 1
    assert files['slurm'] == files['inprocess']
