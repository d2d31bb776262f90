"""WindowPrediction: predicting the windows of a scene in parts, for cells and boxes."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from rastervision.core.data import Scene
from rastervision.core.data.label_store.geojson_store import GeoJSONStore
from rastervision.core.data.label_store.window_parts import WindowParts
from rastervision.core.prediction import WindowBoxes, WindowPlan, WindowRun, WindowScores
from rastervision.core.rv_pipeline.predict_options import PredictOptions
from rastervision.core.rv_pipeline.scene_prediction import ScenePrediction
from rastervision.core.utils.overrides import overridden_since
from rastervision.pipeline.errors import DataError

Result = TypeVar('Result', WindowScores, WindowBoxes)


class WindowPrediction(ScenePrediction):
    """Parts are batches of windows (`WindowPlan`); the pipeline makes labels of all of them."""

    @cached_property
    def _store_parts(self) -> WindowParts:
        store: Any = self.scene.label_store
        parts = [part.windows for part in self.plan.parts]
        return WindowParts(store.part_folder(self.key), parts, store.uri)

    def _write(self, run: WindowRun, results: Iterator[Any]) -> None:
        for part in run.parts:
            self._store_parts.write(part.index, list(islice(results, len(part.windows))))

    def join(self) -> None:
        labels = self.pipeline.labels_of_windows(self.scene, self._store_parts.read())
        store: Any = self.scene.label_store
        store.save(labels, key=self.key if self.is_resumable else None)
        self._store_parts.remove()


def finite(results: Iterable[Result], scene_id: str) -> Iterator[Result]:
    """Yield results of windows, and complain at the end if some cannot be used.

    Raises:
        DataError: A model gave scores, values or boxes that are not finite where there is data.
    """
    count = bad = 0
    for result in results:
        numbers = [result.scores]
        if isinstance(result, WindowBoxes):
            numbers.append(result.boxes)
        count += 1
        bad += result.valid and not all(np.isfinite(array).all() for array in numbers)
        yield result
    if bad:
        raise DataError(
            f'Scene {scene_id!r}: for {bad} of {count} windows, the model predicts NaN or infinite '
            'numbers. If this is so for most windows, it diverged in training: look at its losses, '
            'and train again with a lower learning rate (solver.lr). If it is so for a few, pixels '
            'of the image are NaN or extreme: replace them by a raster transformer, such as '
            'nan_transformer.'
        )


def window_plan(scene: Scene, options: PredictOptions) -> WindowPlan | None:
    """Return the windows of a scene, in parts; None if its label store is no GeoJSON file."""
    store = scene.label_store
    if not isinstance(store, GeoJSONStore) or overridden_since(store, 'part_folder', 'save'):
        return None
    stride = options.stride or options.chip_sz
    aoi = options.aoi_polygons(scene)
    return WindowPlan(scene.extent, options.chip_sz, stride, options.batch_sz, aoi)
