"""ClassificationLabel: the class of a cell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass
class ClassificationLabel:
    """The class of a cell.

    Attributes:
        class_id: Id of the class.
        scores: A score for each class, if there are any.
    """

    class_id: int
    scores: Sequence[float] | None = None

    def __iter__(self) -> Iterator[Any]:
        """Iterate over class_id and scores."""
        return iter((self.class_id, self.scores))
