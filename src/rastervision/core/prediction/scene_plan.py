"""How the prediction of a scene is cut into pieces of work.

A scene is a fixed set of parts: rectangles that are computed and written each on their own. They
follow from the scene's size and the options alone, so any process may compute any of them, in any
order, now or after an interruption, and the result is the same byte for byte.

Two things make it so. The windows of a column of parts are one row-major sequence, cut into batches
from its start: a window is always in the same batch, since the rounding of a model's scores may
depend on what else is in it. And whoever computes a part sees every window that touches it.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import overload

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.sampling.aoi_sampler import union_of
from rastervision.core.windows import PadDirection, axis_starts, required_padding

BLEND_BYTES = 256 * 2**20
"""How much memory blending may take, about; wider scenes are cut into columns."""

MIN_PART_ROWS = 1024

_CHUNK = 65_536


class Windows(Sequence[Box]):
    """Square windows at all places of a grid, row by row; they take no memory."""

    def __init__(
        self, ys: range, xs: range, size: int, indices: range | NDArray[np.intp] | None = None
    ) -> None:
        """Constructor.

        Args:
            ys: First rows of the windows.
            xs: First columns.
            size: Height and width.
            indices: Which of the windows, counted row by row, ascending; all by default.
        """
        self.ys = ys
        self.xs = xs
        self.size = size
        self._indices = range(len(ys) * len(xs)) if indices is None else indices

    def __len__(self) -> int:
        return len(self._indices)

    @overload
    def __getitem__(self, index: int) -> Box: ...

    @overload
    def __getitem__(self, index: slice) -> 'Windows': ...

    def __getitem__(self, index: int | slice) -> 'Box | Windows':
        if isinstance(index, slice):
            return Windows(self.ys, self.xs, self.size, self._indices[index])
        row, column = divmod(int(self._indices[index]), len(self.xs))
        return Box.make_square(self.ys[row], self.xs[column], self.size)

    def touching(self, polygons: Sequence[BaseGeometry]) -> 'Windows':
        """Those that touch one of some polygons in their frame."""
        area = union_of(polygons)
        shapely.prepare(area)
        kept = []
        for start in range(0, len(self), _CHUNK):
            indices = np.asarray(self._indices[start : start + _CHUNK])
            row, column = np.divmod(indices, len(self.xs))
            y, x = np.array(self.ys)[row], np.array(self.xs)[column]
            boxes = shapely.box(x, y, x + self.size, y + self.size)
            kept.append(indices[shapely.intersects(area, boxes)])
        return Windows(self.ys, self.xs, self.size, np.concatenate([np.empty(0, int), *kept]))

    def in_rows(self, rows: slice) -> range:
        """Positions of the windows in some rows of the grid, which `rows` counts."""
        width = len(self.xs)
        return range(*(bisect_left(self._indices, row * width) for row in (rows.start, rows.stop)))


def prediction_windows(
    extent: Box, chip_sz: int, stride: int, crop_sz: int | None = None
) -> Windows:
    """Windows that cover a scene, row by row.

    Args:
        extent: The scene's extent.
        chip_sz: Height and width of the windows in pixels.
        stride: Distance between windows in pixels.
        crop_sz: Pixels at the edges of windows that will not be used. The windows then reach out
            of the scene on all sides; otherwise, at the right and lower side only.
    """
    direction: PadDirection = 'both' if crop_sz else 'end'

    def starts(first: int, length: int) -> range:
        padding = required_padding(length, chip_sz, stride, direction, crop_sz)
        starts = axis_starts(length, chip_sz, stride, padding, direction)
        return range(starts.start + first, starts.stop + first, stride)

    ys, xs = starts(extent.ymin, extent.height), starts(extent.xmin, extent.width)
    return Windows(ys, xs, chip_sz)


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of a scene that is predicted and written on its own.

    Attributes:
        index: Position in `ScenePlan.parts`.
        column: Number of the column of parts that it is in.
        box: The rectangle, in the extent frame.
    """

    index: int
    column: int
    box: Box

    @property
    def work(self) -> int:
        """How much work the part is, in pixels."""
        return self.box.area


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive parts of a column, predicted in one go.

    Attributes:
        parts: The parts, from top to bottom.
        box: Their union.
        windows: What the model must see, row by row: all windows that touch the box, and those
            that share a batch with them. Batches are counted from the first one given.
        unseen: Windows that touch the box, but no area of interest, so that the model need not
            see them, row by row.
    """

    parts: tuple[Part, ...]
    box: Box
    windows: Sequence[Box]
    unseen: Sequence[Box] = ()


class ScenePlan:
    """The parts of a scene, and which windows each of them needs.

    Attributes:
        parts: Column by column, from top to bottom in a column. Their edges are at multiples of
            twice the block size, except at the scene's own border, so that tiles and those of the
            first overview are whole.
    """

    def __init__(
        self,
        extent: Box,
        chip_sz: int,
        stride: int,
        crop_sz: int,
        batch_sz: int,
        num_values: int,
        block_size: int,
        budget: int = BLEND_BYTES,
        aoi_polygons: Sequence[BaseGeometry] = (),
    ) -> None:
        """Constructor.

        Args:
            extent: Box(0, 0, height, width) of the scene.
            chip_sz: Height and width of the windows in pixels.
            stride: Distance between windows in pixels.
            crop_sz: Pixels at the edges of windows that will not be used.
            batch_sz: Windows that the model sees at once.
            num_values: float32 values that are held for each pixel, such as its class scores.
            block_size: Side of the tiles of output rasters in pixels.
            budget: Bytes that the rows of windows under construction may take, about.
            aoi_polygons: Areas of interest in the extent frame; the model sees only windows that
                touch one. Without any, it sees all windows.
        """
        self._batch_sz = batch_sz
        unit = 2 * block_size
        bytes_per_unit = unit * (chip_sz + stride) * num_values * 4
        columns = list(pairwise(_column_edges(extent.width, unit, budget // bytes_per_unit)))
        rows = list(pairwise(_edges(extent.height, -(-MIN_PART_ROWS // unit) * unit)))
        boxes = ((i, Box(y0, x0, y1, x1)) for i, (x0, x1) in enumerate(columns) for y0, y1 in rows)
        self.parts = tuple(Part(index, column, box) for index, (column, box) in enumerate(boxes))
        windows = prediction_windows(extent, chip_sz, stride, crop_sz)
        self._grids = [
            Windows(windows.ys, windows.xs[_touching(windows.xs, chip_sz, *edges)], chip_sz)
            for edges in columns
        ]
        self._windows = (
            [grid.touching(aoi_polygons) for grid in self._grids] if aoi_polygons else self._grids
        )

    def runs(self, parts: Collection[Part]) -> list[Run]:
        """Group parts that follow on each other in a column, in the order of the plan.

        Args:
            parts: Some of the plan's parts, in any order.
        """
        ordered = sorted(parts, key=lambda part: part.index)
        places = enumerate(ordered)
        groups = groupby(places, lambda place: (place[1].column, place[1].index - place[0]))
        return [self._run(tuple(part for _, part in group)) for _, group in groups]

    def _run(self, parts: tuple[Part, ...]) -> Run:
        first, last = parts[0].box, parts[-1].box
        box = Box(first.ymin, first.xmin, last.ymax, last.xmax)
        grid, windows = self._grids[parts[0].column], self._windows[parts[0].column]
        rows = _touching(grid.ys, grid.size, box.ymin, box.ymax)
        needed, batch = windows.in_rows(rows), self._batch_sz
        if not needed:
            return Run(parts, box, (), grid[_slice(grid.in_rows(rows))])
        aligned = slice(needed.start // batch * batch, -(-needed.stop // batch) * batch)
        if windows is grid:
            return Run(parts, box, windows[aligned])
        seen = set(windows[_slice(needed)])
        unseen = [window for window in grid[_slice(grid.in_rows(rows))] if window not in seen]
        return Run(parts, box, windows[aligned], unseen)


def _touching(starts: range, size: int, low: int, high: int) -> slice:
    """Which of these windows share pixels with [low, high)."""
    before = sum(start + size <= low for start in starts)
    return slice(before, max(before, sum(start < high for start in starts)))


def _edges(length: int, step: int) -> list[int]:
    return [*range(0, length, step), length]


def _column_edges(width: int, unit: int, most_units: int) -> list[int]:
    """Edges of as few columns as have at most so many units each (but one), equally wide."""
    units = -(-width // unit)
    count = -(-units // max(1, most_units))
    return [*(i * units // count * unit for i in range(count)), width]


def _slice(positions: range) -> slice:
    return slice(positions.start, positions.stop)
