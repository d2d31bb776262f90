"""Which GPUs there are, and which job gets which, from faked lists."""

import os
import subprocess
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from rastervision.pipeline.cli import main
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.plan import plan
from rastervision.pipeline.runner import gpus, local_runner
from rastervision.pipeline.runner.gpus import VISIBLE, least_used, use_gpus, visible_gpus

TWO = """\
GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-5f2a6f9e-0000-1111-2222-333344445555)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-aaaabbbb-0000-1111-2222-333344445555)
"""
MIG = """\
GPU 0: NVIDIA A100 (UUID: GPU-1)
  MIG 3g.20gb     Device  0: (UUID: MIG-a)
  MIG 3g.20gb     Device  1: (UUID: MIG-GPU-1/2/0)
GPU 1: NVIDIA A100 (UUID: GPU-2)
"""


@pytest.fixture
def smi(monkeypatch):
    """Return a function that sets what nvidia-smi says; None: it is not there."""
    monkeypatch.delenv(VISIBLE, raising=False)

    def say(text):
        def answer(*_, **__):
            if text is None:
                raise FileNotFoundError
            return SimpleNamespace(stdout=text)

        monkeypatch.setattr(subprocess, 'run', answer)

    return say


@pytest.mark.parametrize(
    ('text', 'names'),
    [
        (
            TWO,
            [f'GPU-{start}-0000-1111-2222-333344445555' for start in ('5f2a6f9e', 'aaaabbbb')],
        ),
        (MIG, ['MIG-a', 'MIG-GPU-1/2/0', 'GPU-2']),
        ('No devices found.', []),
    ],
)
def test_gpus_of_the_driver(smi, text, names):
    smi(text)
    assert visible_gpus() == names


@pytest.mark.parametrize(
    ('value', 'names'),
    [('0,2', ['0', '2']), (' 1 , 3,-1,4', ['1', '3']), ('', []), ('-1', []), ('GPU-a', ['GPU-a'])],
)
def test_the_variable_goes_before_the_driver(smi, monkeypatch, value, names):
    smi(TWO)
    monkeypatch.setenv(VISIBLE, value)
    assert visible_gpus() == names


@pytest.mark.parametrize(
    ('variable', 'listed', 'used'),
    [
        (None, '1', 'GPU-aaaabbbb-0000-1111-2222-333344445555'),
        (None, ' GPU-5f2a6f9e-0000-1111-2222-333344445555', None),
        ('3,5', '0', '3'),
        ('3,5', '1, 0,1', '5,3'),
        ('3,5', '', ''),
        ('', ' ', ''),
    ],
)
def test_some_of_the_gpus_are_used(smi, monkeypatch, variable, listed, used):
    smi(TWO)
    monkeypatch.setenv(VISIBLE, 'put back after the test')
    monkeypatch.delenv(VISIBLE)
    if variable is not None:
        monkeypatch.setenv(VISIBLE, variable)
    use_gpus(listed)
    assert os.environ[VISIBLE] == (listed.strip() if used is None else used)


@pytest.mark.parametrize(
    ('text', 'listed', 'message'),
    [
        (TWO, '2', "no GPU '2' .* use 0 to 1"),
        (TWO, '0,,1', "no GPU ''"),
        (TWO, 'GPU-x', "no GPU 'GPU-x'"),
        (TWO, '-1', "no GPU '-1'"),
        ('', '0', 'there is none'),
    ],
)
def test_a_gpu_that_is_not_there_is_told(smi, text, listed, message):
    smi(text)
    with pytest.raises(ConfigError, match=message):
        use_gpus(listed)
    assert VISIBLE not in os.environ


def test_the_command_line_chooses_gpus_where_it_can(scripted, monkeypatch):
    monkeypatch.setenv(VISIBLE, '3,5,7')
    uri, _ = scripted.pipeline('out', first=f'print("sees", os.environ["{VISIBLE}"])')

    def run(runner, listed):
        return CliRunner().invoke(main, ['run', runner, uri, 'first', '--rerun', '--gpus', listed])

    assert 'sees 5,7' in run('local', '1,2').output
    refused = run('slurm', '0')
    assert refused.exit_code == 1
    assert "The runner 'slurm' takes no --gpus" in refused.output


def test_without_the_tool_the_files_of_the_driver_are_read(smi, monkeypatch, tmp_path):
    smi(None)
    monkeypatch.setattr(gpus, 'DRIVER_FOLDER', tmp_path)
    assert visible_gpus() == []
    for bus, uuid in (('0000:41:00.0', 'GPU-b'), ('0000:01:00.0', 'GPU-a')):
        (tmp_path / bus).mkdir()
        (tmp_path / bus / 'information').write_text(f'Model: A100\nGPU UUID:   {uuid}\n')
    assert visible_gpus() == ['GPU-a', 'GPU-b']


def test_jobs_go_to_the_gpu_with_the_fewest():
    used = []
    for _ in range(5):
        used.append(least_used(['a', 'b'], [None, *used]))
    assert used == ['a', 'b', 'a', 'b', 'a']


@pytest.mark.parametrize(
    ('names', 'splits', 'expected'),
    [
        (['a', 'b', 'c'], 3, ['a', 'b', 'c', None]),
        (['a', 'b'], 3, ['a', 'b', 'a', None]),
        (['a'], 3, [None] * 4),
        ([], 2, [None] * 3),
        (['a', 'b'], 1, [None]),
    ],
)
def test_gpu_jobs_beside_each_other_see_one_gpu_each(monkeypatch, names, splits, expected):
    pipeline = SimpleNamespace(
        commands=['predict'],
        split_commands=['predict'],
        gpu_commands=['predict'],
        gather_commands={'predict': 'join'},
    )
    monkeypatch.setattr(local_runner, 'visible_gpus', lambda: names)
    jobs = plan({'c': pipeline}, [], splits)
    run = local_runner._Run(jobs, {'c': []}, size=splits)
    given = []
    for job in jobs:
        given.append(run._gpu(job))
        run.busy[Mock(gpu=given[-1])] = None if job.gather else job
    assert given == expected


def test_a_worker_sees_its_gpu_only(scripted, monkeypatch):
    monkeypatch.setattr(local_runner, 'visible_gpus', lambda: ['GPU-a', 'GPU-b'])
    monkeypatch.setattr(local_runner, 'cpu_count', lambda: 2)
    tell = f'(root / f"gpu {{split}}").write_text(os.environ.get("{VISIBLE}", "all"))'
    code = f'{tell}\ntime.sleep(0.3)'  # so that the other one is busy, too
    uri, pipeline = scripted.pipeline('out', many=code)
    monkeypatch.setattr(type(pipeline), 'gpu_commands', ['many'])
    local_runner.LocalRunner().run(uri, pipeline, ['many'], 2)
    files = sorted((scripted.folder / 'out').glob('gpu *'))
    assert sorted(file.read_text() for file in files) == ['GPU-a', 'GPU-b']
