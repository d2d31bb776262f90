"""EvaluationItem: the base of scores of one thing, such as a class."""

from abc import ABC, abstractmethod
from typing import Any


class EvaluationItem(ABC):
    """Scores that can be merged with those of other data."""

    @abstractmethod
    def merge(self, other: Any) -> None:
        """Take over what another item has counted."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """What goes into the file of scores."""
