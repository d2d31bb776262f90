"""Plugins found where they are installed. Each test runs a new Python: discovery is per process."""

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import pytest

from rastervision.pipeline import plugins
from rastervision.pipeline.errors import ConfigError, RegistryError
from rastervision.pipeline.registry import Registry
from rastervision.pipeline.rv_config import RVConfig


def run(code: str, *path: Path, cwd: Path, **env: str) -> str:
    """What a new Python prints that finds modules in the given folders too."""
    python_path = os.pathsep.join(filter(None, [*map(str, path), os.environ.get('PYTHONPATH')]))
    done = subprocess.run(
        [sys.executable, '-c', dedent(code)],
        cwd=cwd,
        env={**os.environ, 'PYTHONPATH': python_path, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text))
    return path


CONFIG_MODULE = """
    from rastervision.pipeline.config import Config, register_config

    @register_config('{hint}')
    class {name}(Config):
        level: int = 1
"""
LOOK_UP = """
    from rastervision.pipeline.config import Config
    from rastervision.pipeline.errors import ConfigError
    try:
        cfg = Config.from_dict({{'type_hint': '{hint}'}})
        print(type(cfg).__name__, cfg.to_dict(with_rv_metadata=True)['plugin_versions'])
    except ConfigError as e:
        print(e)
"""


def test_namespace_packages_are_found(tmp_path: Path) -> None:
    package = tmp_path / 'site' / 'rastervision' / 'shouting'
    write(package / 'configs.py', CONFIG_MODULE.format(hint='shout', name='ShoutConfig'))
    write(
        package / '__init__.py',
        """
        import rastervision.pipeline
        import rastervision.shouting.configs

        def register_plugin(registry):
            registry.set_plugin_version('rastervision.shouting', 4)
        """,
    )
    printed = run(LOOK_UP.format(hint='shout'), tmp_path / 'site', cwd=tmp_path)
    assert printed == "ShoutConfig {'rastervision.shouting': 4}"


@pytest.mark.parametrize('value', ['my_plugin.hooks', 'my_plugin.hooks:register'])
def test_entry_points_are_found(tmp_path: Path, value: str) -> None:
    site = tmp_path / 'site'
    write(site / 'my_plugin' / '__init__.py', '')
    write(site / 'my_plugin' / 'configs.py', CONFIG_MODULE.format(hint='ep', name='EpConfig'))
    write(
        site / 'my_plugin' / 'hooks.py',
        """
        import my_plugin.configs

        def register(registry):
            registry.set_plugin_version('my_plugin', 2)

        register_plugin = register
        """,
    )
    info = site / 'my_plugin-1.0.dist-info'
    write(info / 'METADATA', 'Metadata-Version: 2.1\nName: my-plugin\nVersion: 1.0\n')
    write(info / 'entry_points.txt', f'[rastervision.plugins]\nmine = {value}\n')
    expected = "EpConfig {'my_plugin': 2}"
    assert run(LOOK_UP.format(hint='ep'), site, cwd=tmp_path) == expected
    imported_directly = """
        from my_plugin.configs import EpConfig
        print('EpConfig', EpConfig().to_dict(with_rv_metadata=True)['plugin_versions'])
    """
    assert run(imported_directly, site, cwd=tmp_path) == expected


@pytest.mark.parametrize('style', ['{}', '["{}"]'])
def test_files_and_modules_of_the_profile_are_found(tmp_path: Path, style: str) -> None:
    file = write(tmp_path / 'my plugin é.py', CONFIG_MODULE.format(hint='f', name='FileConfig'))
    write(tmp_path / 'site' / 'plug_mod.py', CONFIG_MODULE.format(hint='m', name='ModConfig'))
    write(
        tmp_path / 'home' / 'plugged',
        f'[PLUGINS]\nfiles={style.format(file.as_posix())}\nmodules={style.format("plug_mod")}\n',
    )
    env = {'RV_CONFIG_DIR': str(tmp_path / 'home'), 'RV_PROFILE': 'plugged', 'PYTHONUTF8': '1'}
    for hint, name in (('f', 'FileConfig'), ('m', 'ModConfig')):
        printed = run(LOOK_UP.format(hint=hint), tmp_path / 'site', cwd=tmp_path, **env)
        assert printed.startswith(name)
    printed = run(LOOK_UP.format(hint='f'), cwd=tmp_path, RV_CONFIG_DIR=str(tmp_path / 'none'))
    assert "Unknown type hint 'f'" in printed


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The profile of a user, and nothing else with settings."""
    for name in ('RV_CONFIG', 'RV_PROFILE', 'PLUGINS_MODULES', 'PLUGINS_FILES'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('RV_CONFIG_DIR', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / 'default'


def test_a_named_plugin_that_does_not_load_is_a_warning(
    profile: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = write(profile.parent / 'broken.py', '1 / 0').as_posix()
    fine = write(profile.parent / 'fine.py', 'LOADED = True').as_posix()
    profile.write_text(f'[PLUGINS]\nmodules = ["not_there.mod"]\nfiles = {broken}, {fine}\n')
    registry = Registry(RVConfig())
    registry.load_named_plugins()
    place = f'of [PLUGINS] in {profile}'
    not_there = "ModuleNotFoundError: No module named 'not_there'"
    assert [record.getMessage() for record in caplog.records] == [
        f'Cannot load the plugin not_there.mod (modules {place}): {not_there}',
        f'Cannot load the plugin {broken} (files {place}): ZeroDivisionError: division by zero',
    ]
    caplog.clear()
    monkeypatch.setenv('PLUGINS_FILES', '/nope.py')
    registry.load_named_plugins()
    assert '/nope.py (files of [PLUGINS] in the environment): Cannot read' in caplog.text


def test_a_run_loads_the_plugins_that_are_named(profile: Path, tmp_path: Path) -> None:
    write(tmp_path / 'plug.py', "print('the plugin is loaded')")
    write(
        tmp_path / 'config.py',
        """
        from rastervision.pipeline.pipeline import PipelineConfig

        def get_config(runner):
            print('then the config')
            return PipelineConfig(root_uri='out')
        """,
    )
    profile.write_text('[PLUGINS]\nfiles = plug.py\n')
    for command in (['plan'], ['run', 'inprocess', '-n']):
        code = f'from rastervision.pipeline.cli import main; main({[*command, "config.py"]})'
        assert run(code, cwd=tmp_path).startswith('the plugin is loaded\nthen the config\n')


def test_a_list_that_is_none_is_an_error_except_in_the_help(profile: Path) -> None:
    profile.write_text('[PLUGINS]\nmodules = ["a", \n')
    told = re.escape(f'Cannot read modules of [PLUGINS] in {profile}: ') + '.* is not a list; '
    with pytest.raises(ConfigError, match=told):
        Registry(RVConfig()).load_named_plugins()
    code = "from rastervision.pipeline.cli import main; main(['--help'])"
    assert run(code, cwd=profile.parent).startswith('Usage: ')


def test_broken_plugins_are_named_with_their_reason(tmp_path: Path) -> None:
    site = tmp_path / 'site'
    write(site / 'rastervision' / 'crashing' / '__init__.py', 'import not_there_at_all')
    write(site / 'rastervision' / 'misspelt' / '__init__.py', 'def register_plugins(r): pass')
    write(site / 'rastervision' / 'no_args' / '__init__.py', 'def register_plugin(): pass')
    write(site / 'rastervision' / 'silent' / '__init__.py', '')
    code = """
        from rastervision.pipeline import registry_
        from rastervision.pipeline.errors import RegistryError
        try:
            registry_.get_runner('nobody')
        except RegistryError as e:
            print(e)
    """
    printed = run(code, site, cwd=tmp_path)
    assert 'rastervision.crashing (found in' in printed
    assert "ModuleNotFoundError: No module named 'not_there_at_all'" in printed
    assert 'it has no function register_plugin(registry). Did you mean register_plugins?' in printed
    assert 'register_plugin must take one argument, the registry' in printed
    assert 'silent' not in printed


def test_hooks_must_be_functions() -> None:
    with pytest.raises(RegistryError, match=r'register_plugin is str, not a function'):
        plugins.register('hook', Registry())


def test_plugin_files(tmp_path: Path) -> None:
    path = write(tmp_path / 'plug.py', 'x = []')
    first = plugins.load_file(str(path))
    assert plugins.load_file(str(path)) is first
    odd = tmp_path / os.fsdecode(b'l\xfctin.py')  # a name in another encoding than that of today
    with suppress(OSError):  # not every file system takes it
        assert plugins.load_file(str(write(odd, 'x = 1'))).x == 1
    with pytest.raises(RegistryError, match=r'plug\.txt is not a Python file'):
        plugins.load_file(str(write(tmp_path / 'plug.txt', '')))
    broken = write(tmp_path / 'broken.py', '1 / 0')
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            plugins.load_file(str(broken))
