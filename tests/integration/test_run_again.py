"""A second run does what is needed, and nothing else."""

import os

import pytest

CONFIG = 'config.py'
EVALUATORS = 'evaluators=[SemanticSegmentationEvaluatorConfig(output_uri=f"{root_uri}/scores")],'
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

    def run(*args, runner='inprocess'):
        args = ('-a', 'root_uri', project / 'root', *args)
        output = cli('run', runner, project / CONFIG, *args).output
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


@pytest.mark.slow  # trains three times
def test_what_has_to_run_follows_from_what_has_changed(run, project):
    root = project / 'root'
    log, stats = root / 'train/log.csv', root / 'analyze/stats/train_scenes/stats.json'
    assert run() == (ALL, {}, [])
    assert run() == ([], {}, ALL)

    edit(project / CONFIG, 'chip_options=', f'{EVALUATORS}chip_options=')
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

    before = log.stat().st_mtime_ns
    touch(project / 'b.geojson')
    ran, why, spared = run()
    assert why['train'] == f'{project}/b.geojson changed'
    assert spared == ['analyze', 'chip']
    assert log.stat().st_mtime_ns > before, 'it trains anew'

    before = log.stat().st_mtime_ns
    stats.unlink()
    ran, why, spared = run()
    assert (ran, spared) == (['analyze', 'train', 'predict', 'eval', 'bundle'], ['chip'])
    assert why['analyze'] == f'its output {stats} is missing'
    assert log.stat().st_mtime_ns == before, 'the same statistics again are no reason to train anew'
    assert run() == ([], {}, ALL)


@pytest.mark.slow  # trains twice
def test_commands_by_name_and_by_force(run, project):
    assert run('analyze', 'train', 'predict') == (['analyze', 'train', 'predict'], {}, [])
    assert run('train') == ([], {}, ['train'])
    root = project / 'root'
    before = {
        name: (root / name).stat().st_ino for name in ('train/log.csv', 'predict/b/labels.tif')
    }
    ran, why, _ = run('train', 'predict', '--rerun')
    assert ran == ['train', 'predict']
    assert set(why.values()) == {'--rerun asks for it'}
    assert all((root / name).stat().st_ino != number for name, number in before.items())
    epochs = (root / 'train/log.csv').read_text().splitlines()
    assert len(epochs) == 2, 'one epoch below the names of the columns'


@pytest.mark.slow  # worker processes
def test_splits_and_runners_know_each_others_records(run):
    assert run('analyze', 'train', runner='local')[0][-1] == 'train'
    assert run('analyze', 'train') == ([], {}, ['analyze', 'train'])
    assert run('predict', '-s', '2')[0] == ['predict', 'predict', 'finish_predict']
    assert run('predict', runner='local') == ([], {}, ['predict'])


@pytest.mark.slow  # trains twice
def test_experiments_share_what_is_the_same(run, project):
    edit(project / CONFIG, 'def get_config(', 'def make_config(')
    (project / CONFIG).write_text((project / CONFIG).read_text() + EXPERIMENTS)
    commands = ('analyze', 'chip', 'train', 'bundle')
    assert run(*commands)[0] == [*commands, 'train', 'bundle']
    assert run(*commands)[0] == []
    edit(project / CONFIG, "('one', 1e-2), ('two', 1e-3)", "('three', 1e-1),")
    ran, _, spared = run('analyze', 'chip')
    assert (ran, spared) == ([], ['analyze', 'chip']), 'another run knows what they have done'
