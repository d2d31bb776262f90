"""ScenePrediction: predicting one scene in parts, which stay when the process ends."""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import cached_property
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from rastervision.core.box import Box
from rastervision.core.data import Scene
from rastervision.core.prediction import Part, ScenePlan, ScoreTile

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline

log = logging.getLogger(__name__)


class ScenePrediction:
    """The parts of a scene, those that are there and those that are to be predicted."""

    def __init__(
        self, pipeline: 'RVPipeline', scene: Scene, plan: ScenePlan, key: str | None
    ) -> None:
        """Prepare to predict.

        Args:
            pipeline: Predicts.
            scene: The scene; its label store takes parts.
            plan: What the parts are.
            key: Fingerprint of everything that decides the result; None if nobody knows it, so
                that nothing is taken over from another run.
        """
        self.pipeline = pipeline
        self.scene = scene
        self.plan = plan
        self.is_resumable = key is not None
        self.key = key or token_hex(16)

    @cached_property
    def _store_parts(self) -> Any:
        """The parts on disk; those of another key are removed."""
        store: Any = self.scene.label_store
        return store.parts([part.box for part in self.plan.parts], self.key)

    def is_done(self) -> bool:
        """Say whether the outputs of the scene are there."""
        store: Any = self.scene.label_store
        return bool(store.is_predicted(self.key))

    def missing(self, which: slice = slice(None)) -> list[Part]:
        """Return those parts, of some or of all, that are not there yet."""
        wanted = self.plan.parts[which]
        missing = [part for part in wanted if not self._store_parts.is_done(part.index)]
        if len(missing) < len(wanted):
            there = len(wanted) - len(missing)
            log.info('%s, continuing: %d of %d parts are there.', self.scene.id, there, len(wanted))
        return missing

    def num_windows(self, parts: Sequence[Part]) -> int:
        """Return how many windows the model must see for these parts."""
        return sum(len(run.windows) for run in self.plan.runs(parts))

    def predict(self, parts: Sequence[Part], advance: Callable[[float], None]) -> None:
        """Predict parts and write them; each is there as soon as its last row is known.

        Args:
            parts: Which ones.
            advance: Called with the number of windows that are done.
        """
        for run in self.plan.runs(parts):
            left = len(run.windows)

            def count(result: Any) -> Any:
                nonlocal left
                left -= 1
                advance(1)
                return result

            stream = self.pipeline.predict_windows(self.scene, run.windows)
            results = map(count, stream)
            bands = self.pipeline.join_windows(self.scene, run, results)
            with ExitStack() as stack:
                for generator in (stream, bands):
                    if isinstance(generator, Generator):
                        stack.enter_context(closing(generator))
                self._write(run.parts, bands)
            advance(left)  # windows that fill up the last batch

    def _write(self, parts: Iterable[Part], bands: Iterator[ScoreTile]) -> None:
        """Write parts, one below the other, from bands that come from top to bottom."""
        band = None
        for part in parts:
            with self._store_parts.writer(part.index) as writer:
                row = part.box.ymin
                while row < part.box.ymax:
                    if band is None or band.box.ymax <= row:
                        band = next(bands)
                    piece = _rows(band, row, min(band.box.ymax, part.box.ymax))
                    writer.write(piece)
                    row = piece.box.ymax

    def join(self) -> None:
        """Write the outputs of the scene from its parts.

        Raises:
            StageError: Some are missing.
        """
        self._store_parts.join()

    def clean_up(self) -> None:
        """Remove parts of a scene whose outputs are there, which a crash may have left."""
        self._store_parts.remove()


def _rows(band: ScoreTile, ymin: int, ymax: int) -> ScoreTile:
    """Some rows of a band."""
    box = Box(ymin, band.box.xmin, ymax, band.box.xmax)
    rows = slice(ymin - band.box.ymin, ymax - band.box.ymin)
    return ScoreTile(box, band.scores[:, rows], band.valid[rows])
