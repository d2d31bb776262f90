"""Names of a package that are imported at their first use.

Configs have to import without torch, also from a package that has datasets and learners too; so
these packages load a module when a name in it is asked for. The same holds for names that a package
has only because it had them in release 0.31. `from package import *` asks for every name; in a
config file, it gets the heavy ones and the old ones only where the file mentions them.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import CodeType, FrameType
from typing import Any

_config_files: list[str] = []


Exports = tuple[Callable[[str], Any], Callable[[], list[str]]]


def lazy_exports(
    package: str,
    names_of: Mapping[str, Sequence[str]],
    heavy: Mapping[str, Sequence[str]] | None = None,
) -> Exports:
    """Make `__getattr__` and `__dir__` of a package.

    Args:
        package: The package's `__name__`.
        names_of: Names to export by the full name of their module.
        heavy: Likewise, names that `import *` in a config file takes only if the file mentions
            them, because their modules load slowly.
    """
    return _exports(package, _module_of(names_of), _module_of(heavy or {}))


def further_exports(namespace: dict[str, Any], names_of: Mapping[str, Sequence[str]]) -> Exports:
    """Make `__getattr__` and `__dir__` of a package that imports the names in its `__all__`.

    Args:
        namespace: The package's `globals()`. Its `__all__` is taken out, because what `import *`
            takes depends on who asks from here on.
        names_of: Names to export beside those in `__all__`, by the full name of their module;
            `import *` in a config file takes them only if the file mentions them.
    """
    package: str = namespace['__name__']
    return _exports(package, dict.fromkeys(namespace.pop('__all__'), package), _module_of(names_of))


def homes_of(names: Iterable[str], homes: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The part of a table of modules and their names that has the given names."""
    wanted = set(names)
    found = {module: [n for n in known if n in wanted] for module, known in homes.items()}
    return {module: known for module, known in found.items() if known}


def _exports(package: str, light: Mapping[str, str], heavy: Mapping[str, str]) -> Exports:
    module_of = {**light, **heavy}

    def get(name: str) -> Any:
        if name == '__all__':
            importer = _importer()
            if importer is None or importer.f_globals.get('__file__') not in _config_files:
                return names()
            return sorted(light.keys() | heavy.keys() & _mentioned(importer.f_code))
        if name not in module_of:
            raise AttributeError(f'module {package!r} has no attribute {name!r}', name=name)
        return getattr(import_module(module_of[name]), name)

    def names() -> list[str]:
        return sorted(module_of)

    return get, names


@contextmanager
def sparing_imports(config_file: str) -> Iterator[None]:
    """Let `import *` in a file, which is loaded in the block, import no more than it needs."""
    _config_files.append(config_file)
    try:
        yield
    finally:
        _config_files.remove(config_file)


def _module_of(names_of: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: module for module, names in names_of.items() for name in names}


def _importer() -> FrameType | None:
    """The frame with the import statement by which `__all__` of a package is asked for."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  there is no other way to know
    while frame is not None and frame.f_globals.get('__name__') == 'importlib._bootstrap':
        frame = frame.f_back
    return frame


def _mentioned(code: CodeType) -> set[str]:
    """All names in a piece of code, and in the functions and classes within it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _mentioned(constant)
    return names
