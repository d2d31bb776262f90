"""ChipClassificationLabels: a class for every cell of a scene."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.label.classification_label import ClassificationLabel
from rastervision.core.data.label.labels import Labels
from rastervision.core.data.label.utils import (
    cells_of_features,
    cells_within,
    matching_rows,
    overlapping,
    positions,
    score_table,
)
from rastervision.core.data.utils.features import Features, to_class_ids
from rastervision.core.data.utils.label_geojson import save_boxes

if TYPE_CHECKING:
    from rastervision.core.data.class_config import ClassConfig
    from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
    from rastervision.core.data.utils.placement import OutputCRS


class ChipClassificationLabels(Labels):
    """Cells, the class of each, and maybe scores. Cells are boxes in the extent frame.

    Used like a dict from cells to labels; inside, there is an array for each column.
    """

    def __init__(
        self, cell_to_label: Mapping[Box, tuple[int, Sequence[float] | None]] | None = None
    ) -> None:
        """Constructor.

        Args:
            cell_to_label: Class id and scores (or None) by cell.
        """
        self._count = 0
        self._cells: NDArray[np.int64] = np.empty((0, 4), dtype=np.int64)
        self._class_ids: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._scores: NDArray[np.float64] = np.empty((0, 0))
        self._nodata: NDArray[np.bool_] = np.empty(0, dtype=bool)
        for cell, (class_id, scores) in (cell_to_label or {}).items():
            self.set_cell(cell, class_id, scores)

    # --- making

    @classmethod
    def make_empty(cls) -> Self:
        """Labels of no cell yet."""
        return cls()

    @classmethod
    def from_arrays(
        cls,
        cells: ArrayLike,
        class_ids: ArrayLike,
        scores: ArrayLike | None = None,
        nodata: ArrayLike | None = None,
    ) -> Self:
        """Labels from columns.

        Args:
            cells: (N, 4) ymin, xmin, ymax, xmax; each cell once.
            class_ids: (N,) class ids.
            scores: (N, K) scores, NaN in a row without any.
            nodata: (N,) True for cells in which the image has no data.
        """
        labels = cls()
        labels._set_columns(cells, class_ids, scores, nodata)
        return labels

    def _set_columns(
        self,
        cells: ArrayLike,
        class_ids: ArrayLike,
        scores: ArrayLike | None,
        nodata: ArrayLike | None,
    ) -> None:
        """Hold other labels, see `from_arrays`."""
        self._cells = np.array(cells, dtype=np.int64).reshape(-1, 4)
        count = self._count = len(self._cells)
        self._class_ids = np.array(class_ids, dtype=np.int64).reshape(count)
        self._scores = np.empty((count, 0)) if scores is None else np.array(scores, dtype=float)
        no_data = np.zeros(count, dtype=bool) if nodata is None else np.array(nodata, dtype=bool)
        self._nodata = no_data
        vars(self).pop('_index', None)  # the cached property

    @classmethod
    def from_predictions(cls, windows: Iterable[Box], predictions: Iterable[Any]) -> Self:
        """Labels from the scores of windows; the class is that of the highest score.

        Args:
            windows: Windows in the extent frame. Of one that comes twice, the last scores count.
            predictions: (K,) scores of the classes, for each window.
        """
        by_cell = dict(zip(windows, predictions, strict=True))
        if not by_cell:
            return cls()
        scores = np.array(list(by_cell.values()), dtype=float)
        return cls.from_arrays(Box.to_npboxes(by_cell), scores.argmax(axis=1), scores)

    @classmethod
    def from_features(cls, features: Features, bbox: Box | None = None) -> Self:
        """Labels of cells that are there as polygons with a class_id, and maybe scores.

        Args:
            features: Cells in the source pixel frame. Of one that comes twice, the last counts.
            bbox: Box of that frame in whose extent frame the cells are wanted, those that have no
                area in it left out; None takes all as they are.

        Raises:
            DataError: A cell has no class id. Some have more scores than others, or scores that are
                no numbers.
        """
        cells = cells_of_features(features, bbox)
        class_ids = to_class_ids(features.column('class_id'), features.origin or 'The cells')
        nodata = np.array([bool(value) for value in features.column('nodata')], dtype=bool)
        scores = score_table(features)
        _, last = np.unique(cells[::-1], axis=0, return_index=True)
        rows = np.sort(len(cells) - 1 - last)
        if bbox is not None:
            rows = rows[overlapping(cells[rows], Box(0, 0, bbox.height, bbox.width))]
        return cls.from_arrays(cells, class_ids, scores, nodata).take(rows)

    def __setitem__(self, cell: Box, label: 'ClassificationLabel') -> None:
        """Set the label of a cell; see `set_cell`."""
        self.set_cell(cell, *label)

    @property
    def cell_to_label(self) -> dict[Box, 'ClassificationLabel']:
        """All labels by cell, as a copy."""
        return dict(zip(self, self.get_values(), strict=True))

    def set_cell(
        self, cell: Box, class_id: int, scores: Sequence[float] | NDArray[Any] | None = None
    ) -> None:
        """Set the label of a cell.

        Raises:
            ValueError: There are not as many scores as other cells have.
        """
        row = self._index.get(cell)
        if row is None:
            row = self._index[cell] = self._count
            self._make_room()
            self._cells[row] = tuple(cell)
            self._count += 1
        self._class_ids[row] = class_id
        self._nodata[row] = False
        if scores is not None and not self.num_scores:
            self._scores = np.full((len(self._cells), len(scores)), np.nan)
        self._scores[row] = np.nan if scores is None else scores

    def _make_room(self) -> None:
        """Have a row more than there are cells; room doubles, so that adding stays cheap."""
        if self._count == len(self._cells):
            more = max(16, self._count)
            self._cells = np.concatenate([self._cells, np.empty((more, 4), dtype=np.int64)])
            self._class_ids = np.concatenate([self._class_ids, np.empty(more, dtype=np.int64)])
            self._nodata = np.concatenate([self._nodata, np.zeros(more, dtype=bool)])
            room = np.full((more, self.num_scores), np.nan)
            self._scores = np.concatenate([self._scores, room])

    def extend(self, labels: Self) -> None:
        """Take over all cells of other labels; they replace cells that are there already."""
        merged = self + labels
        self._set_columns(merged.cells, merged.class_ids, merged.scores, merged.nodata)

    def __add__(self, other: Self) -> Self:
        """Cells of both; where both have a cell, that of the other."""
        both = (self.take([cell not in other for cell in self]), other)
        width = max(labels.num_scores for labels in both)
        return self.from_arrays(
            np.concatenate([labels.cells for labels in both]),
            np.concatenate([labels.class_ids for labels in both]),
            np.concatenate([labels.scores_or_nan(width) for labels in both]),
            np.concatenate([labels.nodata for labels in both]),
        )

    def take(self, keep: ArrayLike) -> Self:
        """Labels of some cells, by position or by a mask."""
        chosen = positions(keep)
        columns = (self.cells, self.class_ids, self._scores[: self._count], self.nodata)
        return self.from_arrays(*(column[chosen] for column in columns))

    def at(self, cells: NDArray[Any], extent: Box | None = None) -> Self:
        """Class ids of those of some cells (N, 4) that have one; see `matching_rows`."""
        rows = matching_rows(cells, self.cells, extent)
        found = rows >= 0
        return self.from_arrays(cells[found], self.class_ids[rows[found]])

    # --- columns

    @property
    def cells(self) -> NDArray[np.int64]:
        """(N, 4) ymin, xmin, ymax, xmax of the cells."""
        return self._cells[: self._count]

    @property
    def class_ids(self) -> NDArray[np.int64]:
        """(N,) class ids."""
        return self._class_ids[: self._count]

    @property
    def scores(self) -> NDArray[np.float64] | None:
        """(N, K) scores, NaN in a row without any; None if no cell has any."""
        return self._scores[: self._count] if self.num_scores else None

    @property
    def num_scores(self) -> int:
        """K, how many scores a cell has; 0 if no cell has any."""
        return int(self._scores.shape[1])

    def scores_or_nan(self, num_scores: int) -> NDArray[np.float64]:
        """(N, num_scores) scores, NaN in a row without any."""
        return np.full((len(self), num_scores), np.nan) if self.scores is None else self.scores

    @property
    def nodata(self) -> NDArray[np.bool_]:
        """(N,) True for cells in which the image has no data."""
        return self._nodata[: self._count]

    # --- as a dict

    @cached_property
    def _index(self) -> dict[Box, int]:
        return {Box(*sides): row for row, sides in enumerate(self.cells.tolist())}

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Box]:
        """Iterate over the cells."""
        return iter(self._index)

    def __contains__(self, cell: object) -> bool:
        return cell in self._index

    def __getitem__(self, cell: Box) -> ClassificationLabel:
        """Label of a cell; KeyError if there is none."""
        return self._label(self._index[cell])

    def __eq__(self, other: object) -> bool:
        """Whether the cells and their labels are the same, in whatever order."""
        if not isinstance(other, ChipClassificationLabels):
            return NotImplemented
        mine, theirs = (
            dict(zip(labels, zip(labels.get_values(), labels.nodata, strict=True), strict=True))
            for labels in (self, other)
        )
        return mine == theirs

    __hash__ = None  # type: ignore[assignment]  # labels can be changed

    def _label(self, row: int) -> ClassificationLabel:
        return ClassificationLabel(int(self._class_ids[row]), self._scores_of(row))

    def _scores_of(self, row: int) -> Sequence[float] | None:
        scores: list[float] = self._scores[row].tolist()
        return None if all(map(math.isnan, scores)) else scores

    def get_cell_class_id(self, cell: Box) -> int | None:
        """Class id of a cell; None if it has no label."""
        row = self._index.get(cell)
        return None if row is None else int(self._class_ids[row])

    def get_cell_scores(self, cell: Box) -> Sequence[float] | None:
        """Scores of a cell; None if it has none."""
        row = self._index.get(cell)
        return None if row is None else self._scores_of(row)

    def get_singleton_labels(self, cell: Box) -> Self:
        """Labels of this cell alone; KeyError if there is none."""
        return self.take([self._index[cell]])

    def get_cells(self) -> list[Box]:
        """All cells."""
        return list(self)

    def get_class_ids(self) -> list[int]:
        """Class ids of all cells."""
        return [int(class_id) for class_id in self.class_ids]

    def get_scores(self) -> list[Sequence[float] | None]:
        """Scores of all cells."""
        return [self._scores_of(row) for row in range(self._count)]

    def get_values(self) -> list[ClassificationLabel]:
        """Labels of all cells."""
        return [self._label(row) for row in range(self._count)]

    # --- areas and files

    def filter_by_aoi(
        self, aoi_polygons: Iterable[BaseGeometry], extent: Box | None = None
    ) -> Self:
        """Labels of the cells that lie within the union of some polygons.

        Args:
            aoi_polygons: Polygons in the extent frame.
            extent: Of cells that go beyond it, only the part inside has to lie within.
        """
        return self.take(cells_within(self.cells, aoi_polygons, extent))

    def save(
        self,
        uri: str,
        class_config: 'ClassConfig',
        crs_transformer: 'CRSTransformer',
        bbox: Box | None = None,
        key: str | None = None,
        crs: 'OutputCRS' = 'wgs84',
    ) -> None:
        """Write the cells as GeoJSON, with class_id, class_name and scores.

        Args:
            uri: The file.
            class_config: Names of the classes.
            crs_transformer: Of the image.
            bbox: Where the extent lies in the image, in the source pixel frame.
            key: Fingerprint of the prediction, see `label_geojson`.
            crs: Whether coordinates are map coordinates, or in the CRS of the image.
        """
        columns: dict[str, Sequence[Any]] = {
            'class_id': self.get_class_ids(),
            'class_name': [class_config.get_name(i) for i in self.get_class_ids()],
            'scores': self.get_scores(),
        }
        if self.nodata.any():
            columns['nodata'] = self.nodata.tolist()
        save_boxes(uri, self.cells, columns, crs_transformer, bbox, key, crs)
