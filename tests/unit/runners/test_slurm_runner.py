"""What the slurm runner submits: to doubles of SLURM's programs that take notes."""

import json
import os
import sys

import pytest
from click.testing import CliRunner

from rastervision.pipeline import rv_config_
from rastervision.pipeline.cli_status import status
from rastervision.pipeline.errors import ConfigError, NotWritableError, StageError
from rastervision.pipeline.file_system import str_to_file
from rastervision.pipeline.plan import plan
from rastervision.pipeline.state import recorded
from rastervision.runners import SlurmRunner

pytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='doubles are shell scripts')

SBATCH = """
case "$*" in *"$REFUSED"*) echo "sbatch: error: not $REFUSED" >&2; exit 1 ;; esac
grep -c '^<sbatch>' "$CALLS"
"""
TIMED_OUT = 'slurmstepd-n1: error: *** JOB 1 ON n1 CANCELLED AT 2026 DUE TO TIME LIMIT ***'


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """Programs that give job ids from 1 on; returns a function that tells words of each call."""
    folder, notes = tmp_path / 'bin', tmp_path / 'calls'
    folder.mkdir()
    for name, code in (('sbatch', SBATCH), ('scontrol', ''), ('scancel', '')):
        note = f'printf "<%s>" {name} "$@" >> "$CALLS"; echo >> "$CALLS"'
        (folder / name).write_text(f'#!/bin/bash\n{note}\n{code}')
        (folder / name).chmod(0o755)
    monkeypatch.setenv('PATH', f'{folder}{os.pathsep}{os.environ["PATH"]}')
    monkeypatch.setenv('CALLS', str(notes))
    monkeypatch.setenv('REFUSED', 'nothing')
    monkeypatch.setattr(rv_config_, '_overrides', {'SLURM_MEM': '2G', 'SLURM_GPU_GRES': 'gpu:1'})
    return lambda: [line[1:-1].split('><') for line in notes.read_text('utf-8').splitlines()]


def submit(*pipelines, num_splits=2, runner=None) -> SlurmRunner:
    runner = runner or SlurmRunner()
    jobs = plan(dict(pipelines), num_splits=num_splits)
    runner.run_jobs(jobs, dict(pipelines), num_splits, 'my-run')
    return runner


def test_stages_wait_for_each_other_and_the_first_starts_last(calls, scripted, capsys):
    runner = submit(scripted.pipeline('100% out'))
    assert runner.engine_jobs() == ('1', '2', '3', '4')
    *submissions, release = calls()
    (folder,) = (scripted.folder / '100% out' / 'slurm').iterdir()
    escaped = str(folder).replace('100%', '100%%')
    assert submissions == [
        [
            *('sbatch', '--parsable', f'--job-name=my-run-{command}'),
            f'--output={escaped}/{number}-{command}{"-%a" * len(array)}.out',
            *('--kill-on-invalid-dep=yes', *array, order, '--mem=2G', *gpu),
            f'{folder}/{number}-{command}.sh',
        ]
        for number, command, array, order, gpu in [
            (1, 'first', [], '--hold', []),
            (2, 'many', ['--array=0-1'], '--dependency=afterok:1', []),
            (3, 'gather', [], '--dependency=afterok:2', []),
            (4, 'last', [], '--dependency=afterok:3', ['--gres=gpu:1']),
        ]
    ]
    assert release == ['scontrol', 'release', '1']
    assert capsys.readouterr().out.splitlines() == [
        'first is job 1',
        'many is job 2 (2 splits), after 1',
        'gather is job 3, after 2',
        'last is job 4, after 3',
        f'Scripts and output are in {folder}',
        f"See how it goes: rastervision status '{folder.parents[1]}'",
    ]


def test_pipelines_are_submitted_together(calls, scripted, capsys):
    submit(scripted.pipeline('one'), scripted.pipeline('two'), num_splits=1)
    assert calls()[-1] == ['scontrol', 'release', '1,4']
    assert '--dependency=afterok:4' in calls()[4]
    assert 'two: many is job 5, after 4' in capsys.readouterr().out.splitlines()


def test_no_job_starts_before_the_lock_knows_all(calls, scripted):
    runner, noted = SlurmRunner(), []
    runner.note = lambda: noted.append((runner.engine_jobs(), len(calls())))
    submit(scripted.pipeline('out'), runner=runner)
    assert noted == [(('1', '2', '3', '4'), 4)]
    assert calls()[4][0] == 'scontrol'


def test_jobs_that_the_lock_cannot_know_are_cancelled(calls, scripted):
    def note():
        raise NotWritableError('the store is away')

    runner = SlurmRunner()
    runner.note = note
    with pytest.raises(NotWritableError, match='the store is away'):
        submit(scripted.pipeline('out'), runner=runner)
    assert [call[0] for call in calls()] == [*['sbatch'] * 4, 'scancel']


def test_what_was_accepted_is_cancelled_if_something_is_refused(calls, scripted, monkeypatch):
    monkeypatch.setenv('REFUSED', 'gather')
    with pytest.raises(StageError, match='SLURM does not take gather: not gather'):
        submit(scripted.pipeline('out'))
    assert calls()[-1] == ['scancel', '--quiet', '1', '2']
    assert ['scontrol'] not in [call[:1] for call in calls()]


def test_a_remote_root_needs_a_folder_for_scripts(calls, scripted, tmp_path, monkeypatch):
    _, pipeline = scripted.pipeline('out')
    remote = ('s3://bucket/out/pipeline-config.json', pipeline)
    with pytest.raises(ConfigError, match=r'cannot go beside s3://.* as work_dir in the section'):
        submit(remote)
    monkeypatch.setitem(rv_config_._overrides, 'SLURM_WORK_DIR', str(tmp_path / 'shared'))
    submit(remote)
    (folder,) = (tmp_path / 'shared').iterdir()
    assert {path.name for path in folder.iterdir()} == {
        *('1-first.sh', '2-many.sh', '3-gather.sh', '4-last.sh')
    }


def test_jobs_import_the_modules_that_no_plugin_has(calls, scripted):
    submit(scripted.pipeline('out'))
    script = next((scripted.folder / 'out' / 'slurm').rglob('1-first.sh')).read_text('utf-8')
    assert script.count('--module') == 1
    assert f"'{scripted.config_file}'" in script


def test_a_gpu_that_is_not_asked_for_is_told(calls, scripted, caplog, monkeypatch):
    submit(scripted.pipeline('out'))
    assert caplog.records == []
    monkeypatch.setitem(rv_config_._overrides, 'SLURM_GPU_GRES', '')
    submit(scripted.pipeline('out'))
    (record,) = caplog.records
    assert record.message.startswith('last will have no GPU: ')


@pytest.mark.parametrize(
    ('output', 'run', 'reason'),
    [
        (TIMED_OUT, 'r', 'it reached its time limit; raise time in [slurm]'),
        ('far too slow', 'r', 'it was interrupted'),
        (None, 'r', 'it was interrupted'),
        (TIMED_OUT, 'later', 'it was interrupted'),
    ],
)
def test_the_status_says_why_slurm_has_ended_a_job(
    scripted, tmp_path, monkeypatch, output, run, reason
):
    """As long as the lock is that of the run, which tells its runner; else where to look."""
    path = tmp_path / '1-first.out'
    if output is not None:
        path.write_text(f'Running first command...\n{output}\n')
    monkeypatch.setenv('RV_JOB_OUTPUT', str(path))
    _, pipeline = scripted.pipeline('out')
    lock = scripted.folder / 'out/state/lock.json'
    str_to_file(json.dumps({'run': 'r', 'runner': 'slurm'}), str(lock))
    with pytest.raises(KeyboardInterrupt), recorded(pipeline, 'first', 0, 1, 'first.log'):
        raise KeyboardInterrupt
    lock.write_text(json.dumps({'run': run, 'runner': 'slurm'}))
    result = CliRunner().invoke(status, [pipeline.config.root_uri])
    assert f'first stopped: {reason}\n  log: first.log\n  log: {path}' in result.output
