import sys
import threading
from collections.abc import Callable
from textwrap import dedent

import pytest

from rastervision.pipeline import plugins
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import RegistryError
from rastervision.pipeline.file_system.file_system import FileSystem
from rastervision.pipeline.file_system.http_file_system import HttpFileSystem
from rastervision.pipeline.file_system.local_file_system import LocalFileSystem
from rastervision.pipeline.plugins import PluginSource
from rastervision.pipeline.registry import Registry
from rastervision.pipeline.runner.inprocess_runner import InProcessRunner
from rastervision.pipeline.runner.runner import Runner


class Base(Config):
    type_hint = 'base'


class Derived(Base):
    type_hint = 'derived'


class FakeRunner(Runner):
    pass


class FakeFileSystem(FileSystem):
    @staticmethod
    def matches_uri(uri: str, mode: str) -> bool:
        return uri.startswith('fake://') and mode == 'r'


Plug = Callable[..., Registry]


@pytest.fixture
def registry_with(monkeypatch: pytest.MonkeyPatch) -> Plug:
    """A registry whose only plugins are the given functions, under their names."""

    def make(**hooks: Callable[[Registry], None]) -> Registry:
        registry = Registry()
        sources = [PluginSource(name, 'test', lambda h=hook: h) for name, hook in hooks.items()]
        monkeypatch.setattr(registry.loader, 'sources', lambda: iter(sources))
        return registry

    return make


def test_plugins_load_at_the_first_miss_and_no_further_than_needed(registry_with: Plug) -> None:
    loaded = []

    def first(registry: Registry) -> None:
        loaded.append('first')
        registry.add_config('base', Base, 'first')

    def second(registry: Registry) -> None:
        loaded.append('second')
        registry.add_config('derived', Derived, 'second')

    registry = registry_with(first=first, second=second)
    assert loaded == []
    assert registry.get_config('base') is Base
    assert loaded == ['first']
    assert registry.get_plugin('derived') == 'second'
    with pytest.raises(RegistryError):
        registry.get_config('nothing')
    assert loaded == ['first', 'second']


def test_lineage_is_oldest_first(registry_with: Plug) -> None:
    registry = registry_with()
    registry.add_config('base', Base, 'p')
    registry.add_config('derived', Derived, 'p', upgrader=lambda cfg, _: cfg)
    assert registry.get_type_hint_lineage('derived') == ['base', 'derived']
    assert registry.get_type_hint_lineage('base') == ['base']
    assert registry.get_upgrader('base') is None
    assert registry.get_upgrader('derived')({'a': 1}, 0) == {'a': 1}


def test_renamed_type_hints(registry_with: Plug) -> None:
    registry = registry_with()
    registry.add_config('base', Base, 'p')
    registry.register_renamed_type_hints('older', 'old')
    registry.register_renamed_type_hints('old', 'base')
    assert registry.get_config('older') is Base
    assert registry.current_type_hint('geo_data_window') == 'window_sampling'


def test_a_broken_plugin_is_named_and_does_not_stop_the_others(registry_with: Plug) -> None:
    def broken(registry: Registry) -> None:
        raise ImportError("No module named 'gdal'")

    def good(registry: Registry) -> None:
        registry.add_config('base', Base, 'good')

    registry = registry_with(broken=broken, good=good)
    assert registry.get_config('base') is Base
    with pytest.raises(RegistryError, match=r"Unknown type hint 'bass'\. Did you mean base\?") as e:
        registry.get_config('bass')
    assert "broken (test): ImportError: No module named 'gdal'" in str(e.value)
    with pytest.raises(RegistryError, match=r"Cannot load the plugin broken.*'gdal'"):
        registry.load_plugins(['broken'])
    with pytest.raises(RegistryError, match=r"Unknown plugin 'broken'(.|\n)*'gdal'"):
        registry.get_plugin_version('broken')


def test_plugins_by_name(registry_with: Plug) -> None:
    registry = registry_with(
        my_plugin=lambda r: r.set_plugin_version('my_plugin', 3), other=lambda _: None
    )
    assert registry.discover_plugins() == ['my_plugin', 'other']
    assert registry.get_plugin_version('my_plugin') == 3
    assert registry.get_plugin_version('other') == 0
    registry.load_plugins(['my_plugin'])
    registry.set_plugin_aliases('my_plugin', ['your_plugin'])
    assert registry.get_plugin_version('your_plugin') == 3
    assert registry.get_plugin_from_alias('your_plugin') == 'my_plugin'
    assert registry.get_plugin_from_alias('rastervision2.core') == 'rastervision.core'
    assert registry.get_plugin_from_alias('rastervision.core') is None
    with pytest.raises(RegistryError, match=r"Unknown plugin 'my_plugins'. Did you mean my_plugin"):
        registry.load_plugins(['my_plugins'])


@pytest.mark.parametrize('version', [-1, '1', 1.0, True, None])
def test_versions_are_whole_numbers(version: object) -> None:
    with pytest.raises(RegistryError, match=r'version of plugin p .* whole number'):
        Registry().set_plugin_version('p', version)


def test_runners(registry_with: Plug) -> None:
    registry = registry_with(p=lambda r: r.add_runner('fake', FakeRunner))
    assert registry.get_runner('inprocess') is InProcessRunner
    assert registry.runners.keys() == {'inprocess'}
    assert registry.get_runner('fake') is FakeRunner
    with pytest.raises(RegistryError, match=r"Unknown runner 'locall'. Did you mean local\?"):
        registry.get_runner('locall')
    with pytest.raises(RegistryError, match=r'Known: batch, dask, fake, inprocess, local'):
        registry.get_runner('xyz')


def test_file_systems(registry_with: Plug) -> None:
    registry = registry_with(p=lambda r: r.add_file_system(FakeFileSystem))
    assert registry.get_file_system('https://example.com/a.tif') is HttpFileSystem
    assert registry.get_file_system('a.tif', 'w') is LocalFileSystem
    assert registry.filesystems == []
    assert registry.get_file_system('fake://a') is FakeFileSystem
    with pytest.raises(RegistryError, match=r"No file system can write to 'fake://a'"):
        registry.get_file_system('fake://a', 'w')


def test_settings_that_travel() -> None:
    registry = Registry()
    registry.add_rv_config_schema('batch', ['queue', 'attempts'])
    registry.add_rv_config_schema('batch', ['queue', 'job_def'])
    assert registry.get_rv_config_schema() == {'batch': ['queue', 'attempts', 'job_def']}


def test_look_ups_from_several_threads_wait_for_loading(registry_with: Plug) -> None:
    started, go = threading.Event(), threading.Event()

    def slow(registry: Registry) -> None:
        started.set()
        go.wait(30)
        registry.add_config('base', Base, 'slow')

    registry = registry_with(slow=slow)
    found: list[type] = []
    threads = [
        threading.Thread(target=lambda: found.append(registry.get_config('base')), daemon=True)
        for _ in range(3)
    ]
    threads[0].start()
    assert started.wait(30)
    for thread in threads[1:]:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(30)
    assert found == [Base] * 3


def test_a_look_up_while_loading_does_not_recurse(registry_with: Plug) -> None:
    def curious(registry: Registry) -> None:
        with pytest.raises(RegistryError):
            registry.get_config('base')
        registry.add_config('base', Base, 'curious')

    assert registry_with(curious=curious).get_config('base') is Base


def test_the_same_class_may_register_again(registry_with: Plug, tmp_path, monkeypatch) -> None:
    (tmp_path / 'twice_a.py').write_text(
        dedent("""
            from rastervision.pipeline.config import Config
            class Same(Config):
                type_hint = 'same'
        """)
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry()
    for _ in range(2):
        module = __import__('twice_a')
        registry.add_config('same', module.Same, 'twice_a')
        del sys.modules['twice_a']
    with pytest.raises(RegistryError, match=r"'same' of .*Base is taken by twice_a\.Same"):
        registry.add_config('same', Base, 'p')


def test_old_wheels_are_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    (tmp_path / 'rastervision' / 'core').mkdir(parents=True)
    (tmp_path / 'rastervision_core-0.31.1.dist-info').mkdir()
    (tmp_path / 'rastervision_report-1.0.dist-info').mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert plugins.old_distributions() == ['rastervision_core']
    with pytest.raises(RegistryError, match=r'pip uninstall -y rastervision_core\n'):
        Registry().get_config('nothing')


def test_importing_the_package_is_light(run_python: Callable[[str], str]) -> None:
    heavy = ['numpy', 'torch', 'rich', 'click', 'pydantic', 'rasterio']
    code = 'import rastervision.pipeline, sys; print([m for m in {} if m in sys.modules])'
    assert run_python(code.format(heavy)) == '[]'
    code = f'import rastervision.pipeline.pipeline, rastervision.pipeline.utils; {code}'
    heavy.remove('pydantic')
    assert run_python(code.format(heavy)) == '[]'


@pytest.fixture
def run_python() -> Callable[[str], str]:
    """Run a line of Python in a new process and return what it prints."""
    import subprocess

    def run(code: str) -> str:
        command = [sys.executable, '-c', code]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
        return done.stdout.decode().strip()

    return run
