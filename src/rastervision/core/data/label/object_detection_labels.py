"""Labels of object detection: boxes with classes and scores."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.label import boxes as box_ops
from rastervision.core.data.label.box_frames import BoxFrames
from rastervision.core.data.label.boxes import Boxes, Indices
from rastervision.core.data.label.labels import Labels
from rastervision.core.data.label.np_box_list import (
    NpBoxList,
    clip_to_window,
    concatenate,
    non_max_suppression,
    prune_non_overlapping_boxes,
)
from rastervision.core.data.label.utils import cells_within
from rastervision.core.data.utils.features import to_class_ids
from rastervision.pipeline.errors import DataError

if TYPE_CHECKING:
    from rastervision.core.data.class_config import ClassConfig
    from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
    from rastervision.core.data.utils.features import Features
    from rastervision.core.data.utils.placement import OutputCRS

__all__ = [
    'NpBoxList',
    'ObjectDetectionLabels',
    'clip_to_window',
    'concatenate',
    'non_max_suppression',
    'prune_non_overlapping_boxes',
]


class ObjectDetectionLabels(BoxFrames, Labels):
    """Boxes with a class and a score each, in the extent frame of a scene."""

    def __init__(
        self, npboxes: ArrayLike, class_ids: ArrayLike, scores: ArrayLike | None = None
    ) -> None:
        """Constructor.

        Args:
            npboxes: (N, 4) ymin, xmin, ymax, xmax.
            class_ids: (N,) class ids.
            scores: (N,) scores; None gives each a score of 1.

        Raises:
            ValueError: the arrays do not belong together.
        """
        boxes = np.asarray(npboxes)
        if boxes.ndim != 2 and not boxes.size:
            boxes = boxes.reshape(0, 4)
        ids = np.asarray(class_ids)
        values = np.ones(len(ids)) if scores is None else np.asarray(scores)
        if boxes.shape != (len(ids), 4) or ids.shape != values.shape or ids.ndim != 1:
            raise ValueError(
                f'Boxes must be (N, 4), class ids and scores (N,), but they are {boxes.shape}, '
                f'{ids.shape} and {values.shape}.'
            )
        self._boxes: Boxes = boxes
        self._class_ids: NDArray[np.int64] = ids.astype(np.int64, copy=False)
        self._scores: NDArray[Any] = values

    # ---- making

    @classmethod
    def make_empty(cls) -> Self:
        """No boxes."""
        return cls(np.empty((0, 4)), np.empty(0), np.empty(0))

    @classmethod
    def from_predictions(
        cls, windows: Iterable[Box], predictions: Iterable[Mapping[str, NDArray[Any]]]
    ) -> Self:
        """Labels from what was predicted for windows.

        Args:
            windows: windows in the extent frame.
            predictions: for each of them, `boxes` (N, 4) in pixels from the window's upper left
                corner, `class_ids` (N,) and `scores` (N,).

        Raises:
            ValueError: there are more windows than predictions, or fewer.
        """
        pairs = list(zip(windows, predictions, strict=True))
        if not pairs:
            return cls.make_empty()
        corners = np.array([[w.ymin, w.xmin, w.ymin, w.xmin] for w, _ in pairs])
        counts = [len(p['class_ids']) for _, p in pairs]
        return cls(
            np.concatenate([np.reshape(p['boxes'], (-1, 4)) for _, p in pairs])
            + np.repeat(corners, counts, axis=0),
            np.concatenate([p['class_ids'] for _, p in pairs]),
            np.concatenate([p['scores'] for _, p in pairs]),
        )

    @classmethod
    def from_features(cls, features: 'Features') -> Self:
        """The bounding boxes of features in the extent frame.

        Args:
            features: with the property `class_id`, and maybe `score`.

        Raises:
            DataError: a feature has no class id, or a score that is no number.
        """
        origin = features.origin or 'A GeoJSON document'
        class_ids = to_class_ids(features.column('class_id'), origin)
        scores = [1.0 if score is None else score for score in features.column('score')]
        wrong = next((score for score in scores if not isinstance(score, (int, float))), None)
        if wrong is not None:
            raise DataError(
                f'{origin} has a feature whose property score is {wrong!r}, which is no number; '
                'correct or rename that property.'
            )
        bounds = shapely.bounds(features.geoms).reshape(-1, 4)
        return cls(bounds[:, [1, 0, 3, 2]], class_ids, scores)

    @staticmethod
    def from_geojson(
        geojson: dict[str, Any],
        bbox: Box | None = None,
        ioa_thresh: float = 0.8,
        clip: bool = True,
    ) -> 'ObjectDetectionLabels':
        """The bounding boxes of GeoJSON features in pixel coordinates.

        Args:
            geojson: a FeatureCollection; its features have the property `class_id`, and maybe
                `score`.
            bbox: limits the result to boxes in this box of the same frame.
            ioa_thresh: the least share of a box that must lie in `bbox`.
            clip: cut boxes to `bbox`.
        """
        from rastervision.core.data.utils.geojson_parsing import parse_geojson

        features, _ = parse_geojson(geojson, 'The GeoJSON document')
        labels = ObjectDetectionLabels.from_features(features)
        if bbox is None:
            return labels
        return ObjectDetectionLabels.get_overlapping(labels, bbox, ioa_thresh, clip)

    @staticmethod
    def from_boxlist(boxlist: NpBoxList) -> 'ObjectDetectionLabels':
        """Labels from boxes with the field "classes", and maybe "scores"."""
        scores = boxlist.get_field('scores') if boxlist.has_field('scores') else None
        return ObjectDetectionLabels(boxlist.get(), boxlist.get_field('classes'), scores)

    # ---- contents

    def __len__(self) -> int:
        return len(self._boxes)

    def get_npboxes(self) -> Boxes:
        """(N, 4) ymin, xmin, ymax, xmax."""
        return self._boxes

    def get_boxes(self) -> list[Box]:
        """All boxes as Box."""
        return [Box(*box) for box in self._boxes.tolist()]

    def get_class_ids(self) -> NDArray[np.int64]:
        """(N,) class ids."""
        return self._class_ids

    def get_scores(self) -> NDArray[Any]:
        """(N,) scores."""
        return self._scores

    def to_boxlist(self) -> NpBoxList:
        """Boxes with the fields "classes" and "scores"."""
        boxlist = NpBoxList(self._boxes)
        boxlist.add_field('classes', self._class_ids)
        boxlist.add_field('scores', self._scores)
        return boxlist

    @property
    def boxlist(self) -> NpBoxList:
        """As `to_boxlist`."""
        return self.to_boxlist()

    def to_dict(self, round_boxes: bool = True) -> dict[Box, tuple[int, float]]:
        """Class id and score by box; of equal boxes, the last one counts.

        Args:
            round_boxes: round the sides of boxes to two decimals.
        """
        boxes = self._boxes.round(2) if round_boxes else self._boxes
        entries = zip(self._class_ids.tolist(), self._scores.tolist(), strict=True)
        return {Box(*box): entry for box, entry in zip(boxes.tolist(), entries, strict=True)}

    def __eq__(self, other: object) -> bool:
        """Whether other labels have the same boxes, classes and scores, in the same order."""
        if not isinstance(other, ObjectDetectionLabels):
            return NotImplemented
        return (
            np.array_equal(self._boxes, other.get_npboxes())
            and np.array_equal(self._class_ids, other.get_class_ids())
            and np.array_equal(self._scores, other.get_scores())
        )

    __hash__ = None  # type: ignore[assignment]  # boxes can be added

    def assert_equal(self, expected_labels: 'ObjectDetectionLabels') -> None:
        """Raise AssertionError unless other labels have the same boxes, in the same order."""
        np.testing.assert_array_equal(self._boxes, expected_labels.get_npboxes())
        np.testing.assert_array_equal(self._class_ids, expected_labels.get_class_ids())
        np.testing.assert_array_equal(self._scores, expected_labels.get_scores())

    # ---- choosing

    def take(self, where: Indices | NDArray[np.bool_]) -> 'ObjectDetectionLabels':
        """Boxes by position, or where a mask is True."""
        return ObjectDetectionLabels(
            self._boxes[where], self._class_ids[where], self._scores[where]
        )

    def __getitem__(self, window: Box) -> 'ObjectDetectionLabels':
        """Boxes that lie in a window by half or more; see `get_overlapping`."""
        return self.get_overlapping(self, window)

    def __setitem__(self, window: Box, values: Mapping[str, NDArray[Any]]) -> None:
        """Add boxes; `boxes` are in pixels from the window's corner, see `from_predictions`."""
        both = self + self.from_predictions([window], [values])
        self._boxes, self._class_ids, self._scores = (
            both.get_npboxes(),
            both.get_class_ids(),
            both.get_scores(),
        )

    @staticmethod
    def get_overlapping(
        labels: 'ObjectDetectionLabels', window: Box, ioa_thresh: float = 0.5, clip: bool = False
    ) -> 'ObjectDetectionLabels':
        """Boxes that lie in a window.

        Args:
            labels: the labels.
            window: window in their frame.
            ioa_thresh: the least share of a box that must lie in the window.
            clip: cut boxes to the window.
        """
        shares = box_ops.ioa_with_window(labels.get_npboxes(), window)
        inside = labels.take(np.flatnonzero(shares >= ioa_thresh))
        if not clip:
            return inside
        clipped = box_ops.clip_boxes(inside.get_npboxes(), window)
        return ObjectDetectionLabels(clipped, inside.get_class_ids(), inside.get_scores())

    def filter_by_aoi(self, aoi_polygons: Iterable[BaseGeometry]) -> 'ObjectDetectionLabels':
        """Boxes that lie within the union of some polygons of the extent frame."""
        return self.take(cells_within(self._boxes, aoi_polygons))

    def touching(self, polygons: Iterable[BaseGeometry]) -> 'ObjectDetectionLabels':
        """Boxes that touch one of some polygons of the extent frame."""
        tree = shapely.STRtree(np.array(list(polygons), dtype=object))
        shapes = box_ops.to_shapely(self._boxes)
        return self.take(np.unique(tree.query(shapes, predicate='intersects')[0]))

    @staticmethod
    def prune_duplicates(
        labels: 'ObjectDetectionLabels',
        score_thresh: float,
        merge_thresh: float,
        max_output_size: int | None = None,
        across_classes: bool = True,
    ) -> 'ObjectDetectionLabels':
        """Keep the best of boxes that overlap.

        Args:
            labels: the labels.
            score_thresh: boxes whose score is not above this drop out.
            merge_thresh: boxes overlap when their intersection over union is above this.
            max_output_size: how many boxes to keep at most; None keeps all.
            across_classes: whether boxes of different classes can be duplicates.

        Returns:
            Boxes by descending score.
        """
        high = labels.take(np.flatnonzero(labels.get_scores() > score_thresh))
        boxes, scores = high.get_npboxes(), high.get_scores()
        class_ids = None if across_classes else high.get_class_ids()
        kept = box_ops.non_max_suppression(boxes, scores, merge_thresh, class_ids)
        return high.take(kept[:max_output_size])

    # ---- joining

    def __add__(self, other: 'ObjectDetectionLabels') -> 'ObjectDetectionLabels':
        """The boxes of both."""
        return self.concatenate(self, other)

    @staticmethod
    def concatenate(
        labels1: 'ObjectDetectionLabels', labels2: 'ObjectDetectionLabels'
    ) -> 'ObjectDetectionLabels':
        """The boxes of both."""
        both: Sequence[ObjectDetectionLabels] = (labels1, labels2)
        return ObjectDetectionLabels(
            np.concatenate([labels.get_npboxes() for labels in both]),
            np.concatenate([labels.get_class_ids() for labels in both]),
            np.concatenate([labels.get_scores() for labels in both]),
        )

    # ---- writing

    def save(
        self,
        uri: str,
        class_config: 'ClassConfig',
        crs_transformer: 'CRSTransformer',
        bbox: Box | None = None,
        key: str | None = None,
        crs: 'OutputCRS' = 'wgs84',
    ) -> None:
        """Write a GeoJSON file with the properties `class_id`, `class_name` and `score`.

        Args:
            uri: the file.
            class_config: names of the classes.
            crs_transformer: of the image.
            bbox: where the extent lies in the image; its upper left corner when None.
            key: fingerprint of the prediction, see `GeoJSONStore`.
            crs: whether coordinates are map coordinates, or in the CRS of the image.

        Raises:
            ConfigError: a box is of a class that is not there.
            NotWritableError: the file cannot be written.
        """
        from rastervision.core.data.utils.label_geojson import save_boxes

        class_ids = self._class_ids.tolist()
        names = {class_id: class_config.get_name(class_id) for class_id in set(class_ids)}
        columns = {
            'class_id': class_ids,
            'class_name': [names[class_id] for class_id in class_ids],
            'score': self._scores.tolist(),
        }
        save_boxes(uri, self._boxes, columns, crs_transformer, bbox, key, crs)
