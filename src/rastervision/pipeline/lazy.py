"""Names of a package that are imported at their first use.

Configs have to import without torch, while `from rastervision.pytorch_learner import *` gives
datasets and learners too; so the packages here load a module when a name in it is asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_exports(
    package: str, names_of: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make `__getattr__`, `__dir__` and `__all__` of a package.

    Args:
        package: The package's `__name__`.
        names_of: Names to export by the full name of their module.
    """
    module_of = {name: module for module, names in names_of.items() for name in names}

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        return getattr(import_module(module_of[name]), name)

    def names() -> list[str]:
        return sorted(module_of)

    return get, names, names()
