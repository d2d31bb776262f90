"""ChipRegressionLabels: values for every cell of a scene."""

import math
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.label.labels import Labels
from rastervision.core.data.label.utils import cells_within, positions
from rastervision.core.data.utils.label_geojson import save_boxes

if TYPE_CHECKING:
    from rastervision.core.data.class_config import ClassConfig
    from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
    from rastervision.core.data.utils.placement import OutputCRS

NODATA = 'nodata'
"""Property of the cells in which the image has no data; no target can have this name."""


class ChipRegressionLabels(Labels):
    """Cells, and the values of the targets in each. Cells are boxes in the extent frame.

    Attributes:
        cells: (N, 4) ymin, xmin, ymax, xmax.
        values: (N, K) float32, NaN where a value is not known.
        nodata: (N,) True for cells in which the image has no data.
    """

    def __init__(
        self, cells: ArrayLike, values: ArrayLike, nodata: ArrayLike | None = None
    ) -> None:
        """Constructor.

        Args:
            cells: (N, 4) cells, each once.
            values: (N, K) values of the targets.
            nodata: (N,) cells without data; none by default.

        Raises:
            ValueError: The arrays are not of the same length.
        """
        self.cells: NDArray[np.int64] = np.array(cells, dtype=np.int64).reshape(-1, 4)
        self.values: NDArray[np.float32] = np.array(values, dtype=np.float32)
        count = len(self.cells)
        self.nodata: NDArray[np.bool_] = (
            np.zeros(count, dtype=bool) if nodata is None else np.array(nodata, dtype=bool)
        )
        if self.values.ndim != 2 or not len(self.values) == len(self.nodata) == count:
            raise ValueError(
                f'{count} cells do not go with values of shape {self.values.shape} and a mask of '
                f'shape {self.nodata.shape}.'
            )

    @classmethod
    def make_empty(cls, num_targets: int = 1) -> Self:
        """Labels of no cell."""
        return cls(np.empty((0, 4)), np.empty((0, num_targets)))

    @classmethod
    def from_predictions(
        cls, windows: Iterable[Box], predictions: Iterable[Any], num_targets: int = 1
    ) -> Self:
        """Labels from the values of windows.

        Args:
            windows: Windows in the extent frame. Of one that comes twice, the last values count.
            predictions: (K,) values of the targets, for each window.
            num_targets: K where there is no window.
        """
        by_cell = dict(zip(windows, predictions, strict=True))
        if not by_cell:
            return cls.make_empty(num_targets)
        return cls(Box.to_npboxes(by_cell), np.array(list(by_cell.values()), dtype=np.float32))

    def __len__(self) -> int:
        return len(self.cells)

    @cached_property
    def _index(self) -> dict[Box, int]:
        return {Box(*sides): row for row, sides in enumerate(self.cells.tolist())}

    def get_cells(self) -> list[Box]:
        """All cells."""
        return list(self._index)

    def __getitem__(self, cell: Box) -> NDArray[np.float32]:
        """(K,) values of a cell; KeyError if there is none."""
        values: NDArray[np.float32] = self.values[self._index[cell]]
        return values

    def take(self, indices: ArrayLike) -> Self:
        """Labels of some cells, by position or by a mask."""
        chosen = positions(indices)
        return type(self)(self.cells[chosen], self.values[chosen], self.nodata[chosen])

    def __add__(self, other: Self) -> Self:
        """Cells of both; where both have a cell, that of the other."""
        kept = [row for cell, row in self._index.items() if cell not in other._index]
        mine = self.take(np.array(kept, dtype=np.intp))
        columns = [(s.cells, s.values, s.nodata) for s in (mine, other)]
        return type(self)(*(np.concatenate(both) for both in zip(*columns, strict=True)))

    def filter_by_aoi(
        self, aoi_polygons: Iterable[BaseGeometry], extent: Box | None = None
    ) -> Self:
        """Labels of the cells that lie within the union of polygons; see `cells_within`."""
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
        """Write the cells as GeoJSON, with a property for each target that is known.

        Args:
            uri: The file.
            class_config: Its names are those of the targets.
            crs_transformer: Of the image.
            bbox: Where the extent lies in the image, in the source pixel frame.
            key: Fingerprint of the prediction, see `label_geojson`.
            crs: Whether coordinates are map coordinates, or in the CRS of the image.
        """
        columns: dict[str, Sequence[Any]] = {
            name: [None if math.isnan(value) else value for value in column.tolist()]
            for name, column in zip(class_config.names, self.values.T, strict=True)
        }
        if self.nodata.any():
            columns[NODATA] = self.nodata.tolist()
        save_boxes(uri, self.cells, columns, crs_transformer, bbox, key, crs)
