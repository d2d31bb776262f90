"""TilePrediction: predicting the pixels of a scene in parts."""

from collections.abc import Iterator
from contextlib import closing
from functools import cached_property
from typing import Any

from rastervision.core.box import Box
from rastervision.core.prediction import Run, ScoreTile
from rastervision.core.rv_pipeline.scene_prediction import ScenePrediction


class TilePrediction(ScenePrediction):
    """Parts are rectangles (`ScenePlan`), whose rows the pipeline makes of overlapping windows."""

    @cached_property
    def _store_parts(self) -> Any:
        store: Any = self.scene.label_store
        return store.parts([part.box for part in self.plan.parts], self.key)

    def _write(self, run: Run, results: Iterator[Any]) -> None:
        """Write parts, one below the other, from bands that come from top to bottom."""
        with closing(self.pipeline.join_windows(self.scene, run, results)) as bands:
            band = None
            for part in run.parts:
                with self._store_parts.writer(part.index) as writer:
                    row = part.box.ymin
                    while row < part.box.ymax:
                        if band is None or band.box.ymax <= row:
                            band = next(bands)
                        piece = _rows(band, row, min(band.box.ymax, part.box.ymax))
                        writer.write(piece)
                        row = piece.box.ymax

    def join(self) -> None:
        self._store_parts.join()


def _rows(band: ScoreTile, ymin: int, ymax: int) -> ScoreTile:
    """Some rows of a band."""
    box = Box(ymin, band.box.xmin, ymax, band.box.xmax)
    rows = slice(ymin - band.box.ymin, ymax - band.box.ymin)
    return ScoreTile(box, band.scores[:, rows], band.valid[rows])
