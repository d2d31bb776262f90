"""Sliding windows as a lazy sequence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.sampling.aoi_sampler import union_of
from rastervision.core.utils.misc import ensure_tuple
from rastervision.core.windows import PadDirection, axis_starts

_CHUNK = 65_536


@dataclass(frozen=True, eq=False, slots=True)
class WindowGrid(Sequence[Box]):
    """Windows of one size on a grid, row by row; each box is made when it is asked for.

    Attributes:
        ys: upper sides of the rows.
        xs: left sides of the columns.
        height: of a window, in pixels.
        width: of a window, in pixels.
        chosen: positions, row by row, of the windows that are in the sequence; None for all.
    """

    ys: range
    xs: range
    height: int
    width: int
    chosen: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.ys) * len(self.xs) if self.chosen is None else len(self.chosen)

    @overload
    def __getitem__(self, i: int) -> Box: ...
    @overload
    def __getitem__(self, i: slice) -> list[Box]: ...
    def __getitem__(self, i: int | slice) -> Box | list[Box]:
        """The box at a position, or a list of boxes."""
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        if not -len(self) <= i < len(self):
            raise IndexError(f'There are {len(self)} windows, so there is none at {i}.')
        i = i % len(self)
        row, column = divmod(i if self.chosen is None else int(self.chosen[i]), len(self.xs))
        y, x = self.ys[row], self.xs[column]
        return Box(y, x, y + self.height, x + self.width)

    def filter_by_aoi(
        self, aoi_polygons: Sequence[BaseGeometry], within: bool = True
    ) -> 'WindowGrid':
        """Windows that lie within the union of polygons, or (within=False) that touch it."""
        aoi = union_of(aoi_polygons)
        shapely.prepare(aoi)
        test = shapely.covers if within else shapely.intersects
        total = len(self.ys) * len(self.xs)
        candidates = np.arange(total) if self.chosen is None else self.chosen
        kept = [
            chunk[test(aoi, self._boxes(chunk))]
            for chunk in np.split(candidates, range(_CHUNK, len(candidates), _CHUNK))
        ]
        return WindowGrid(self.ys, self.xs, self.height, self.width, np.concatenate(kept))

    def _boxes(self, positions: NDArray[np.int64]) -> NDArray[np.object_]:
        row, column = np.divmod(positions, len(self.xs))
        y, x = np.array(self.ys)[row], np.array(self.xs)[column]
        boxes: NDArray[np.object_] = shapely.box(x, y, x + self.width, y + self.height)
        return boxes


def window_grid(
    extent: Box,
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: int | tuple[int, int] | None = None,
    pad_direction: PadDirection = 'end',
) -> WindowGrid:
    """The same windows as `Box.get_windows`, as a lazy sequence.

    Args:
        extent: what the windows slide over.
        size: (height, width) of a window.
        stride: (vertical, horizontal) step.
        padding: pixels, or (vertical, horizontal) pixels; None pads as much as is needed to leave
            no pixel out.
        pad_direction: side(s) that are padded.
    """
    pad_y, pad_x = (None, None) if padding is None else ensure_tuple(padding)
    ys = axis_starts(extent.height, size[0], stride[0], pad_y, pad_direction)
    xs = axis_starts(extent.width, size[1], stride[1], pad_x, pad_direction)
    return WindowGrid(_shift(ys, extent.ymin), _shift(xs, extent.xmin), *size)


def _shift(starts: range, offset: int) -> range:
    return range(starts.start + offset, starts.stop + offset, starts.step)
