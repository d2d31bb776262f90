"""ScenePrediction: predicting one scene in parts, which stay when the process ends."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from rastervision.core.data import Scene
from rastervision.core.sampling.random_windows import warn_if_larger
from rastervision.pipeline.progress import progress

if TYPE_CHECKING:
    from rastervision.core.rv_pipeline.rv_pipeline import RVPipeline

log = logging.getLogger(__name__)


class ScenePrediction(ABC):
    """The parts of a scene, those that are there and those that are to be predicted.

    A subclass knows what a part is: see `TilePrediction` and `WindowPrediction`.
    """

    def __init__(self, pipeline: 'RVPipeline', scene: Scene, plan: Any, key: str | None) -> None:
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

    @property
    @abstractmethod
    def _store_parts(self) -> Any:
        """The parts on disk; those of another key are removed."""

    @abstractmethod
    def _write(self, run: Any, results: Iterator[Any]) -> None:
        """Write the parts of a run from what the model says about its windows."""

    @abstractmethod
    def join(self) -> None:
        """Write the outputs of the scene from its parts.

        Raises:
            StageError: Some are missing.
        """

    def is_done(self) -> bool:
        """Say whether the outputs of the scene are there."""
        store: Any = self.scene.label_store
        return bool(store.is_predicted(self.key))

    def work(self) -> list[int]:
        """Return how much work each part is, in pixels."""
        return [part.work for part in self.plan.parts]

    def missing(self, which: slice = slice(None)) -> list[Any]:
        """Return those parts, of some or of all, that are not there yet."""
        wanted = self.plan.parts[which]
        missing = [part for part in wanted if not self._store_parts.is_done(part.index)]
        if len(missing) < len(wanted):
            there = len(wanted) - len(missing)
            log.info('%s, continuing: %d of %d parts are there.', self.scene.id, there, len(wanted))
        return missing

    def num_windows(self, parts: Sequence[Any]) -> int:
        """Return how many windows the model must see for these parts."""
        return sum(len(run.windows) for run in self.plan.runs(parts))

    def predict(self, parts: Sequence[Any], advance: Callable[[float], None]) -> None:
        """Predict parts and write them; each is there as soon as its last window is known.

        Args:
            parts: Which ones.
            advance: Called with the number of windows that are done.
        """
        chip_sz = self.pipeline.predict_options().chip_sz
        warn_if_larger((chip_sz, chip_sz), self.scene.extent, self.scene.id)
        for run in self.plan.runs(parts):
            left = len(run.windows)

            def count(result: Any) -> Any:
                nonlocal left
                left -= 1
                advance(1)
                return result

            with closing(self.pipeline.predict_windows(self.scene, run.windows)) as stream:
                self._write(run, map(count, stream))
            advance(left)  # windows that fill up the last batch

    def carry_out(self) -> None:
        """Predict the parts that are missing, and write the outputs of the scene."""
        parts = self.missing()
        total = self.num_windows(parts)
        with progress(total, f'Predicting {self.scene.id}', 'windows') as advance:
            self.predict(parts, advance)
        self.join()

    def clean_up(self) -> None:
        """Remove parts of a scene whose outputs are there, which a crash may have left."""
        self._store_parts.remove()
