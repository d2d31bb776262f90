"""Finding and loading plugins.

A plugin is a module that registers configs, runners, file systems or commands when it is imported,
and whose optional function `register_plugin(registry)` does what decorators cannot. Plugins are
found, in this order, in the packages that ship with Raster Vision, in any other package below the
`rastervision` namespace, in entry points of the group `rastervision.plugins`, and in the `files`
and `modules` of the section `[PLUGINS]` of the user's profile.
"""

import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rastervision.pipeline.errors import ConfigError, RegistryError, did_you_mean

if TYPE_CHECKING:
    from rastervision.pipeline.registry import Registry
    from rastervision.pipeline.rv_config import RVConfig

NAMESPACE = 'rastervision'
ENTRY_POINT_GROUP = 'rastervision.plugins'
HOOK = 'register_plugin'
BUILTIN_PLUGINS = (
    'rastervision.pipeline',
    'rastervision.core',
    'rastervision.pytorch_learner',
    'rastervision.pytorch_backend',
    'rastervision.aws_batch',
    'rastervision.aws_s3',
    'rastervision.gdal_vsi',
    'rastervision.runners',
)
# The wheels of releases up to 0.31. They hold files at the paths of ours.
OLD_DISTRIBUTIONS = (
    'rastervision_aws_batch',
    'rastervision_aws_s3',
    'rastervision_core',
    'rastervision_gdal_vsi',
    'rastervision_pipeline',
    'rastervision_pytorch_backend',
    'rastervision_pytorch_learner',
)


@dataclass(frozen=True, slots=True)
class PluginSource:
    """Where a plugin was found.

    Attributes:
        name: Name of the plugin, usually that of its package.
        origin: Where it was found, in words.
        load: Returns the module or the `register_plugin` function.
    """

    name: str
    origin: str
    load: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class PluginFailure:
    """A plugin that was found but could not be loaded."""

    name: str
    origin: str
    reason: str

    def __str__(self) -> str:
        return f'{self.name} ({self.origin}): {self.reason}'


def module_source(name: str, origin: str) -> PluginSource:
    """The plugin that is the module with the given dotted name."""
    return PluginSource(name, origin, partial(importlib.import_module, name))


def builtin_sources() -> Iterator[PluginSource]:
    """The plugins that ship with Raster Vision."""
    for name in BUILTIN_PLUGINS:
        yield module_source(name, 'part of Raster Vision')


def namespace_sources() -> Iterator[PluginSource]:
    """Every other package below the `rastervision` namespace, wherever it is installed."""
    package = importlib.import_module(NAMESPACE)
    for found in pkgutil.iter_modules(package.__path__, f'{NAMESPACE}.'):
        if found.name not in BUILTIN_PLUGINS:
            where = getattr(found.module_finder, 'path', NAMESPACE)
            yield module_source(found.name, f'found in {where}')


def entry_point_sources() -> Iterator[PluginSource]:
    """The plugins that installed distributions announce as entry points."""
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINT_GROUP):
        dist = point.dist.name if point.dist else '?'
        yield PluginSource(
            point.value.partition(':')[0], f'entry point {point.name!r} of {dist}', point.load
        )


def profile_sources(settings: 'RVConfig') -> Iterator[PluginSource]:
    """The plugins that the section `[PLUGINS]` of the user's settings names.

    Raises:
        ConfigError: A list of them cannot be read.
    """
    for name, origin in _named_plugins(settings, 'modules'):
        yield module_source(name, origin)
    for uri, origin in _named_plugins(settings, 'files'):
        yield PluginSource(uri, origin, partial(load_file, uri))


def _named_plugins(settings: 'RVConfig', key: str) -> Iterator[tuple[str, str]]:
    """What a list of the section `[PLUGINS]` names, each with where it does."""
    from rastervision.pipeline.rv_config import load_conf_list

    origin = f'{key} of [PLUGINS] in {settings.place_of("PLUGINS", key)}'
    try:
        names = load_conf_list(settings.get_namespace_option('PLUGINS', key, ''))
    except ConfigError as error:
        raise ConfigError(f'Cannot read {origin}: {error}') from error
    for name in names:
        yield name, origin


def importable(folder: str | Path) -> None:
    """Let modules of a folder be imported, without hiding anything that is installed."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def load_file(uri: str) -> ModuleType:
    """Import a Python file that may lie on a remote file system.

    It can import what lies beside it, and so can all that is imported from then on.

    Args:
        uri: Path or URI of the file.

    Returns:
        The module. Loading the same file again gives the same module.

    Raises:
        NotReadableError: There is no such file.
    """
    from hashlib import sha256

    from rastervision.pipeline.file_system.utils import download_if_needed

    path = Path(download_if_needed(uri)).resolve()
    importable(path.parent)
    digest = sha256(os.fsencode(path)).hexdigest()[:8]
    name = f'{path.stem}_{digest}'
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise RegistryError(f'{uri} is not a Python file; a plugin file ends in .py.')
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def register(loaded: Any, registry: 'Registry') -> None:
    """Call the hook of a loaded plugin.

    Args:
        loaded: The plugin's module, or its `register_plugin` function.
        registry: What the hook adds to.

    Raises:
        RegistryError: The hook is misspelt, not callable or takes the wrong arguments.
    """
    if isinstance(loaded, ModuleType):
        hook = getattr(loaded, HOOK, None)
        if hook is None:
            functions = [n for n, v in vars(loaded).items() if inspect.isfunction(v)]
            near = did_you_mean(HOOK, [n for n in functions if 'regist' in n and 'plug' in n])
            if near:
                raise RegistryError(f'it has no function {HOOK}(registry).{near}')
            return
    else:
        hook = loaded
    if not callable(hook):
        raise RegistryError(f'{HOOK} is {type(hook).__name__}, not a function of the registry.')
    try:
        inspect.signature(hook).bind(registry)
    except TypeError as e:
        raise RegistryError(f'{HOOK} must take one argument, the registry ({e}).') from e
    hook(registry)


def old_distributions() -> list[str]:
    """Names of the wheels of releases up to 0.31 that are installed beside this one."""
    package = importlib.import_module(NAMESPACE)
    folders = {Path(p).parent for p in package.__path__}
    names = {path.name.partition('-')[0] for f in folders for path in f.glob('*-*.dist-info')}
    return sorted(names.intersection(OLD_DISTRIBUTIONS))


def check_installation() -> None:
    """Refuse to load plugins from a mixture of this release and the old wheels.

    Raises:
        RegistryError: Old wheels are installed; the message has the commands that remove them.
    """
    old = old_distributions()
    if old:
        raise RegistryError(
            f'Packages of an older Raster Vision are installed beside this one: {", ".join(old)}. '
            f'Both have files at the same paths, so neither works. Remove them and repair this '
            f'one:\n  pip uninstall -y {" ".join(old)}\n'
            f'  pip install --force-reinstall --no-deps rastervision'
        )
