"""ChipStore: how a backend keeps the training chips of scenes."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Self, TypeAlias

from rastervision.core.data_sample import DataSample

ChippedScene: TypeAlias = tuple[str, str]
"""What the chips of a scene are for ('train' or 'valid'), and its id."""


class SampleWriter(AbstractContextManager['SampleWriter'], ABC):
    """Writes training chips; used as ``with backend.get_sample_writer() as writer``."""

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def write_sample(self, sample: DataSample) -> None:
        """Write one chip with its label."""


class ShareWriter(SampleWriter):
    """Writes a share of the chips of several scenes into one file, for ``ChipStore.join``."""

    @abstractmethod
    def begin_scene(self, number: int) -> None:
        """Say which of the scenes the next samples are of."""


class ChipStore(ABC):
    """Keeps the chips of each scene on their own, so that several workers can cut them."""

    @abstractmethod
    def scene_writer(self, scene: ChippedScene) -> SampleWriter:
        """Return a writer for all chips of a scene."""

    @abstractmethod
    def share_writer(self, uri: str) -> ShareWriter:
        """Return a writer for the chips that one worker cuts."""

    @abstractmethod
    def join(self, shares: Sequence[str], scenes: Sequence[ChippedScene]) -> Sequence[bool]:
        """Write the chips of all scenes as ``scene_writer`` would have done.

        Args:
            shares: The files of all workers, in the order of the windows.
            scenes: The scenes, as they were numbered.

        Returns:
            Whether a scene has any chip, for each scene.
        """

    @abstractmethod
    def keep_only(self, scenes: Sequence[ChippedScene]) -> None:
        """Remove the chips of earlier runs of other scenes, which TRAIN would read."""
