"""Polygons to label arrays, window by window."""

from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.utils.features import Geoms
from rastervision.core.utils.quiet import quiet

Coords = NDArray[np.float64]
Offsets = NDArray[np.integer[Any]]

_MANY_VERTICES = 2000
_MARGIN = 2.0


def rasterize_polygons(
    geoms: Geoms,
    values: NDArray[np.uint8],
    window: Box,
    background: int,
    all_touched: bool = False,
    out_shape: tuple[int, int] | None = None,
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

    Returns:
        (H, W) values.
    """
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.features import rasterize

    shape = window.size if out_shape is None else out_shape
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
    if not len(geoms):
        return []
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
