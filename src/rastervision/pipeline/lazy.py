"""Names of a package that are imported at their first use.

Configs have to import without torch, also from a package that has datasets and learners too; so
these packages load a module when a name in it is asked for. `from package import *` asks for every
name; in a config file, it gets those that need torch only where the file mentions them.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import CodeType, FrameType
from typing import Any

_config_files: list[str] = []


def lazy_exports(
    package: str,
    names_of: Mapping[str, Sequence[str]],
    heavy: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make `__getattr__` and `__dir__` of a package.

    Args:
        package: The package's `__name__`.
        names_of: Names to export by the full name of their module.
        heavy: Likewise, names whose modules load slowly.
    """
    light_names, heavy_names = _module_of(names_of), _module_of(heavy or {})
    module_of = light_names | heavy_names

    def get(name: str) -> Any:
        if name == '__all__':
            importer = _importer()
            if importer is None or importer.f_globals.get('__file__') not in _config_files:
                return names()
            return sorted(light_names.keys() | heavy_names.keys() & _mentioned(importer.f_code))
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
