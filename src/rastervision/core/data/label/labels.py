"""Labels: the base of what label sources give and label stores take."""

from abc import ABC, abstractmethod
from typing import Any, Self


class Labels(ABC):
    """A set of labels for a scene, in the extent frame."""

    @abstractmethod
    def __add__(self, other: Self) -> Self:
        """Labels with those of `other` added."""

    @abstractmethod
    def filter_by_aoi(self, *args: Any, **kwargs: Any) -> Self:
        """Labels within some polygons."""

    @classmethod
    @abstractmethod
    def make_empty(cls, *args: Any, **kwargs: Any) -> Self:
        """Labels of nothing yet."""

    @classmethod
    @abstractmethod
    def from_predictions(cls, *args: Any, **kwargs: Any) -> Self:
        """Labels from windows and what was predicted for each of them."""

    @abstractmethod
    def save(self, uri: str, *args: Any, **kwargs: Any) -> None:
        """Write the labels to a file or folder."""
