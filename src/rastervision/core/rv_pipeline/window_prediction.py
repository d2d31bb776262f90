"""WindowPrediction: predicting the windows of a scene in parts, for cells and boxes."""

from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any

from rastervision.core.data import Scene
from rastervision.core.data.label_store.geojson_store import GeoJSONStore
from rastervision.core.data.label_store.window_parts import WindowParts
from rastervision.core.prediction import WindowPlan, WindowRun
from rastervision.core.rv_pipeline.predict_options import PredictOptions
from rastervision.core.rv_pipeline.scene_prediction import ScenePrediction
from rastervision.core.utils.overrides import overridden_since


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


def window_plan(scene: Scene, options: PredictOptions) -> WindowPlan | None:
    """Return the windows of a scene, in parts; None if its label store is no GeoJSON file."""
    store = scene.label_store
    if not isinstance(store, GeoJSONStore) or overridden_since(store, 'part_folder', 'save'):
        return None
    stride = options.stride or options.chip_sz
    aoi = options.aoi_polygons(scene)
    return WindowPlan(scene.extent, options.chip_sz, stride, options.batch_sz, aoi)
