"""The batch script, run by bash without SLURM."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from waiting import started, wait_until

from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.plan import plan
from rastervision.pipeline.runner.stages import stages
from rastervision.runners.slurm_script import batch_script
from rastervision.runners.slurm_settings import job_settings

pytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='batch scripts are for bash')

ODD = 'söme "odd" $HOME folder'


PIPELINE = SimpleNamespace(
    commands=['one', 'many'],
    split_commands=['many'],
    gpu_commands=['one'],
    gather_commands={'many': 'gather'},
)


@pytest.fixture
def settings(monkeypatch):
    """Return a function that sets values of the section [slurm]."""

    def set_values(**values: str):
        names = {f'SLURM_{key.upper()}': value for key, value in values.items()}
        monkeypatch.setattr(rv_config_, '_overrides', names)

    set_values()
    return set_values


@pytest.fixture
def folder(tmp_path) -> Path:
    path = tmp_path / ODD
    path.mkdir()
    return path


def program(path: Path, code: str = '') -> Path:
    """A program that prints the folder it runs in and its arguments, then does what `code` says."""
    path.write_text(f'#!/bin/bash\npwd\nprintf "<%s>\\n" "$@"\n{code}\n', encoding='utf-8')
    path.chmod(0o755)
    return path


def fake_python(folder, settings, code: str = '', **values: str) -> None:
    """Let jobs start such a program in place of Python."""
    path = program(folder / 'python', code)
    settings(python=shlex.quote(str(path)), **values)


def write(folder, command, gpu=False, modules=(), num_splits=2) -> Path:
    uri = str(folder / 'out' / 'pipeline-config.json')
    plans = stages(plan({uri: PIPELINE}, num_splits=num_splits))
    stage = next(stage for stage in plans if stage.jobs[0].command == command)
    path = folder / f'1-{command}.sh'
    path.write_text(batch_script(stage, job_settings(gpu), modules, path, folder), 'utf-8')
    return path


def run(script: Path, **environment: str) -> list[str]:
    """Lines that a script prints."""
    env = {**os.environ, **environment}
    done = subprocess.run(
        ['bash', script], env=env, capture_output=True, encoding='utf-8', check=False, timeout=60
    )
    return done.stdout.splitlines()


def test_arguments_arrive_whatever_letters_they_have(folder, settings):
    fake_python(folder, settings)
    script = write(folder, 'many', modules=[('my module', "/it's/ü.py"), ('other', None)])
    printed = run(script, SLURM_ARRAY_TASK_ID='1')
    assert printed[0] == str(folder)
    assert [line[1:-1] for line in printed[1:]] == [
        *('-m', 'rastervision.pipeline', 'run_command', f'{folder}/out/pipeline-config.json'),
        *('many', '--runner', 'slurm', '--num-splits', '2', '--split-ind', '1'),
        *('--module', 'my module', "/it's/ü.py", '--module', 'other', ''),
    ]


def test_a_gather_step_has_no_index_and_a_single_job_no_splits(folder, settings):
    fake_python(folder, settings)
    assert '--split-ind' not in write(folder, 'gather').read_text('utf-8')
    assert '--num-splits 2' in write(folder, 'gather').read_text('utf-8')
    assert '--num-splits' not in write(folder, 'one').read_text('utf-8')


def test_a_job_knows_where_its_output_goes(folder, settings):
    fake_python(folder, settings, 'echo "$RV_JOB_OUTPUT"')
    assert run(write(folder, 'one'))[-1] == f'{folder}/1-one.out'
    printed = run(write(folder, 'many'), SLURM_ARRAY_TASK_ID='3')
    assert printed[-1] == f'{folder}/1-many-3.out'


@pytest.mark.parametrize('code', [0, 1, 7])
def test_the_exit_code_is_left_in_a_file(folder, settings, code):
    fake_python(folder, settings, f'exit {code}')
    run(write(folder, 'many'), SLURM_ARRAY_TASK_ID='0')
    assert (folder / '1-many-0.exit').read_text() == f'{code}\n'
    run(write(folder, 'one'))
    assert (folder / '1-one.exit').read_text() == f'{code}\n'


def test_a_cancelled_job_cleans_up_and_has_not_gone_well(folder, settings):
    code = 'trap "echo cleaned > cleaned; exit 0" TERM; echo > started; while :; do sleep 0.1; done'
    fake_python(folder, settings, code)
    with started(['bash', write(folder, 'one')], start_new_session=True) as process:
        wait_until((folder / 'started').exists)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait() == 143
    assert (folder / 'cleaned').exists()
    assert (folder / '1-one.exit').read_text() == '143\n'


def test_the_preamble_goes_before(folder, settings):
    fake_python(
        folder, settings, 'echo "$GREETING"', preamble='GREETING="grüß  dich"\nexport GREETING'
    )
    assert run(write(folder, 'one'))[-1] == 'grüß  dich'


def test_a_container_sees_the_folders_and_the_gpu(folder, settings):
    program(folder / 'apptainer')
    settings(
        container='my image.sif', bind='/data, /scratch:/tmp', gpu_preamble='PATH="$PWD:$PATH"'
    )
    printed = [line[1:-1] for line in run(write(folder, 'one', gpu=True))[1:]]
    assert printed[: printed.index('-m')] == [
        *('exec', '--nv', f'--bind={folder}', f'--bind={folder}/out'),
        *('--bind=/data', '--bind=/scratch:/tmp', 'my image.sif', 'python3'),
    ]
    assert '--nv' not in write(folder, 'one').read_text('utf-8')


def test_the_job_has_the_options_of_the_command_line(folder, settings, monkeypatch):
    fake_python(folder, settings)
    monkeypatch.setattr(rv_config_, '_profile', 'my profile')
    monkeypatch.setattr(rv_config_, '_tmp_dir_root', '/big disk')
    monkeypatch.setattr(rv_config_, '_verbosity', 3)
    printed = [line[1:-1] for line in run(write(folder, 'one'))[3:8]]
    assert printed == ['--profile', 'my profile', '--tmpdir', '/big disk', '-vv']


def test_gpu_jobs_take_their_own_settings_where_there_are_some(settings):
    settings(
        partition='cpus', gpu_partition='gpus', time='1:00:00', gpu_gres='gpu:2', mem='4G',
        gpu_mem='', cpus='3', options='--exclusive --comment="two words"',
    )  # fmt: skip
    both = ('--exclusive', '--comment=two words')
    assert job_settings(gpu=False).options == (
        *('--partition=cpus', '--time=1:00:00', '--mem=4G', '--cpus-per-task=3', *both),
    )
    assert job_settings(gpu=True).options == (
        *('--partition=gpus', '--time=1:00:00', '--cpus-per-task=3', '--gres=gpu:2', *both),
    )
    assert job_settings(gpu=True).asks_for_gpu
    assert not job_settings(gpu=False).asks_for_gpu


def test_options_that_cannot_be_read_are_told(settings):
    settings(options='--comment="two words')
    with pytest.raises(ConfigError, match=r'options of \[slurm\] .*No closing quotation'):
        job_settings(gpu=False)
