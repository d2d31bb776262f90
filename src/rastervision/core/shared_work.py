"""SharedWork: what analyzers and evaluators do, in units that several workers can share."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rastervision.core.data.scene import Scene


class SharedWork(ABC):
    """Something that is computed over scenes and written to a file.

    ``process`` does all of it. Work that can be shared comes in units as well: pieces of a scene
    that are fixed by the scene alone. Whoever processes which units, ``join_units`` writes the same
    bytes as ``process``.
    """

    @abstractmethod
    def process(self, scenes: Iterable['Scene'], tmp_dir: str) -> None:
        """Compute and write.

        Args:
            scenes: The scenes.
            tmp_dir: Local folder for temporary files.
        """

    def is_shareable(self) -> bool:
        """Say whether the methods below do what ``process`` does; by default there are none."""
        return False

    def work_units(self, scene: 'Scene') -> Sequence[int]:
        """Return how much work each unit of a scene is, in pixels.

        Args:
            scene: The scene, without its labels.
        """
        raise NotImplementedError(type(self).__name__)

    def process_units(self, scene: 'Scene', units: slice) -> Any:
        """Return what follows from some units of a scene, as JSON can hold it."""
        raise NotImplementedError(type(self).__name__)

    def join_units(self, scenes: Sequence['Scene'], results: Mapping[str, Sequence[Any]]) -> None:
        """Write what follows from all units.

        Args:
            scenes: The scenes, which are built when they are asked for.
            results: Scene id -> what ``process_units`` gave for its units, in the order of the
                units; in the order of the scenes.
        """
        raise NotImplementedError(type(self).__name__)
