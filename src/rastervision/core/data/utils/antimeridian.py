"""Polygons across the antimeridian, which GeoJSON wants cut there (RFC 7946, section 3.1.9)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from rastervision.core.data.utils.features import POLYGON, Geoms, split_parts

_STEPS = 256


def cut_at_antimeridian(
    pixels: Geoms, placed: Geoms, to_map: Callable[[Any], Any]
) -> tuple[Geoms, int]:
    """Polygons in longitude and latitude, as parts on both sides where they cross it.

    Args:
        pixels: (N,) polygons in pixels.
        placed: the same in longitude and latitude.
        to_map: what places a geometry.

    Returns:
        (N,) polygons and multi-polygons; how many are left as they are although they cross it,
        because there is a pole in them or they are wider than half the Earth.
    """
    wide = np.flatnonzero(_width(placed) > 180)
    crossing = [i for i in wide.tolist() if _jumps(pixels[i], to_map)]
    if not crossing:
        return placed, 0
    result, left = placed.copy(), 0
    for i in crossing:
        polygon = shapely.transform(placed[i], lambda xy: xy + (xy[:, :1] < 0) * [360, 0])
        if _width(polygon) > 180 or not polygon.is_valid:
            left += 1
            continue
        beyond = polygon & shapely.box(180, -90, 360, 90)
        beyond = shapely.transform(beyond, lambda xy: xy - [360, 0])
        parts, _ = split_parts(np.array([polygon & shapely.box(0, -90, 180, 90), beyond]))
        result[i] = shapely.multipolygons(parts[shapely.get_type_id(parts) == POLYGON])
    return result, left


def _width(polygons: Any) -> NDArray[np.float64]:
    bounds = shapely.bounds(polygons)
    return np.asarray(bounds[..., 2] - bounds[..., 0])


def _jumps(polygon: Any, to_map: Callable[[Any], Any]) -> bool:
    """Whether longitudes jump along the outline; in an image of the whole Earth they need not."""
    ring = shapely.get_exterior_ring(polygon)
    dense = shapely.segmentize(ring, ring.length / _STEPS)
    longitudes = shapely.get_coordinates(to_map(dense))[:, 0]
    return bool((np.abs(np.diff(longitudes)) > 180).any())
