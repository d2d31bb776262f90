"""The example of plugins, installed and named by a profile as its README tells."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / 'examples' / 'noop_backend_plugin'


@pytest.fixture(scope='module')
def environment(tmp_path_factory):
    """The environment of a process that has the package, and profiles."""
    folder = tmp_path_factory.mktemp('plugin')
    install = ['pip', 'install', '--no-deps', '--no-build-isolation', '--no-index', '--quiet']
    subprocess.run(
        [sys.executable, '-m', *install, f'--target={folder / "site"}', EXAMPLE],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (folder / 'home').mkdir()
    (folder / 'home' / 'plugin').write_text((EXAMPLE / 'profile').read_text())
    return os.environ | {
        'PYTHONPATH': str(folder / 'site'),
        'RV_CONFIG_DIR': str(folder / 'home'),
        'OMP_NUM_THREADS': '1',
    }


@pytest.fixture
def rv(environment):
    """Return a function that runs the command line in a process, and gives its output."""

    def run(*args, code=0):
        done = subprocess.run(
            [sys.executable, '-m', 'rastervision.pipeline', *map(str, args)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return run


def test_the_readme_shows_the_profile():
    assert f'```ini\n{(EXAMPLE / "profile").read_text()}```' in (EXAMPLE / 'README.md').read_text()


@pytest.mark.slow  # starts a process for each job
@pytest.mark.skipif(sys.platform == 'win32', reason='the profile starts jobs by "nice"')
def test_the_backend_and_the_runner_that_a_profile_names(rv, tmp_path):
    args = (EXAMPLE / 'noop_cells.py', '-a', 'class_id', '1', 'predict', 'eval', '-a', 'root_uri')
    rv('-p', 'plugin', 'run', 'inprocess', *args, tmp_path / 'a', 'analyze', 'chip', 'train')
    rv('-p', 'plugin', 'run', 'wrapped', *args, tmp_path / 'b')
    scores = json.loads((tmp_path / 'a/eval/validation_scenes/eval.json').read_text())['overall']
    recall = {item['class_name']: item['metrics']['recall'] for item in scores[:2]}
    assert recall == {'no_building': 0, 'building': 1}
    results = [p.relative_to(tmp_path / 'a') for p in (tmp_path / 'a').glob('[pe]*/**/*.json')]
    assert len(results) == 4
    for path in results:
        assert (tmp_path / 'a' / path).read_bytes() == (tmp_path / 'b' / path).read_bytes()
    assert {p.stem for p in (tmp_path / 'b/logs').iterdir()} == {'predict', 'eval'}

    config = tmp_path / 'a/pipeline-config.json'
    rv('run_command', config, 'train')  # what the profile says travels with the config
    content = json.loads(config.read_text())
    del content['rv_config']
    config.write_text(json.dumps(content))
    assert "Unknown type hint 'noop_backend'" in rv('run_command', config, 'train', code=1)
    assert "Unknown runner 'wrapped'" in rv('run', 'wrapped', config, code=1)


@pytest.mark.slow
def test_the_tests_of_the_example_pass(environment):
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '--rootdir', '.', 'tests'],
        cwd=EXAMPLE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
