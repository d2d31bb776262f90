"""Pipeline configs from a Python file, a Python module or a JSON file."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from traceback import walk_tb
from types import ModuleType
from typing import Any, TypeVar

from rastervision.pipeline.config_args import bind_args
from rastervision.pipeline.errors import ConfigError, RVError
from rastervision.pipeline.file_system.local_file_system import to_path
from rastervision.pipeline.file_system.utils import download_if_needed, is_local
from rastervision.pipeline.lazy import sparing_imports
from rastervision.pipeline.pipeline import PipelineConfig
from rastervision.pipeline.plugins import BUILTIN_PLUGINS, importable, load_file
from rastervision.pipeline.sweep import below, combinations, place_below

T = TypeVar('T')
FUNCTIONS = ('get_config', 'get_configs')


def load_configs(
    source: str, runner: str | None = None, args: Mapping[str, Any] | None = None
) -> list[PipelineConfig]:
    """The configs that a file or module describes.

    Args:
        source: Path or URI of a .py or .json file, or the dotted path of a module.
        runner: Name of the runner, for functions that have a parameter of that name.
        args: Arguments for the function `get_config` or `get_configs` of the module.

    Raises:
        ConfigError: There is no such file or module, it fails, or it gives no configs.
    """
    if not source.lower().endswith('.json'):
        return configs_from_module(source, runner, args or {})
    if args:
        raise ConfigError(
            f'{source} is a JSON file, which takes no arguments ({", ".join(args)}); change the '
            f'file, or use the Python config that wrote it.'
        )
    _require_file(source)
    return [PipelineConfig.from_file(source)]


def configs_from_module(
    source: str, runner: str | None, args: Mapping[str, Any]
) -> list[PipelineConfig]:
    """The configs that `get_config` or `get_configs` of a Python file or module returns.

    The function is called for each combination of values where arguments have several; see
    `sweep.combinations`.
    """
    module = _load(source)
    found = [name for name in FUNCTIONS if callable(getattr(module, name, None))]
    if not found:
        raise ConfigError(
            f'{source} has no function get_config (or get_configs) that returns a pipeline config.'
        )
    function: Callable[..., Any] = getattr(module, found[0])
    configs: list[PipelineConfig] = []
    for folder, chosen in combinations(function, args):
        bound = bind_args(function, runner, chosen, where=f'{source}: {found[0]}')
        is_placed = place_below(bound.arguments, folder)
        call = partial(function, *bound.args, **bound.kwargs)
        made = _checked(source, found[0], _explained(source, module.__file__, call))
        if folder and not is_placed:
            made = [_moved(config, folder) for config in made]
        configs += made
    return configs


def _checked(source: str, function: str, result: Any) -> list[PipelineConfig]:
    """What a function of a config has returned, as a list."""
    configs = list(result) if isinstance(result, list | tuple) else [result]
    for config in configs:
        if not isinstance(config, PipelineConfig):
            raise ConfigError(
                f'{source}: {function} returned {_kind(config)}; it must return a PipelineConfig'
                f'{" or a list of them" if function == "get_configs" else ""}.'
            )
    if not configs:
        raise ConfigError(f'{source}: {function} returned an empty list.')
    return configs


def _moved(config: PipelineConfig, folder: str) -> PipelineConfig:
    """A copy of a config, such as one that calls share, with its root in a folder below it."""
    config = config.copy()
    if config.root_uri:
        config.root_uri = str(below(config.root_uri, folder))
    return config


def _kind(value: object) -> str:
    return repr(value) if value is None else f'a value of type {type(value).__name__}'


def _load(source: str) -> ModuleType:
    if source.endswith('.py'):
        _require_file(source)
        path = str(Path(download_if_needed(source)).resolve())
        _forget(path)
        with sparing_imports(path):
            return _explained(source, path, lambda: load_file(path))
    if '/' in source or '\\' in source:
        raise ConfigError(f'{source} is not a config; name a .py or .json file, or a module.')
    importable(Path.cwd())
    try:
        spec = find_spec(source)
    except (ModuleNotFoundError, ValueError):
        spec = None
    except Exception:  # noqa: BLE001 (a parent package fails, as the import below will)
        return _explained(source, None, lambda: import_module(source))
    if spec is None:
        raise ConfigError(
            f'There is no module {source!r}.{_near(source)} Name a Python module, or a .py or '
            '.json file.'
        )
    with sparing_imports(spec.origin or ''):
        return _explained(source, spec.origin, lambda: import_module(source))


def _near(source: str) -> str:
    """Name a file, or an example that ships with Raster Vision, that may have been meant."""
    if Path(f'{source}.py').is_file():
        return f' Did you mean {source}.py?'
    for package in BUILTIN_PLUGINS:
        spec = find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            if Path(folder, 'examples', f'{source}.py').is_file():
                return f' Did you mean {package}.examples.{source}?'
    return ''


def _forget(path: str) -> None:
    """Let a file that was changed since it was loaded, as in a notebook, be loaded again."""
    for name, module in list(sys.modules.items()):
        if getattr(module, '__file__', None) == path and name.startswith(f'{Path(path).stem}_'):
            del sys.modules[name]


def _require_file(source: str) -> None:
    if is_local(source) and not to_path(source).is_file():
        raise ConfigError(f'There is no config file {source} (looked in {Path.cwd()}).')


def _explained(source: str, path: str | None, run: Callable[[], T]) -> T:
    """Run code of a config; what it raises becomes one line that names file and line."""
    try:
        return run()
    except (Exception, SystemExit) as error:
        raise ConfigError(f'{_where(source, path, error)}: {_what(error)}') from error


def _where(source: str, path: str | None, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f'{error.filename}:{error.lineno}'
    lines = [
        line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == path
    ]
    return f'{source}:{lines[-1]}' if lines else source


def _what(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f'SyntaxError: {error.msg}'
    if isinstance(error, RVError):
        return str(error)
    return f'{type(error).__name__}: {error}'.removesuffix(': ')
