"""Names of a package that are imported at their first use.

Configs have to import without torch, also from a package that has datasets and learners too; so
these packages load a module when a name in it is asked for. `from package import *` asks for every
name in `__all__`, so names that need torch are left out of it where configs are imported in this
way.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

left_out: dict[str, str] = {}
"""Package of every name that its `import *` leaves out."""


def lazy_exports(
    package: str,
    names_of: Mapping[str, Sequence[str]],
    by_name: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make `__getattr__`, `__dir__` and `__all__` of a package.

    Args:
        package: The package's `__name__`.
        names_of: Names to export by the full name of their module.
        by_name: Likewise, names that `import *` leaves out.
    """
    in_star, others = _module_of(names_of), _module_of(by_name or {})
    module_of = in_star | others
    left_out.update(dict.fromkeys(others, package))

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        return getattr(import_module(module_of[name]), name)

    def names() -> list[str]:
        return sorted(module_of)

    return get, names, sorted(in_star)


def _module_of(names_of: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: module for module, names in names_of.items() for name in names}
