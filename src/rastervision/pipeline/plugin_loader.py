"""Loading plugins when something is looked up that is not there yet."""

from collections.abc import Callable, Iterable, Iterator
from threading import RLock
from typing import TYPE_CHECKING, TypeVar

from rastervision.pipeline.errors import RVError
from rastervision.pipeline.plugins import PluginFailure, PluginSource, check_installation, register

if TYPE_CHECKING:
    from rastervision.pipeline.registry import Registry

Found = TypeVar('Found')


class PluginLoader:
    """Loads each plugin once, and remembers which ones failed and why.

    Look-ups from several threads wait until what they need is loaded.

    Attributes:
        sources: Finds the plugins, in the order in which they are loaded.
        loaded: Names of the plugins that were tried.
        failures: Plugins that could not be loaded, by name.
    """

    def __init__(self, registry: 'Registry', sources: Callable[[], Iterator[PluginSource]]) -> None:
        self.registry = registry
        self.sources = sources
        self.loaded: set[str] = set()
        self.failures: dict[str, PluginFailure] = {}
        self._lock = RLock()
        self._loading = False

    def load_named(self, name: str) -> None:
        """Load one plugin, if it can be found, by its name or that of its top-level package."""
        with self._lock:
            if self._loading or self.has_loaded(name):
                return
            source = next((s for s in self.sources() if is_part_of(s.name, name)), None)
            if source is not None:
                self._load_all([source], lambda: None)

    def load_until(self, find: Callable[[], Found | None]) -> Found | None:
        """Load plugins until a function finds what it looks for, or all are loaded."""
        found = find()
        if found is None:
            with self._lock:
                if not self._loading:  # else a plugin looks something up while it registers
                    self._load_all(self.sources(), find)
            found = find()
        return found

    def load(self, sources: Iterable[PluginSource]) -> list[PluginFailure]:
        """Load some plugins; those that cannot be loaded, now or at an earlier attempt."""
        found = list(sources)
        with self._lock:
            if not self._loading:
                self._load_all(found, lambda: None)
            return [self.failures[s.name] for s in found if s.name in self.failures]

    def has_loaded(self, name: str) -> bool:
        """Whether a plugin was tried, by its name or that of its top-level package."""
        return any(is_part_of(loaded, name) for loaded in self.loaded)

    def describe_failures(self) -> str:
        """The plugins that could not be loaded, each on a line; '' if there are none."""
        if not self.failures:
            return ''
        lines = ''.join(f'\n  {failure}' for failure in self.failures.values())
        return f' These plugins could not be loaded:{lines}'

    def _load_all(self, sources: Iterable[PluginSource], find: Callable[[], object | None]) -> None:
        self._loading = True
        try:
            check_installation()
            for source in sources:
                if find() is not None:
                    return
                if source.name not in self.loaded:
                    self._load(source)
        finally:
            self._loading = False

    def _load(self, source: PluginSource) -> None:
        self.loaded.add(source.name)
        try:
            register(source.load(), self.registry)
        except RVError as e:
            self.failures[source.name] = PluginFailure(source.name, source.origin, str(e))
        except (Exception, SystemExit) as e:  # noqa: BLE001 - foreign code may raise anything
            reason = f'{type(e).__name__}: {e}'
            self.failures[source.name] = PluginFailure(source.name, source.origin, reason)


def is_part_of(module: str, package: str) -> bool:
    """Whether a module is a package or lies within it, by their names."""
    return f'{module}.'.startswith(f'{package}.')
