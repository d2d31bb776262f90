"""AoiParts: where windows can lie in the connected parts of an AOI."""

from collections.abc import Callable, Sequence
from functools import cached_property
from math import floor
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

from rastervision.core.box import Box
from rastervision.core.data.utils.features import Geoms
from rastervision.core.sampling.aoi_sampler import AoiSampler


class AoiParts:
    """Connected polygons that do not overlap, each of which may hold windows."""

    def __init__(self, polygons: Sequence[Polygon]) -> None:
        """Constructor.

        Args:
            polygons: in the frame of the windows.
        """
        self._polygons: Geoms = np.array(polygons, dtype=object)
        self._areas = shapely.area(self._polygons)
        xmin, ymin, xmax, ymax = shapely.bounds(self._polygons).reshape(-1, 4).T
        self._top, self._left = np.ceil(ymin).astype(np.int64), np.ceil(xmin).astype(np.int64)
        self._height = np.floor(ymax).astype(np.int64) - self._top
        self._width = np.floor(xmax).astype(np.int64) - self._left
        self._samplers: dict[int, AoiSampler] = {}

    def __len__(self) -> int:
        return len(self._polygons)

    def num_places(self, height: int, width: int) -> NDArray[np.float64]:
        """(len(self),) sizes of the sets of places that `propose` draws from, in pixels."""
        rows, columns = self._height - height + 1, self._width - width + 1
        places = np.minimum(rows.clip(0) * columns.clip(0), self._areas)
        return np.asarray(places)

    def propose(
        self, part: int, height: int, width: int, rng: np.random.Generator
    ) -> tuple[int, int]:
        """Upper left corner (y, x) of a window that may lie inside a part.

        Drawn evenly from the smaller of two sets: the places inside the bounding box, and those
        at which the window's centre is inside the polygon.
        """
        rows = max(0, int(self._height[part]) - height + 1)
        columns = max(0, int(self._width[part]) - width + 1)
        if rows * columns <= self._areas[part]:
            top, left = int(self._top[part]), int(self._left[part])
            return top + int(rng.integers(rows)), left + int(rng.integers(columns))
        if part not in self._samplers:
            self._samplers[part] = AoiSampler([self._polygons[part]])
        (x, y), *_ = self._samplers[part].sample(1, rng)
        return floor(y - height / 2 + 0.5), floor(x - width / 2 + 0.5)

    def holds(self, part: int, window: Box) -> bool:
        """Whether a window lies inside a part."""
        return bool(_test(shapely.covers, self._polygons[part], window.to_shapely()))

    def accepts(self, window: Box, within: bool) -> bool:
        """Whether a window lies inside any part, or (within=False) touches one."""
        box = window.to_shapely()
        near = self._polygons[self._tree.query(box)]
        return bool(_test(shapely.covers if within else shapely.intersects, near, box).any())

    def large_enough(self, height: int, width: int) -> Geoms:
        """The polygons that may hold a window of a size."""
        return self._polygons[self.num_places(height, width) > 0]

    def room_at(self, x: float, y: float) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
        """Half-open ranges of rows and columns of the part that holds a point, or None twice."""
        found = self._tree.query(shapely.Point(x, y), predicate='intersects')
        if not len(found):
            return None, None
        part = int(found[0])
        top, left = int(self._top[part]), int(self._left[part])
        return (top, top + int(self._height[part])), (left, left + int(self._width[part]))

    def sample_point(self, rng: np.random.Generator) -> tuple[float, float]:
        """A point (x, y) of the parts, each piece of area as likely as any other."""
        (x, y), *_ = self._sampler.sample(1, rng)
        return float(x), float(y)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self._polygons)

    @cached_property
    def _sampler(self) -> AoiSampler:
        return AoiSampler(self._polygons)


def _test(predicate: Callable[[Any, Polygon], Any], polygons: Any, box: Polygon) -> Any:
    """A predicate on polygons that are prepared for it at their first one."""
    shapely.prepare(polygons)
    return predicate(polygons, box)
