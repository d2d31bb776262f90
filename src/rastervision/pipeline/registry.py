"""The registry: what the names in configs and on the command line stand for.

Nothing is loaded until a name is looked up that is not registered yet. Then plugins are loaded one
after the other, in the order that `rastervision.pipeline.plugins` states, until the name is found.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any

from rastervision.pipeline import plugins
from rastervision.pipeline.errors import RegistryError, did_you_mean
from rastervision.pipeline.plugin_loader import PluginLoader
from rastervision.pipeline.plugins import PluginSource
from rastervision.pipeline.public_text import public_uri

if TYPE_CHECKING:
    import click

    from rastervision.pipeline.config import Config
    from rastervision.pipeline.file_system.file_system import FileSystem
    from rastervision.pipeline.runner.runner import Runner
    from rastervision.pipeline.rv_config import RVConfig

log = logging.getLogger(__name__)
Upgrader = Callable[[dict[str, Any], int], dict[str, Any]]

# What needs no plugin: name -> 'module:class', imported at the first look-up.
BUILTIN_RUNNERS = {
    'batch': 'rastervision.aws_batch.aws_batch_runner:AWSBatchRunner',
    'dask': 'rastervision.runners.dask_runner:DaskRunner',
    'inprocess': 'rastervision.pipeline.runner.inprocess_runner:InProcessRunner',
    'local': 'rastervision.pipeline.runner.local_runner:LocalRunner',
    'slurm': 'rastervision.runners.slurm_runner:SlurmRunner',
}
BUILTIN_FILE_SYSTEMS = (
    'rastervision.pipeline.file_system.local_file_system:LocalFileSystem',
    'rastervision.pipeline.file_system.http_file_system:HttpFileSystem',
    'rastervision.pipeline.file_system.object_store:ObjectStoreFileSystem',
    'rastervision.gdal_vsi.vsi_file_system:VsiFileSystem',
)
# Asked when no plugin takes a URI either.
LAST_FILE_SYSTEM = 'rastervision.pipeline.file_system.fsspec_file_system:FsspecFileSystem'
# Plugins whose package was renamed: name written into old configs -> name now.
OLD_NAMESPACE = 'rastervision2.'
RENAMED_TYPE_HINTS = {'geo_data_window': 'window_sampling'}


@dataclass(frozen=True, slots=True)
class ConfigInfo:
    """What is known about a registered config class.

    Attributes:
        type_hint: Name of the class in serialised configs.
        cls: The class.
        plugin: The plugin whose version its serialised form follows.
        upgrader: Lifts the serialised form by one version; called for each version in turn.
    """

    type_hint: str
    cls: 'type[Config]'
    plugin: str
    upgrader: Upgrader | None = None


class Registry:
    """Configs, runners, file systems, plugins and commands by name.

    Args:
        settings: Where the section `[PLUGINS]` is read from. Without it only installed plugins are
            found.
    """

    def __init__(self, settings: 'RVConfig | None' = None) -> None:
        self.settings = settings
        self.configs: dict[str, ConfigInfo] = {}
        self.runners: dict[str, type[Runner]] = {}
        self.filesystems: list[type[FileSystem]] = []
        self.plugin_versions: dict[str, int] = {}
        self.plugin_aliases: dict[str, str] = {}
        self.plugin_commands: dict[str, click.Command] = {}
        self.rv_config_schema: dict[str, list[str]] = {}
        self.renamed_type_hints: dict[str, str] = dict(RENAMED_TYPE_HINTS)
        self.loader = PluginLoader(self, self._sources)

    # Plugins

    def set_plugin_version(self, plugin: str, version: int) -> None:
        """Declare the version of a plugin's serialised configs.

        Raises:
            RegistryError: The version is not a whole number from 0.
        """
        if not isinstance(version, int) or isinstance(version, bool) or version < 0:
            raise RegistryError(
                f'The version of plugin {plugin} must be a whole number from 0, got {version!r}.'
            )
        self.plugin_versions[plugin] = version

    def get_plugin_version(self, plugin: str) -> int:
        """Current version of a plugin's serialised configs; 0 for one that declares none.

        Raises:
            RegistryError: There is no such plugin, or it does not load.
        """
        name = self.get_plugin_from_alias(plugin) or plugin
        if name not in self.plugin_versions:
            self.loader.load_named(name)
        if name in self.plugin_versions:
            return self.plugin_versions[name]
        has_configs = any(info.plugin == name for info in self.configs.values())
        if name in self.loader.failures or not (self.loader.has_loaded(name) or has_configs):
            raise self._unknown('plugin', plugin, self.plugin_versions)
        return 0

    def set_plugin_aliases(self, plugin: str, aliases: list[str]) -> None:
        """Declare names that a plugin had in the past."""
        for alias in aliases:
            self.plugin_aliases[alias] = plugin

    def get_plugin_from_alias(self, alias: str) -> str | None:
        """Current name of a plugin that had another name in the past, or None."""
        if alias in self.plugin_aliases:
            return self.plugin_aliases[alias]
        if alias.startswith(OLD_NAMESPACE):
            return f'{plugins.NAMESPACE}.{alias.removeprefix(OLD_NAMESPACE)}'
        return None

    def load_builtins(self) -> None:
        """Load the plugins that ship with Raster Vision."""
        self.load_plugins(plugins.BUILTIN_PLUGINS)

    def discover_plugins(self) -> list[str]:
        """Names of all plugins that can be found, in the order in which they are loaded."""
        return list(dict.fromkeys(source.name for source in self.loader.sources()))

    def load_plugins(self, plugin_names: Iterable[str] | None = None) -> None:
        """Load plugins now instead of at the first look-up that needs them.

        Args:
            plugin_names: Plugins to load, by name. All that can be found by default; of these a
                broken one does not stop the others.

        Raises:
            RegistryError: A plugin that was asked for by name is missing or does not load.
        """
        if plugin_names is None:
            self.loader.load_until(lambda: None)
            return
        for name in plugin_names:
            self.loader.load_named(name)
            if name in self.loader.failures:
                raise RegistryError(f'Cannot load the plugin {self.loader.failures[name]}')
            if not self.loader.has_loaded(name):
                raise self._unknown('plugin', name, self.discover_plugins())

    def load_named_plugins(self) -> None:
        """Load the plugins that the user's settings name, and warn of those that do not load.

        Raises:
            ConfigError: A list of them cannot be read.
        """
        if self.settings is not None:
            for failure in self.loader.load(plugins.profile_sources(self.settings)):
                log.warning('Cannot load the plugin %s', failure)

    # Configs

    def add_config(
        self,
        type_hint: str,
        config: 'type[Config]',
        plugin: str,
        upgrader: Upgrader | None = None,
    ) -> None:
        """Make a config class known by its type hint.

        Raises:
            RegistryError: Another class has the type hint.
        """
        known = self.configs.get(type_hint)
        if known is not None and _origin(known.cls) != _origin(config):
            raise RegistryError(
                f'The type hint {type_hint!r} of {config.__module__}.{config.__qualname__} is '
                f'taken by {known.cls.__module__}.{known.cls.__qualname__}; choose another.'
            )
        self.configs[type_hint] = ConfigInfo(type_hint, config, plugin, upgrader)

    def get_config(self, type_hint: str) -> 'type[Config]':
        """The config class with a type hint, which may be an old name of it.

        Raises:
            RegistryError: There is none.
        """
        return self.get_config_info(type_hint).cls

    def get_config_info(self, type_hint: str) -> ConfigInfo:
        """What is known about the config class with a type hint.

        Raises:
            RegistryError: There is none.
        """
        name = self.current_type_hint(type_hint)
        info = self.loader.load_until(lambda: self.configs.get(name))
        if info is None:
            raise self._unknown('type hint', type_hint, self.configs)
        return info

    def current_type_hint(self, type_hint: str) -> str:
        """Today's name for a type hint that may have been renamed."""
        while type_hint not in self.configs and type_hint in self.renamed_type_hints:
            type_hint = self.renamed_type_hints[type_hint]
        return type_hint

    def register_renamed_type_hints(self, type_hint_old: str, type_hint_new: str) -> None:
        """Declare that a type hint has a new name."""
        self.renamed_type_hints[type_hint_old] = type_hint_new

    def get_type_hint_lineage(self, type_hint: str) -> list[str]:
        """Type hints of a config class and its ancestors, the oldest ancestor first."""
        cls = self.get_config(type_hint)
        return [
            hint
            for base in reversed(cls.__mro__)
            if (hint := vars(base).get('type_hint')) in self.configs
        ]

    def get_plugin(self, type_hint: str) -> str:
        """The plugin that a type hint belongs to."""
        return self.get_config_info(type_hint).plugin

    def get_upgrader(self, type_hint: str) -> Upgrader | None:
        """The upgrader of a type hint, if it has one."""
        return self.get_config_info(type_hint).upgrader

    def update_config_info(self) -> None:
        """Load every plugin, so that every type hint and version is known."""
        self.load_plugins()

    # Runners, file systems, commands and settings

    def add_runner(self, runner_name: str, runner: 'type[Runner]') -> None:
        """Make a runner known by name."""
        self.runners[runner_name] = runner

    def get_runner(self, runner_name: str) -> 'type[Runner]':
        """The runner with a name.

        Raises:
            RegistryError: There is none.
        """
        if runner_name not in self.runners and runner_name in BUILTIN_RUNNERS:
            self.runners[runner_name] = _resolve(BUILTIN_RUNNERS[runner_name])
        runner = self.loader.load_until(lambda: self.runners.get(runner_name))
        if runner is None:
            raise self._unknown('runner', runner_name, {*self.runners, *BUILTIN_RUNNERS})
        return runner

    def add_file_system(self, file_system: 'type[FileSystem]') -> None:
        """Make a file system known. File systems of plugins are asked before the built-in ones."""
        self.filesystems.append(file_system)

    def get_file_system(self, uri: str, mode: str = 'r') -> 'type[FileSystem]':
        """The file system that a URI belongs to.

        Args:
            uri: Path or URI of a file or folder.
            mode: 'r' to read, 'w' to write.

        Raises:
            RegistryError: No file system takes the URI.
        """

        def find() -> 'type[FileSystem] | None':
            fs: type[FileSystem]
            for fs in chain(self.filesystems, map(_resolve, BUILTIN_FILE_SYSTEMS)):
                if fs.matches_uri(uri, mode):
                    return fs
            return None

        found = self.loader.load_until(find)
        if found is None and (last := _resolve(LAST_FILE_SYSTEM)).matches_uri(uri, mode):
            found = last
        if found is None:
            verb = 'read from' if mode == 'r' else 'write to'
            raise RegistryError(
                f'No file system can {verb} {public_uri(uri)!r}; use a local path, or install the '
                f'plugin for this kind of URI, or what fsspec needs for it: '
                f'pip install "rastervision[fsspec]".{self.loader.describe_failures()}'
            )
        return found

    def add_plugin_command(self, cmd: 'click.Command') -> None:
        """Add a command to the command line."""
        self.plugin_commands[cmd.name or ''] = cmd

    def get_plugin_commands(self) -> 'list[click.Command]':
        """The commands that plugins add to the command line; loads every plugin."""
        self.load_plugins()
        return list(self.plugin_commands.values())

    def add_rv_config_schema(self, config_section: str, config_fields: list[str]) -> None:
        """Name the settings of a section that travel with a pipeline to remote machines."""
        fields = self.rv_config_schema.setdefault(config_section, [])
        fields.extend(field for field in config_fields if field not in fields)

    def get_rv_config_schema(self) -> dict[str, list[str]]:
        """Settings that travel with a pipeline: section -> fields."""
        return {section: list(fields) for section, fields in self.rv_config_schema.items()}

    # Loading

    def _sources(self) -> Iterator[PluginSource]:
        yield from plugins.builtin_sources()
        yield from plugins.namespace_sources()
        yield from plugins.entry_point_sources()
        if self.settings is not None:
            yield from plugins.profile_sources(self.settings)

    def _unknown(self, kind: str, name: str, valid: Iterable[str]) -> RegistryError:
        names = sorted(valid)
        hint = did_you_mean(name, names)
        if not hint and kind != 'type hint':
            hint = f' Known: {", ".join(names)}.'
        way_out = '' if hint else ' Is the plugin that defines it installed?'
        return RegistryError(
            f'Unknown {kind} {name!r}.{hint}{way_out}{self.loader.describe_failures()}'
        )


def _origin(cls: type) -> tuple[str, str]:
    """Where a class is written; the same for a file that is imported under two names."""
    module = sys.modules.get(cls.__module__)
    return getattr(module, '__file__', None) or cls.__module__, cls.__qualname__


def _resolve(name: str) -> Any:
    """Import 'module:attribute'."""
    module, _, attribute = name.partition(':')
    return getattr(import_module(module), attribute)


__all__ = ['ConfigInfo', 'Registry', 'RegistryError', 'Upgrader']
