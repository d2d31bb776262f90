"""Configs from files and modules: what is wrong with one is said in one line."""

import sys
import textwrap

import pytest

from rastervision.pipeline.cli import convert_bool_args, get_configs, get_configs_from_module
from rastervision.pipeline.errors import ConfigError, NotReadableError
from rastervision.pipeline.pipeline import PipelineConfig

GOOD = """
from rastervision.pipeline.pipeline import PipelineConfig

def get_config(runner, root_uri='out'):
    return PipelineConfig(root_uri=f'{root_uri}/{runner}')
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a config file and return its path; the working directory is an empty one."""
    monkeypatch.setattr(sys, 'path', [*sys.path])
    monkeypatch.chdir(tmp_path)

    def write(code: str, name: str = 'my_config.py') -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(code), encoding='utf-8')
        return str(path)

    return write


def test_a_python_file(write):
    (config,) = get_configs(write(GOOD, 'an ö dir/my config.py'), 'local', {'root_uri': 'x'})
    assert config.root_uri == 'x/local'


def test_a_module_of_the_working_directory(write):
    write(GOOD, 'a_config_module.py')
    (config,) = get_configs_from_module('a_config_module', 'local', {})
    assert config.root_uri == 'out/local'


def test_a_file_imports_what_lies_beside_it(write):
    write('ROOT = "helped"', 'conf/helper_of_config.py')
    code = GOOD.replace('def', 'from helper_of_config import ROOT\n\ndef', 1).replace(
        "'out'", 'ROOT'
    )
    (config,) = get_configs(write(code, 'conf/c.py'), 'local')
    assert config.root_uri == 'helped/local'


def test_several_configs(write):
    path = write(f'{GOOD}\n\ndef get_configs(runner):\n    return [get_config(runner, "b")]\n')
    assert [c.root_uri for c in get_configs(path, 'r')] == ['out/r']
    code = 'def get_configs(runner):\n    return 2 * [get_config(runner)]'
    path = write(GOOD.replace('def get_config(', 'def one(') + code.replace('get_config(', 'one('))
    assert len(get_configs(path, 'r')) == 2


def test_a_json_file(write, tmp_path):
    path = str(tmp_path / 'c.json')
    PipelineConfig(root_uri='x').to_file(path)
    assert [c.root_uri for c in get_configs(path)] == ['x']
    with pytest.raises(ConfigError, match=r'c\.json.*takes no arguments \(n\)'):
        get_configs(path, 'r', {'n': '1'})


def test_missing_files_and_modules_are_named(write):
    write(GOOD, 'near.py')
    for source, text in {
        'no.py': r'no config file no\.py',
        'no.json': r'no config file no\.json',
        'no.module': r"no module 'no\.module'",
        'missing': "no module 'missing'",
        'tiny_buildings': r'mean rastervision\.pytorch_backend\.examples\.tiny_buildings\?',
        'a/b': 'a/b is not a config',
        'near.': 'no module',
    }.items():
        with pytest.raises(ConfigError, match=text):
            get_configs(source, 'r')
    sys.path.remove(str(write(GOOD).removesuffix('/my_config.py')))
    with pytest.raises(NotReadableError, match=r'http://127\.0\.0\.1:9/c\.py'):
        get_configs('http://127.0.0.1:9/c.py', 'r')


@pytest.mark.parametrize(
    ('code', 'message'),
    [
        ('x = 1', r'c\.py has no function get_config'),
        ('\n1 / 0', r'c\.py:2: ZeroDivisionError: division by zero'),
        ('def get_config(runner):\n    x = {}\n    return x["a"]', r"c\.py:3: KeyError: 'a'"),
        ('def get_config(runner:\n', r'c\.py:1: SyntaxError'),
        ('import no_such_module', r'c\.py:1: ModuleNotFoundError.*no_such_module'),
        ('raise SystemExit(3)', r'c\.py:1: SystemExit: 3'),
        (
            'def get_config(runner):\n    pass',
            r'get_config returned None; it must return a Pipeline',
        ),
        ('def get_config(runner):\n    return 5', 'returned a value of type int'),
        ('def get_configs(runner):\n    return []', 'returned an empty list'),
        (
            GOOD.replace('root_uri=f', 'root_urk=f'),
            r'c\.py:5: .*root_urk',
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(write, code, message):
    with pytest.raises(ConfigError, match=message) as caught:
        get_configs(write(code, 'c.py'), 'r')
    assert '\n' not in str(caught.value)


def test_a_failing_module_is_named_with_its_line(write):
    write('\n\nraise RuntimeError("no")', 'failing_module.py')
    with pytest.raises(ConfigError, match='failing_module:3: RuntimeError: no'):
        get_configs('failing_module', 'r')
    write('raise RuntimeError("no")', 'failing_package/__init__.py')
    write(GOOD, 'failing_package/config.py')
    with pytest.raises(ConfigError, match=r'failing_package\.config.*RuntimeError: no'):
        get_configs('failing_package.config', 'r')


def test_convert_bool_args_leaves_its_input_alone():
    args = {'a': 'True', 'b': 'false', 'c': 'x', 'd': 3}
    assert convert_bool_args(args) == {'a': True, 'b': False, 'c': 'x', 'd': 3}
    assert args['a'] == 'True'
