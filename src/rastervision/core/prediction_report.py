"""What became of the images of one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rastervision.core.image_list import ListedImage
from rastervision.pipeline.errors import StageError

Outcome: TypeAlias = Literal['predicted', 'finished before', 'failed']


@dataclass(frozen=True, slots=True)
class ImageResult:
    """What became of one image.

    Attributes:
        image: The image.
        output_uri: Where its predictions are, or would be.
        outcome: 'finished before' means that they were there already.
        error: Why it failed.
    """

    image: ListedImage
    output_uri: str
    outcome: Outcome
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class PredictionReport:
    """What became of the images of one call; those that do not exist come first."""

    results: Sequence[ImageResult]

    def of(self, outcome: Outcome) -> list[ImageResult]:
        """Return the results with an outcome."""
        return [result for result in self.results if result.outcome == outcome]

    def __str__(self) -> str:
        """Count outcomes, such as '7 of 9 images predicted, 1 finished before, 1 failed'."""
        text = f'{len(self.of("predicted"))} of {len(self.results)} images predicted'
        others: tuple[Outcome, ...] = ('finished before', 'failed')
        return ', '.join([text, *(f'{len(self.of(o))} {o}' for o in others if self.of(o))])

    def raise_failures(self) -> None:
        """Do nothing if no image failed.

        Raises:
            StageError: It says which failed and why, a line each.
        """
        if failed := self.of('failed'):
            lines = '\n'.join(f'  {result.image}: {result.error}' for result in failed)
            raise StageError(f'{self}:\n{lines}') from failed[0].error
