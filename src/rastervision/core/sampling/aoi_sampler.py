"""AoiSampler: random points inside polygons, uniform by area."""

from collections.abc import Iterable

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

_POLYGON = int(shapely.GeometryType.POLYGON)


class AoiSampler:
    """Draws points from the union of polygons, each piece of area as likely as any other.

    The union is cut into triangles once. A draw picks a triangle by its area, and a point in it.
    Holes get no points; where polygons overlap, points are no denser.
    """

    def __init__(self, polygons: Iterable[BaseGeometry]) -> None:
        """Constructor.

        Args:
            polygons: polygons or multi-polygons, in any planar frame.

        Raises:
            ValueError: together they have no area.
        """
        self.triangles = triangulate(polygons)
        areas = triangle_areas(self.triangles)
        if not areas.sum() > 0:
            raise ValueError('The polygons to sample from have no area.')
        self._cumulative = np.cumsum(areas)

    @property
    def area(self) -> float:
        """Area of the union."""
        return float(self._cumulative[-1])

    def sample(self, n: int = 1, rng: np.random.Generator | None = None) -> NDArray[np.float64]:
        """Draw points.

        Args:
            n: how many.
            rng: source of randomness; a new one when None.

        Returns:
            (n, 2) points (x, y).
        """
        rng = np.random.default_rng() if rng is None else rng
        where, u, v = rng.random((3, n))
        chosen = np.searchsorted(self._cumulative, where * self.area, side='right')
        a, b, c = np.moveaxis(self.triangles[np.minimum(chosen, len(self.triangles) - 1)], 1, 0)
        # the square root makes the density even over the triangle
        root = np.sqrt(u)[:, None]
        along = v[:, None]
        points: NDArray[np.float64] = (1 - root) * a + root * ((1 - along) * b + along * c)
        return points


def triangulate(polygons: Iterable[BaseGeometry]) -> NDArray[np.float64]:
    """Cut the union of polygons into triangles that do not overlap.

    Returns:
        (T, 3, 2) corners (x, y).
    """
    parts = polygon_parts(union_of(polygons))
    triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(parts))
    # each is a closed ring of four points
    corners: NDArray[np.float64] = shapely.get_coordinates(triangles).reshape(-1, 4, 2)[:, :3]
    return corners


def union_of(polygons: Iterable[BaseGeometry]) -> BaseGeometry:
    """Union of polygons; invalid ones are repaired."""
    return shapely.union_all(shapely.make_valid(np.array(list(polygons), dtype=object)))


def polygon_parts(geom: BaseGeometry | NDArray[np.object_]) -> NDArray[np.object_]:
    """The polygons in a geometry or in several, without empty ones, points and lines."""
    parts = shapely.get_parts(geom)
    keep = (shapely.get_type_id(parts) == _POLYGON) & ~shapely.is_empty(parts)
    polygons: NDArray[np.object_] = parts[keep]
    return polygons


def triangle_areas(triangles: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) areas of (T, 3, 2) triangles."""
    (ax, ay), (bx, by), (cx, cy) = (triangles[:, i].T for i in range(3))
    areas: NDArray[np.float64] = np.abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2
    return areas
