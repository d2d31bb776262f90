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


Names = Mapping[str, Sequence[str]]
"""Names by the full name of the module that they are in."""
Exports = tuple[Callable[[str], Any], Callable[[], list[str]]]


def lazy_exports(
    package: str, names_of: Names, heavy: Names | None = None, further: Names | None = None
) -> Exports:
    """Make `__getattr__` and `__dir__` of a package.

    Args:
        package: The package's `__name__`.
        names_of: Names to export.
        heavy: Names that `import *` in a config file takes only if the file mentions them, because
            their modules load slowly.
        further: Names that `import *` does not take.
    """
    light_names, heavy_names = _module_of(names_of), _module_of(heavy or {})
    module_of = {**light_names, **heavy_names, **_module_of(further or {})}

    def get(name: str) -> Any:
        if name == '__all__':
            importer = _importer()
            if importer is None or importer.f_globals.get('__file__') not in _config_files:
                return sorted(light_names | heavy_names)
            return sorted(light_names.keys() | heavy_names.keys() & _mentioned(importer.f_code))
        if name not in module_of:
            raise AttributeError(f'module {package!r} has no attribute {name!r}', name=name)
        return getattr(import_module(module_of[name]), name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of})

    return get, names


def further_exports(namespace: dict[str, Any], further: Names) -> Exports:
    """Make `__getattr__` and `__dir__` of a package that imports the names in its `__all__`.

    Args:
        namespace: The package's `globals()`.
        further: Names to export beside those; `import *` does not take them.
    """
    return lazy_exports(namespace['__name__'], {}, further=further)


def starred_exports(namespace: dict[str, Any], further: Names) -> Exports:
    """The same, but `import *` takes the further names as well.

    In a config file it takes them only if the file mentions them. So `__all__` depends on who asks,
    and is taken out of the namespace.
    """
    package: str = namespace['__name__']
    return lazy_exports(package, {package: namespace.pop('__all__')}, heavy=further)


def names_table(text: str) -> dict[str, list[str]]:
    """Read a table: a key and a colon on a line of its own, then lines with names, indented."""
    table: dict[str, list[str]] = {}
    key = ''
    for line in text.splitlines():
        if line.startswith(' '):
            table[key] += line.split()
        elif line:
            key = line.removesuffix(':')
            table[key] = []
    return table


def homes_of(names: Iterable[str], homes: Names) -> dict[str, list[str]]:
    """The part of a table of modules and their names that has the given names."""
    wanted = set(names)
    found = {module: [name for name in known if name in wanted] for module, known in homes.items()}
    return {module: known for module, known in found.items() if known}


@contextmanager
def sparing_imports(config_file: str) -> Iterator[None]:
    """Let `import *` in a file, which is loaded in the block, import no more than it needs."""
    _config_files.append(config_file)
    try:
        yield
    finally:
        _config_files.remove(config_file)


def _module_of(names_of: Names) -> dict[str, str]:
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
