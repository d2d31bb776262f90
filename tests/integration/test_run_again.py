"""A second run does what is needed, and nothing else."""

import json
import os
import shutil
from pathlib import Path

import pytest

CONFIG = 'config.py'
EVALUATORS = 'evaluators=[SemanticSegmentationEvaluatorConfig(output_uri={!r})],'
EXPERIMENTS = """

def get_configs(runner, root_uri: str):
    configs = []
    for name, lr in (('one', 1e-2), ('two', 1e-3)):
        config = make_config(runner, f'{root_uri}/{name}', from_chips=True)
        config.analyze_uri, config.chip_uri = f'{root_uri}/analyze', f'{root_uri}/chip'
        config.backend.solver.lr = lr
        configs.append(config)
    return configs
"""


@pytest.fixture
def run(project, cli):
    """Return a function that runs the project and tells what each command did."""

    def run(*args, root='root'):
        args = ('-a', 'root_uri', project / root, *args)
        output = cli('run', 'inprocess', project / CONFIG, *args).output
        lines = output.splitlines()
        ran = [line.split()[1] for line in lines if line.startswith('Running ')]
        why = dict(line.split(' runs: ') for line in lines if ' runs: ' in line)
        spared = [line.split()[0] for line in lines if line.endswith(' is up to date')]
        return ran, why, spared

    return run


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def touch(path):
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


ALL = ['analyze', 'chip', 'train', 'predict', 'eval', 'bundle']


@pytest.mark.slow  # trains a few times
def test_what_has_to_run_follows_from_what_has_changed(run, project):
    root = project / 'root'
    assert run() == (ALL, {}, [])
    assert run() == ([], {}, ALL)

    edit(
        project / CONFIG,
        'chip_options=',
        EVALUATORS.format(str(project / 'scores')) + 'chip_options=',
    )
    ran, why, _ = run()
    assert ran == ['eval', 'bundle']
    assert why == {'eval': 'evaluators changed', 'bundle': 'evaluators changed'}

    (root / 'predict/b/labels.tif').unlink()
    ran, why, _ = run()
    assert ran == ['predict', 'eval']
    assert why == {
        'predict': f'its output {root}/predict/b/labels.tif is missing',
        'eval': 'PREDICT runs',
    }

    touch(project / 'b.geojson')
    ran, why, spared = run()
    assert why['train'] == f'{project}/b.geojson changed'
    assert spared == ['analyze', 'chip']

    touch(project / 'a.tif')
    ran, why, spared = run()
    assert ran[0] == 'analyze'
    assert why['analyze'] == f'{project}/a.tif changed'
    assert run() == ([], {}, ALL)


@pytest.mark.slow  # trains twice
def test_commands_by_name_and_force(run, project):
    assert run('analyze', 'train') == (['analyze', 'train'], {}, [])
    assert run('train') == ([], {}, ['train'])
    before = (project / 'root/train/log.csv').read_text()
    ran, why, _ = run('train', '--rerun')
    assert ran == ['train']
    assert why == {'train': '--rerun asks for it'}
    assert len((project / 'root/train/log.csv').read_text().splitlines()) == len(
        before.splitlines()
    )
    ran, why, spared = run('predict', '-s', '2')
    assert ran == ['predict', 'predict', 'finish_predict']
    assert run('predict') == ([], {}, ['predict'])


@pytest.mark.slow  # trains twice
def test_experiments_share_what_is_the_same(run, project):
    edit(project / CONFIG, 'def get_config(', 'def make_config(')
    (project / CONFIG).write_text((project / CONFIG).read_text() + EXPERIMENTS)
    ran, _, _ = run('analyze', 'chip', 'train', 'bundle')
    assert ran == ['analyze', 'chip', 'train', 'bundle', 'train', 'bundle']
    ran, _, spared = run('analyze', 'chip', 'train', 'bundle')
    assert ran == []
