"""The source files that classes of third parties are made of; fingerprints cover them."""

import ast
import sys
import sysconfig
from collections.abc import Container, Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from rastervision.pipeline.config import get_plugin
from rastervision.pipeline.plugin_loader import is_part_of
from rastervision.pipeline.plugins import BUILTIN_PLUGINS

_imported: dict[Path, str | None] = {}
"""Digests of files about when this process imported them."""


def is_builtin(cls: type) -> bool:
    """Whether a class is part of Raster Vision, so that its version says what it does."""
    return any(is_part_of(cls.__module__, plugin) for plugin in BUILTIN_PLUGINS)


def code_digests(classes: Iterable[type]) -> dict[str, str | None]:
    """Digests of the source files of classes that are not part of Raster Vision.

    They cover the file of each class, those of its bases, and what these files import from the
    same package; from a file that is in no package, what lies beside it. Files are not imported.

    Returns:
        Name of a file, from the folder of its package -> digest. A file that was edited since this
        process imported it has None, since nobody can tell which code is going to run; so has one
        that cannot be read, and one instead of which a file of the same name was imported. A class
        without a file, as in a notebook, is there by its name with None.
    """
    digests: dict[str, str | None] = {}
    classes = list(classes)
    own = {_path(base) for cls in classes for base in cls.__mro__}
    for name, file in code_files(classes).items():
        digests[name] = None
        if file is not None and (file in own or not _is_replaced(name, file)):
            now = _digest(file)
            digests[name] = now if _imported.setdefault(file, now) == now else None
    return digests


def remember_code(cls: type) -> None:
    """Remember what is in the file of a class, which is being imported, and in what it imports.

    Of what is installed, only the file of the class: it is not edited while it runs.
    """
    path = _path(cls)
    if path is None or _imported.get(path) == (now := _digest(path)):
        return
    _imported[path] = now
    root, package = _home(cls, path)
    if root not in _libraries():
        for file in _with_imports(path, root, package, _imported):
            _imported.setdefault(file, _digest(file))


def code_files(classes: Iterable[type]) -> dict[str, Path | None]:
    """The files that `code_digests` covers, by the same names."""
    wanted = {base for cls in classes for base in cls.__mro__[:-1] if not _is_library(base)}
    files: dict[str, Path | None] = {}
    paths: dict[Path, type] = {}
    for cls in sorted(wanted, key=lambda cls: (cls.__module__, cls.__qualname__)):
        path = _path(cls)
        if path is None:
            files[cls.__qualname__] = None
        else:
            paths.setdefault(path, cls)
    for path, cls in paths.items():
        root, package = _home(cls, path)
        for file in _with_imports(path, root, package):
            files.setdefault(file.relative_to(root).as_posix(), file)
    return files


def import_root(module: str, path: Path) -> Path:
    """The folder that absolute imports of a module, which is in a file, start from."""
    dots = module.count('.') + (path.name == '__init__.py')
    return path.parents[min(dots, len(path.parents) - 1)]


def _path(cls: type) -> Path | None:
    file = getattr(sys.modules.get(cls.__module__), '__file__', None)
    return None if file is None else Path(file)


def _digest(file: Path) -> str | None:
    """A digest of a file; None if it is gone or in an archive."""
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


def _is_replaced(name: str, file: Path) -> bool:
    """Whether the module that a file stands for, by its name, was imported from another one."""
    module = name.removesuffix('.py').removesuffix('/__init__').replace('/', '.')
    imported = getattr(sys.modules.get(module), '__file__', None)
    return imported is not None and Path(imported).resolve() != file.resolve()


def _is_library(cls: type) -> bool:
    top = cls.__module__.partition('.')[0]
    return is_builtin(cls) or top in sys.stdlib_module_names or top in {'pydantic', 'builtins'}


def _home(cls: type, path: Path) -> tuple[Path, Path]:
    """The folder that absolute imports start from, and the one that imports are followed in."""
    root = import_root(cls.__module__, path)
    plugin = root.joinpath(*get_plugin(cls).split('.'))
    if plugin.is_dir():
        return root, plugin
    return root, path if root in _libraries() else root


def _libraries() -> set[Path]:
    return {Path(sysconfig.get_path(name)) for name in ('purelib', 'platlib')}


def _with_imports(path: Path, root: Path, package: Path, known: Container[Path] = ()) -> list[Path]:
    """A file and those below `package` that it imports, directly or not, without known ones."""
    found = {path: None}
    waiting = [path]
    while waiting:
        for parts in _imports(waiting.pop(), root):
            for file in _files_of(root, parts):
                if file in found or file in known or not file.is_relative_to(package):
                    continue
                if file.is_file():
                    found[file] = None
                    waiting.append(file)
    return list(found)


def _imports(path: Path, root: Path) -> Iterator[tuple[str, ...]]:
    """What a file imports, as parts of dotted names; names taken from modules are among them."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield tuple(alias.name.split('.'))
        elif isinstance(node, ast.ImportFrom):
            base: tuple[str, ...] = ()
            if node.level:
                folder = path.parents[node.level - 1]
                if not folder.is_relative_to(root):
                    continue
                base = folder.relative_to(root).parts
            module = (*base, *(node.module.split('.') if node.module else ()))
            for alias in node.names:
                yield (*module, alias.name)


def _files_of(root: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    """Files that an import of a dotted name runs, as far as there are such files."""
    for count in range(1, len(parts) + 1):
        path = root.joinpath(*parts[:count])
        yield path / '__init__.py'
        yield path.with_name(f'{path.name}.py')
