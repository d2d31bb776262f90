"""New projects: what they are called, what is in them, and what is refused."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rastervision.pipeline import rv_config_
from rastervision.pipeline.cli import main
from rastervision.pipeline.cli_init import TASKS, make_project, package_name
from rastervision.pipeline.errors import ConfigError
from rastervision.runners.slurm_settings import job_settings


def tool(*words: str | Path, cwd: Path) -> str:
    """What a program says about a folder."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)
    return '' if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize('task', TASKS)
def test_the_code_of_a_project_is_clean(tmp_path: Path, task: str) -> None:
    project = tmp_path / 'My Trees-2'
    make_project(project, task, ['tree', 'dead tree'])
    ruff = [sys.executable, '-m', 'ruff']
    assert tool(*ruff, 'check', '--no-cache', cwd=project) == ''
    assert tool(*ruff, 'format', '--check', '--no-cache', cwd=project) == ''
    left = [p for p in project.rglob('*') if '{' in p.name or p.suffix in {'.jinja', '.yml'}]
    assert not left
    assert "    'dead tree',\n" in (project / 'config.py').read_text()
    assert (project / 'my_trees_2' / '__init__.py').exists()
    assert (project / 'README.md').read_text().startswith('# My Trees-2\n')


def test_the_files_for_engines_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path / 'trees', TASKS[0], ['tree'])
    monkeypatch.setenv('RV_CONFIG', str(tmp_path / 'trees/slurm/settings.ini'))
    rv_config_.set_everett_config()
    assert job_settings(gpu=True).asks_for_gpu
    assert '--time=04:00:00' in job_settings(gpu=False).options
    assert not job_settings(gpu=False).asks_for_gpu
    if sys.platform != 'win32':
        assert tool('sh', '-n', 'slurm/submit.sh', cwd=tmp_path / 'trees') == ''
    hadolint = Path(sys.executable).parent / 'hadolint'
    if hadolint.exists():
        assert tool(hadolint, 'Dockerfile', cwd=tmp_path / 'trees') == ''


def test_the_command_line(tmp_path: Path) -> None:
    words = ['init', str(tmp_path / 'roofs'), '--classes', 'roof, road']
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert "'roof',\n    'road',\n    'background',\n" in (tmp_path / 'roofs/config.py').read_text()
    again = CliRunner().invoke(main, words)
    assert again.exit_code == 1
    assert f'{tmp_path / "roofs"} is there already' in again.output


@pytest.mark.parametrize('task', TASKS)
def test_what_is_not_labelled_is_background_where_the_task_has_one(
    tmp_path: Path, task: str
) -> None:
    make_project(tmp_path / 'trees', task, ['tree'])
    config = (tmp_path / 'trees/config.py').read_text()
    expected = task in {'chip_classification', 'semantic_segmentation'}
    assert ("    'background',\n" in config) == expected
    assert ('TARGETS = [' in config) == (task == 'chip_regression')


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('2trees', 'cannot be the name of a Python package'),
        ('bäume', 'cannot be the name of a Python package'),
        ('class', 'cannot be the name of a Python package'),
        ('numpy', 'the name of another module'),
        ('Json', 'the name of another module'),
        ('rastervision', 'the name of another module'),
        ('tests', 'the name of another module'),
    ],
)
def test_names_that_cannot_be(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        package_name(tmp_path / name)


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        (['tree', ''], r"'' cannot be a class"),
        (["it's"], r'"it\'s" cannot be a class'),
        (['a', 'b', 'a'], 'The classes must differ, got a, b, a'),
    ],
)
def test_classes_that_cannot_be(tmp_path: Path, classes: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_project(tmp_path / 'trees', TASKS[0], classes)
    assert not (tmp_path / 'trees').exists()


def test_git_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('PATH', str(tmp_path))
    assert shutil.which('git') is None
    make_project(tmp_path / 'trees', TASKS[0], ['tree'])
    assert (tmp_path / 'trees/config.py').exists()


def test_a_missing_copier_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'copier', None)
    with pytest.raises(ConfigError, match=r'pip install "rastervision\[init\]"'):
        make_project(tmp_path / 'trees', TASKS[0], ['tree'])
