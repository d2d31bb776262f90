"""Which class a cell has that polygons lie in: pure functions on arrays."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from rastervision.core.data.utils.features import Geoms

NO_CLASS = -1
DIGITS = 9
"""Shares that differ less are equal: areas are the sums of many rounded numbers."""


@dataclass(frozen=True, slots=True)
class CellRule:
    """How a cell gets its class.

    Attributes:
        ioa_thresh: Least share of its area that a polygon must have in a cell to count there.
        use_intersection_over_cell: Compare with the share of the cell's area instead.
        pick_min_class_id: Of several polygons that count, take the least class id instead of that
            of the largest share. It decides between equal shares in any case.
    """

    ioa_thresh: float
    use_intersection_over_cell: bool
    pick_min_class_id: bool


def infer_class_ids(
    cells: NDArray[np.int64],
    geoms: Geoms,
    tree: shapely.STRtree,
    class_ids: NDArray[np.int64],
    rule: CellRule,
) -> NDArray[np.int64]:
    """Class ids of cells.

    Args:
        cells: (N, 4) ymin, xmin, ymax, xmax.
        geoms: (M,) polygons in the same frame.
        tree: Of the polygons.
        class_ids: (M,) class ids of the polygons.
        rule: How to choose.

    Returns:
        (N,) class ids, NO_CLASS for cells that no polygon counts in.
    """
    ymin, xmin, ymax, xmax = cells.T
    boxes = shapely.box(xmin, ymin, xmax, ymax)
    cell, polygon = tree.query(boxes, predicate='intersects')
    shared, areas = _shared_areas(cells[cell], boxes[cell], geoms[polygon])
    whole = shapely.area(boxes)[cell] if rule.use_intersection_over_cell else areas
    share = np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0).round(DIGITS)
    counts = share >= rule.ioa_thresh
    cell, share, classes = cell[counts], share[counts], class_ids[polygon[counts]]
    # the one that gives a cell its class comes first
    order = np.lexsort((classes, cell) if rule.pick_min_class_id else (classes, -share, cell))
    found, first = np.unique(cell[order], return_index=True)
    result = np.full(len(cells), NO_CLASS, dtype=np.int64)
    result[found] = classes[order][first]
    return result


def _shared_areas(
    cells: NDArray[np.int64], boxes: Geoms, geoms: Geoms
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(P,) areas that cells share with polygons, pair by pair, and areas of the polygons."""
    areas = shapely.area(geoms)
    xmin, ymin, xmax, ymax = shapely.bounds(geoms).T
    cut = (ymin < cells[:, 0]) | (xmin < cells[:, 1]) | (ymax > cells[:, 2]) | (xmax > cells[:, 3])
    shared = areas.copy()
    shared[cut] = shapely.area(shapely.intersection(geoms[cut], boxes[cut]))
    return shared, areas
