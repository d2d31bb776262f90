"""Polygons across the antimeridian, which GeoJSON wants cut there (RFC 7946, section 3.1.9)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from rastervision.core.data.utils.features import POLYGON, Geoms, split_parts

Points: TypeAlias = NDArray[np.float64]
ToMap: TypeAlias = Callable[[Any], Any]

_WIDE = 45.0
"""Least width, in degrees, of polygons that cross the antimeridian or lie close to a pole."""
_STEPS = 256
"""Pieces in which outlines are followed."""
_HALVINGS = 60
_LITTLE = 1e-5
_EXACT = 1e-10
"""Degrees by which the pole and the antimeridian are missed in rounding."""


def cut_at_antimeridian(pixels: Geoms, placed: Geoms, to_map: ToMap) -> Geoms:
    """Polygons in longitude and latitude, as parts on both sides where they cross it.

    One around a pole gets the edge of the map at 90 degrees; one at a pole gets more vertices, as
    its edges are not straight there. All new vertices lie on the outline in pixels, or at the
    pole, so that parts have the same bounding box there as the polygon.

    Args:
        pixels: (N,) polygons in pixels.
        placed: the same in longitude and latitude.
        to_map: what places an (x, y) pair of arrays.

    Returns:
        (N,) polygons and multi-polygons.
    """
    xmin, _, xmax, _ = shapely.bounds(placed).reshape(-1, 4).T
    wide = np.flatnonzero((xmax - xmin > _WIDE) & np.isfinite(xmax - xmin))
    if not len(wide):
        return placed
    result = placed.copy()
    for i in wide.tolist():
        result[i] = _cut(pixels[i], placed[i], to_map)
    return result


def _cut(pixels: Any, placed: Any, to_map: ToMap) -> Any:
    rings = [pixels.exterior, *pixels.interiors]
    outlines = [_follow(shapely.get_coordinates(ring), to_map) for ring in rings]
    at_pole = any(outline.on_pole or outline.pole is not None for outline in outlines)
    if not at_pole and placed.is_valid:
        if not any(outline.jumps for outline in outlines):
            return placed
        region = _region(outlines, dense=False)
        if region is not None:
            return _folded(region)
    return _folded(_region(outlines, dense=True))


@dataclass(frozen=True, slots=True)
class _Outline:
    """A ring on the map.

    Attributes:
        points: (N, 2) longitudes, which go on beyond 180 degrees, and latitudes.
        needed: (N,) the vertices, and the points on the antimeridian.
        jumps: whether longitudes jump from 180 to -180 degrees or back.
        on_pole: whether the ring goes through a pole.
        pole: latitude of the pole that the ring goes around; None if there is none.
    """

    points: Points
    needed: NDArray[np.bool_]
    jumps: bool
    on_pole: bool
    pole: float | None

    def polygon(self, dense: bool) -> Any:
        """What the ring encloses; if it goes around a pole, down to the edge of the map."""
        points = self.points if dense else self.points[self.needed]
        if self.pole is not None:
            edge = [[points[-1, 0], self.pole], [points[0, 0], self.pole]]
            points = np.concatenate([points, edge])
        return shapely.Polygon(points)


def _follow(vertices: Points, to_map: ToMap) -> _Outline:
    """Follow a ring of pixels, (N, 2) with the first one at the end again, in small steps."""
    latitudes = to_map((vertices[:-1, 0], vertices[:-1, 1]))[1]
    start = int(np.argmin(np.abs(latitudes)))  # off the pole
    pixels, needed = _densified(np.roll(vertices[:-1], -start, axis=0))
    longitudes, latitudes = to_map((pixels[:, 0], pixels[:, 1]))
    jumps = bool((np.abs(np.diff(longitudes)) > 180).any())

    # longitudes mean nothing where a pole is a point: arrive on one meridian, leave on another
    is_pole = np.abs(latitudes) > 90 - _EXACT
    poles = 1 + np.flatnonzero(is_pole[1:-1] & ~is_pole[:-2] & ~is_pole[2:])
    twice = np.insert(np.arange(len(pixels)), poles, poles)
    arriving = poles + np.arange(len(poles))
    arrivals, departures = longitudes[poles - 1], longitudes[poles + 1]
    pixels, needed = pixels[twice], needed[twice]
    longitudes, latitudes = longitudes[twice], latitudes[twice]
    longitudes[arriving], longitudes[arriving + 1] = arrivals, departures

    longitudes = np.unwrap(longitudes, period=360)
    edges = 360 * np.round((longitudes - 180) / 360) + 180
    on_edge = np.abs(longitudes - edges) < _EXACT
    points = np.stack([np.where(on_edge, edges, longitudes), latitudes], axis=-1)
    crossings, found = _crossings(pixels, points, to_map)
    return _Outline(
        np.insert(points, crossings, found, axis=0),
        np.insert(needed | on_edge, crossings, values=True),
        jumps,
        len(poles) > 0,
        _inner_pole(pixels, longitudes[-1] - longitudes[0], to_map),
    )


def _inner_pole(ring: Points, turn: float, to_map: ToMap) -> float | None:
    """Latitude of the pole that a ring of pixels goes around, None if there is none.

    Args:
        ring: (N, 2) its points, with the first one at the end again.
        turn: how far it goes to the east in all, in degrees.
        to_map: from pixels to the map.
    """
    if abs(turn) < 180:
        return None
    # the inside is to the left of the ring if it has an area above 0, and still is on the map
    # unless that turns small triangles around; and the left of what goes east is north
    x, y = ring.T
    area = (x[:-1] * y[1:] - x[1:] * y[:-1]).sum()
    size = _LITTLE * np.ptp(ring, axis=0).max()
    longitudes, latitudes = to_map((x[0] + [0, size, 0], y[0] + [0, 0, size]))
    east = (np.diff(longitudes) + 180) % 360 - 180
    north = np.diff(latitudes)
    return float(90 * np.sign(turn * area * (east[0] * north[1] - east[1] * north[0])))


def _densified(vertices: Points) -> tuple[Points, NDArray[np.bool_]]:
    """Points along a ring (N, 2), with the first one at the end again, and which are vertices."""
    sides = np.roll(vertices, -1, axis=0) - vertices
    lengths = np.hypot(*sides.T)
    counts = np.maximum(1, np.ceil(lengths / lengths.sum() * _STEPS)).astype(np.intp)
    side = np.repeat(np.arange(len(vertices)), counts)
    step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    points = vertices[side] + sides[side] * (step / counts[side])[:, None]
    return np.append(points, points[:1], axis=0), np.append(step == 0, [True])


def _crossings(pixels: Points, points: Points, to_map: ToMap) -> tuple[NDArray[np.intp], Points]:
    """Where a line crosses the antimeridian.

    Args:
        pixels: (N, 2) its points in pixels.
        points: (N, 2) the same on the map, with longitudes that go on beyond 180 degrees.
        to_map: from pixels to the map.

    Returns:
        (M,) before which points; (M, 2) the places, exactly on the antimeridian.
    """
    longitudes = points[:, 0]
    low, high = np.sort([longitudes[:-1], longitudes[1:]], axis=0)
    edges = 360 * np.floor((high - 180) / 360) + 180
    crossed = np.flatnonzero((low < edges) & (edges < high))
    edges, start = edges[crossed], longitudes[crossed]
    first, side = pixels[crossed], pixels[crossed + 1] - pixels[crossed]
    share, latitudes = np.zeros(len(crossed)), points[crossed, 1]
    for i in range(1, _HALVINGS if len(crossed) else 0):
        tried = share + 0.5**i
        x, y = (first + side * tried[:, None]).T
        longitude, latitude = to_map((x, y))
        longitude = start + (longitude - start + 180) % 360 - 180
        before = (longitude < edges) == (start < edges)
        share, latitudes = np.where(before, (tried, latitude), (share, latitudes))
    return crossed + 1, np.stack([edges, latitudes], axis=-1)


def _region(outlines: list[_Outline], dense: bool) -> Any:
    """What outlines, the outer one first, enclose; None if they cross each other."""
    shell, *holes = (outline.polygon(dense) for outline in outlines)
    if dense:
        shell, *holes = (shapely.make_valid(polygon) for polygon in (shell, *holes))
    elif not all(polygon.is_valid for polygon in (shell, *holes)):
        return None
    for hole in holes:  # which may be a turn away from the shell
        for turn in (-360, 0, 360):
            shell = shell - _moved(hole, turn)
    return shell


def _folded(region: Any) -> Any:
    """A region with all its longitudes in -180..180."""
    xmin, _, xmax, _ = region.bounds
    turns = range(int(np.floor((xmin + 180) / 360)), int(np.ceil((xmax + 180) / 360)))
    world = shapely.box(-180, -90, 180, 90)
    parts, _ = split_parts(
        np.array([_moved(region, -360 * turn) & world for turn in turns], dtype=object)
    )
    return shapely.union_all(parts[shapely.get_type_id(parts) == POLYGON])


def _moved(region: Any, degrees: float) -> Any:
    return shapely.transform(region, lambda xy: xy + np.array([degrees, 0]))
