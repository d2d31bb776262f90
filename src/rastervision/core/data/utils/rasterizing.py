"""Polygons to label arrays, window by window.

GDAL draws polygons, too, but to hand it a few of them takes longer than to draw a window of labels
here, from arrays that are made once for all windows. Both fill by the same rule and give the same
pixels; GDAL draws what is large enough to be worth it, and `all_touched`.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.utils.features import Geoms
from rastervision.core.utils.quiet import quiet

Coords = NDArray[np.float64]
Offsets = NDArray[np.integer[Any]]
Ints = NDArray[np.int64]

MANY_PIXELS = 2048 * 2048
"""Drawings larger than this are GDAL's: ours take several bytes for every pixel of a polygon."""

_MANY_VERTICES = 2000
_MARGIN = 2.0


@dataclass(frozen=True, eq=False, slots=True)
class Edges:
    """Edges of polygons; every ring runs clockwise (where y points up), holes as well.

    Attributes:
        points: (4, E) x and y of where each edge starts, then of where it ends.
        offsets: (N + 1,) where the edges of each polygon start, and E.
    """

    points: Coords
    offsets: Offsets

    @classmethod
    def of(cls, geoms: Geoms) -> Self:
        """Edges of (N,) polygons."""
        rings, polygon = shapely.get_rings(geoms, return_index=True)
        coords, ring = shapely.get_coordinates(rings, return_index=True)
        start = np.flatnonzero(ring[1:] == ring[:-1])
        points = np.concatenate([coords[start].T, coords[start + 1].T])
        ring = ring[start]
        reverse = shapely.is_ccw(rings)[ring]
        points[:, reverse] = points[[2, 3, 0, 1]][:, reverse]
        return cls(points, np.searchsorted(polygon[ring], np.arange(len(geoms) + 1)))

    def take(self, polygons: NDArray[np.intp]) -> Self:
        """Edges of some of the polygons."""
        starts = self.offsets[polygons]
        counts = self.offsets[polygons + 1] - starts
        points = self.points[:, _ranges(starts, counts)]
        return type(self)(points, np.concatenate([[0], np.cumsum(counts)]))


def rasterize_polygons(
    geoms: Geoms,
    values: NDArray[np.uint8],
    window: Box,
    background: int,
    all_touched: bool = False,
    out_shape: tuple[int, int] | None = None,
    edges: Edges | None = None,
) -> NDArray[np.uint8]:
    """Draw polygons over a window; later ones cover earlier ones.

    The result is the same as the window of a drawing of everything. (With `all_touched`, pixels
    that an edge touches only in a corner are a matter of rounding, and may differ.)

    Args:
        geoms: (N,) polygons in pixel coordinates.
        values: (N,) value of each polygon.
        window: in the frame of the polygons.
        background: value of what no polygon covers.
        all_touched: whether every pixel that a polygon touches belongs to it; otherwise those
            whose centre it covers.
        out_shape: (height, width) of the result; None for the window's own.
        edges: those of `geoms`, where they are at hand.

    Returns:
        (H, W) values.
    """
    shape = window.size if out_shape is None else out_shape
    if not len(geoms):
        return np.full(shape, background, dtype=np.uint8)
    if all_touched or shape[0] * shape[1] > MANY_PIXELS:
        return _draw_by_gdal(geoms, values, window, background, all_touched, shape)
    edges = Edges.of(geoms) if edges is None else edges
    return _fill(edges, values, window, background, shape)


def _fill(
    edges: Edges,
    values: NDArray[np.uint8],
    window: Box,
    background: int,
    shape: tuple[int, int],
) -> NDArray[np.uint8]:
    """Fill polygons by the even-odd rule; they own the pixels whose centre they cover."""
    polygon, start, length = _spans(edges, window, shape)
    drawn = np.full(shape[0] * shape[1], background, dtype=np.uint8)
    # polygons above each other may cover many times the pixels of the drawing: not all at once
    ends = np.cumsum(length)
    cuts = np.searchsorted(ends, np.arange(MANY_PIXELS, ends[-1:].sum(), MANY_PIXELS))
    for some in np.split(np.arange(len(length)), cuts):
        pixels = _ranges(start[some], length[some])
        value = np.repeat(values[polygon[some]], length[some])
        # runs of one value are painted at once, in order
        changes = np.flatnonzero(value[1:] != value[:-1]) + 1
        for begin, end in pairwise([0, *changes.tolist(), len(value)]):
            drawn[pixels[begin:end]] = value[begin:end]
    return drawn.reshape(shape)


def _spans(edges: Edges, window: Box, shape: tuple[int, int]) -> tuple[Ints, Ints, Ints]:
    """What polygons cover of the rows of a drawing, polygon by polygon.

    Returns:
        Of each span, the polygon, its first pixel (row * width + column), and its length.
    """
    height, width = shape
    owner = np.repeat(np.arange(len(edges.offsets) - 1), np.diff(edges.offsets))
    origin = np.array([window.xmin, window.ymin] * 2)[:, None]
    scale = np.array([width / window.width, height / window.height] * 2)[:, None]
    x1, y1, x2, y2 = (edges.points - origin) * scale
    down = y1 < y2
    top, bottom = np.where(down, y1, y2), np.where(down, y2, y1)
    x_top, x_bottom = np.where(down, x1, x2), np.where(down, x2, x1)
    # an edge crosses the rows whose centre is at its top or below, and above its bottom
    first = np.ceil(top - 0.5).clip(0, height).astype(np.int64)
    count = np.ceil(bottom - 0.5).clip(0, height).astype(np.int64) - first
    edge = np.repeat(np.arange(len(count)), count)
    row = _ranges(first, count)
    x = (row + 0.5 - top[edge]) * (x_bottom - x_top)[edge] / (bottom - top)[edge] + x_top[edge]
    # sorted, crossings come in pairs: a polygon begins in a row, and ends
    crossing = (owner[edge] * height + row) * (width + 1) + _columns(x, width)
    crossing.sort()
    line, begin = np.divmod(crossing[0::2], width + 1)
    length = crossing[1::2] - crossing[0::2]
    polygon, row = np.divmod(line, height)
    # GDAL's rule for edges that run along the centres of a row: upper ones, of holes too, are in
    flat = np.flatnonzero((y1 == y2) & (y1 % 1 == 0.5) & (x1 > x2) & (y1 > 0) & (y1 < height))
    if len(flat):
        left, right = _columns(x2[flat], width), _columns(x1[flat], width)
        polygon = np.concatenate([polygon, owner[flat]])
        row = np.concatenate([row, y1[flat].astype(np.int64)])
        begin = np.concatenate([begin, left])
        length = np.concatenate([length, right - left])
        order = np.argsort(polygon, kind='stable')
        polygon, row, begin, length = (a[order] for a in (polygon, row, begin, length))
    return polygon, row * width + begin, length


def _columns(x: NDArray[np.float64], width: int) -> Ints:
    """The first columns of a drawing whose centre is not left of x."""
    columns: Ints = np.floor(x + 0.5).clip(0, width).astype(np.int64)
    return columns


def _ranges(starts: NDArray[Any], lengths: NDArray[Any]) -> Ints:
    """The integers from each start, as many as its length, one range after the other."""
    stops = np.cumsum(lengths)
    total = int(stops[-1]) if len(stops) else 0
    integers: Ints = np.arange(total) + np.repeat(starts - stops + lengths, lengths)
    return integers


def _draw_by_gdal(
    geoms: Geoms,
    values: NDArray[np.uint8],
    window: Box,
    background: int,
    all_touched: bool,
    shape: tuple[int, int],
) -> NDArray[np.uint8]:
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.features import rasterize

    shapes = [(polygon, int(values[i])) for polygon, i in _polygon_dicts(geoms, window, shape)]
    if not shapes:
        return np.full(shape, background, dtype=np.uint8)
    with quiet(NotGeoreferencedWarning):
        drawn: NDArray[np.uint8] = rasterize(
            shapes, out_shape=shape, fill=background, all_touched=all_touched, dtype='uint8'
        )
    return drawn


def _polygon_dicts(
    geoms: Geoms, window: Box, shape: tuple[int, int]
) -> list[tuple[dict[str, Any], int]]:
    """GeoJSON polygons in the pixel frame of a result, and which of `geoms` each is."""
    _, coords, offsets = shapely.to_ragged_array(geoms, include_z=False)
    ring_offsets: Offsets = offsets[0]
    polygon_offsets: Offsets = offsets[1]
    if len(coords) > _MANY_VERTICES:
        coords, ring_offsets = thin_outside(coords, ring_offsets, window)
    scale = (shape[1] / window.width, shape[0] / window.height)
    points = ((coords - (window.xmin, window.ymin)) * scale).tolist()
    starts = ring_offsets.tolist()
    rings = [points[a:b] for a, b in pairwise(starts)]
    bounds = polygon_offsets.tolist()
    polygons = []
    for i, (a, b) in enumerate(pairwise(bounds)):
        # a ring that was thinned to fewer points lies outside of the window
        kept = [ring for ring in rings[a:b] if len(ring) > 3]
        if kept and len(rings[a]) > 3:
            polygons.append(({'type': 'Polygon', 'coordinates': kept}, i))
    return polygons


def thin_outside(coords: Coords, offsets: Offsets, window: Box) -> tuple[Coords, Offsets]:
    """Drop vertices that do not matter within a window.

    Where three vertices of a ring in a row lie beyond the same side of the window, the middle one
    goes. What rings cover inside the window stays exactly the same (by the even-odd rule), since
    every edge that reaches into the window is left as it is.

    Args:
        coords: (N, 2) vertices of all rings.
        offsets: (R + 1,) where each ring starts, and N.
        window: in the frame of the vertices.

    Returns:
        The vertices that are left, and their offsets.
    """
    sides = (
        (0, -1.0, window.xmin - _MARGIN),
        (0, 1.0, window.xmax + _MARGIN),
        (1, -1.0, window.ymin - _MARGIN),
        (1, 1.0, window.ymax + _MARGIN),
    )
    for axis, sign, limit in sides:
        beyond = sign * coords[:, axis] > sign * limit
        drop = beyond.copy()
        drop[1:-1] &= beyond[:-2] & beyond[2:]
        drop[offsets[:-1]] = False
        drop[offsets[1:] - 1] = False
        keep = ~drop
        offsets = np.concatenate([[0], np.cumsum(keep)])[offsets]
        coords = coords[keep]
    return coords, offsets
