"""From masks to polygons: denoising, tracing, breaking clusters of buildings apart.

Coordinates are pixels, (x, y) with (0, 0) at the upper left corner, unless a transform is given.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.utils.polygonize import Polygons, PolygonTracer
from rastervision.core.data.utils.rasterizing import rasterize_polygons

Rectangle: TypeAlias = tuple[tuple[float, float], tuple[float, float], float]
"""Centre (x, y), size (w, h), and the angle in degrees from the x axis to the side w, as the y axis
points down."""

BAND_ROWS = 128
"""Rows at a time; what is made of them on the way to polygons stays in the processor's cache."""

CANVAS_PIXELS = 2**24


# ---- streams: bands of a mask in, polygons out


class Vectorizer(ABC):
    """Turns a mask that comes in bands of rows into polygons."""

    @abstractmethod
    def add(self, mask: NDArray[Any]) -> Polygons:
        """Take the next (h, W) rows; gives polygons that are finished."""

    @abstractmethod
    def finish(self) -> Polygons:
        """The remaining polygons; there are no more rows."""


class PolygonVectorizer(Vectorizer):
    """Polygons of the denoised mask."""

    def __init__(self, width: int, denoise_diameter: int = 0, min_area: float = 0.0) -> None:
        """Constructor.

        Args:
            width: columns of the mask.
            denoise_diameter: see `denoise`.
            min_area: polygons of fewer pixels are dropped.
        """
        self._denoiser = Denoiser(width, denoise_diameter)
        self._tracer = PolygonTracer(width)
        self._min_area = min_area

    def add(self, mask: NDArray[Any]) -> Polygons:
        return self._large(self._tracer.add(self._denoiser.add(mask)))

    def finish(self) -> Polygons:
        last = self._tracer.add(self._denoiser.finish())
        return self._large(np.concatenate([last, self._tracer.finish()]))

    def _large(self, polygons: Polygons) -> Polygons:
        return polygons[shapely.area(polygons) >= self._min_area] if self._min_area else polygons


class BuildingVectorizer(Vectorizer):
    """Polygons of the denoised mask, with clusters of buildings broken apart."""

    def __init__(
        self,
        width: int,
        denoise_diameter: int = 0,
        min_area: float = 0.0,
        width_factor: float = 0.5,
        thickness: float = 0.001,
    ) -> None:
        """Constructor.

        Args:
            width: columns of the mask.
            denoise_diameter: see `denoise`.
            min_area: see `break_clusters`.
            width_factor: see `break_clusters`.
            thickness: see `break_clusters`.
        """
        self._polygons = PolygonVectorizer(width, denoise_diameter)
        self._options = min_area, width_factor, thickness

    def add(self, mask: NDArray[Any]) -> Polygons:
        return break_clusters(self._polygons.add(mask), *self._options)

    def finish(self) -> Polygons:
        return break_clusters(self._polygons.finish(), *self._options)


class Denoiser:
    """`denoise` for a mask that comes in bands of rows; what comes out lags behind."""

    def __init__(self, width: int, diameter: int) -> None:
        """Constructor.

        Args:
            width: columns of the mask.
            diameter: see `denoise`.
        """
        self.diameter = diameter
        self._halo = max(0, diameter - 1)
        self._rows = np.empty((0, width), dtype=np.uint8)
        self._given = 0  # rows that are kept only for those below them

    def add(self, mask: NDArray[Any]) -> NDArray[np.uint8]:
        """Take the next (h, W) rows; gives the rows that are finished, maybe none."""
        new = _as_uint8(mask)
        if self.diameter <= 1:
            return new
        rows = np.concatenate([self._rows, new])
        done = max(self._given, len(rows) - self._halo)
        out = denoise(rows, self.diameter)[self._given : done]
        first = max(0, done - self._halo)
        self._rows, self._given = rows[first:], done - first
        return out

    def finish(self) -> NDArray[np.uint8]:
        """The remaining rows."""
        return denoise(self._rows, self.diameter)[self._given :]


# ---- whole masks


def denoise(mask: NDArray[Any], diameter: int) -> NDArray[np.uint8]:
    """Remove specks and thin parts of a mask by opening it with a disk.

    Args:
        mask: (H, W) mask.
        diameter: of the disk, in pixels; 0 and 1 change nothing.

    Returns:
        (H, W) mask of 0 and 1.
    """
    mask = _as_uint8(mask)
    if diameter <= 1 or not mask.any():
        return mask
    import cv2

    return open_mask(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter)))


def open_mask(mask: NDArray[np.uint8], element: NDArray[Any], border: int = 1) -> NDArray[np.uint8]:
    """Keep the pixels of a mask that are covered by an element which lies within the mask.

    Args:
        mask: (H, W) of 0 and 1.
        element: (h, w) structuring element, even or odd, whose pixel (h // 2, w // 2) is set. That
            pixel is put only on pixels of the array.
        border: value of the mask outside of the array.
    """
    import cv2

    h, w = element.shape
    y, x = h // 2, w // 2
    constant = cv2.BORDER_CONSTANT
    eroded = cv2.erode(mask, element, anchor=(x, y), borderType=constant, borderValue=border)
    # the element turned around: OpenCV's own opening moves the mask for even sizes
    turned = np.ascontiguousarray(element[::-1, ::-1])
    opened = cv2.dilate(
        eroded, turned, anchor=(w - 1 - x, h - 1 - y), borderType=constant, borderValue=0
    )
    return np.asarray(opened, dtype=np.uint8)


def mask_to_polygons(mask: NDArray[Any], transform: Affine | None = None) -> Iterator[Polygon]:
    """Polygons of the connected parts of a mask, along the edges of the pixels.

    Args:
        mask: (H, W) mask.
        transform: pixel (x, y) to other coordinates; None leaves pixels.
    """
    return _vectorize(mask, PolygonVectorizer(mask.shape[1]), transform)


def mask_to_building_polygons(
    mask: NDArray[Any],
    transform: Affine | None = None,
    min_area: float = 100,
    width_factor: float = 0.5,
    thickness: float = 0.001,
) -> Iterator[Polygon]:
    """Like `mask_to_polygons`, with clusters of buildings broken apart.

    Args:
        mask: (H, W) mask.
        transform: pixel (x, y) to other coordinates; None leaves pixels.
        min_area: see `break_clusters`.
        width_factor: see `break_clusters`.
        thickness: see `break_clusters`.
    """
    vectorizer = BuildingVectorizer(mask.shape[1], 0, min_area, width_factor, thickness)
    return _vectorize(mask, vectorizer, transform)


def _vectorize(
    mask: NDArray[Any], vectorizer: Vectorizer, transform: Affine | None
) -> Iterator[Polygon]:
    polygons = [vectorizer.add(mask[y : y + BAND_ROWS]) for y in range(0, len(mask), BAND_ROWS)]
    for batch in [*polygons, vectorizer.finish()]:
        yield from batch if transform is None else _transformed(batch, transform)


def _transformed(polygons: Polygons, transform: Affine) -> Polygons:
    a, b, c, d, e, f = transform[:6]
    matrix, offset = np.array([[a, d], [b, e]]), np.array([c, f])
    return np.asarray(shapely.transform(polygons, lambda xy: xy @ matrix + offset))


def _as_uint8(mask: NDArray[Any]) -> NDArray[np.uint8]:
    return (mask if mask.dtype == bool else mask != 0).view(np.uint8)


# ---- clusters of buildings


def break_clusters(
    polygons: Polygons, min_area: float, width_factor: float, thickness: float
) -> Polygons:
    """Break rows of touching buildings where they are thin.

    The part of a polygon is kept that a bar fits into which lies across the cluster: along the
    short side of its smallest enclosing rectangle. A polygon into which the bar does not fit
    anywhere is kept as it is.

    Args:
        polygons: (n,) polygons along the edges of pixels.
        min_area: polygons of fewer pixels are dropped, before and after.
        width_factor: length of the bar as a fraction of the short side; 0 breaks nothing.
        thickness: thickness of the bar as a fraction of the long side; at least a pixel.

    Returns:
        Polygons along the edges of pixels.
    """
    polygons = polygons[shapely.area(polygons) >= min_area]
    kernels = [
        get_kernel(_smallest_rectangle(polygon), width_factor, thickness) for polygon in polygons
    ]
    breakable = np.array([kernel is not None for kernel in kernels], dtype=bool)
    parts = [polygons[~breakable]]
    for group in _canvases(polygons, np.flatnonzero(breakable)):
        broken = _break_on_canvas(polygons[group], [kernels[i] for i in group])
        parts.append(broken[shapely.area(broken) >= min_area])
    return np.concatenate(parts)


def _canvases(polygons: Polygons, chosen: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Groups of polygons of similar width, below each other on at most CANVAS_PIXELS."""
    bounds = shapely.bounds(polygons)
    width, height = bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1] + 1
    chosen = chosen[np.argsort(width[chosen], kind='stable')]
    while len(chosen):
        pixels = np.cumsum(height[chosen]) * width[chosen]
        count = max(1, int(np.searchsorted(pixels, CANVAS_PIXELS, side='right')))
        yield chosen[:count]
        chosen = chosen[count:]


def _break_on_canvas(polygons: Polygons, kernels: list[Any]) -> Polygons:
    """Draw polygons below each other, open each of them with its kernel, and trace them anew."""
    bounds = shapely.bounds(polygons).astype(int)
    widths, heights = (bounds[:, 2:] - bounds[:, :2]).T
    tops = np.cumsum(heights + 1) - (heights + 1)  # an empty row after each
    shifts = np.stack([-bounds[:, 0], tops - bounds[:, 1]], axis=1)
    window = Box(0, 0, int(tops[-1] + heights[-1]), int(widths.max()))
    values = np.ones(len(polygons), dtype=np.uint8)
    canvas = rasterize_polygons(_moved(polygons, shifts), values, window, background=0)
    for top, h, w, kernel in zip(tops, heights, widths, kernels, strict=True):
        crop = canvas[top : top + h, :w]
        opened = open_mask(crop, kernel, border=0)
        if opened.any():
            crop[...] = opened
    parts = np.array(list(mask_to_polygons(canvas)), dtype=object)
    of = np.searchsorted(tops, shapely.bounds(parts)[:, 1], side='right') - 1
    return _moved(parts, -shifts[of])


def _moved(polygons: Polygons, shifts: NDArray[np.int64]) -> Polygons:
    """Polygons, each moved by its own (x, y)."""
    points, of = shapely.get_coordinates(polygons, return_index=True)
    return np.asarray(shapely.set_coordinates(polygons.copy(), points + shifts[of]))


def get_rectangle(buildings: NDArray[Any]) -> Rectangle | None:
    """The rectangle of the smallest area, at any angle, around the pixels of a mask.

    Args:
        buildings: (H, W) mask.

    Returns:
        The rectangle; None for an empty mask.
    """
    polygons = list(mask_to_polygons(buildings))
    return _smallest_rectangle(shapely.MultiPolygon(polygons)) if polygons else None


def _smallest_rectangle(geometry: BaseGeometry) -> Rectangle:
    import cv2

    points = shapely.get_coordinates(geometry).astype(np.float32)
    (x, y), (w, h), angle = cv2.minAreaRect(points)
    return (float(x), float(y)), (float(w), float(h)), float(angle)


def get_kernel(
    rectangle: Rectangle, width_factor: float = 0.5, thickness: float = 0.001
) -> NDArray[np.uint8] | None:
    """The bar that breaks a cluster of buildings: across it, centred in a square array.

    Args:
        rectangle: around the cluster.
        width_factor: length of the bar as a fraction of the rectangle's short side.
        thickness: thickness of the bar as a fraction of the long side; at least a pixel.

    Returns:
        (k, k) array of 0 and 1, k odd; None when the bar is too short to break anything.
    """
    _, (w, h), angle = rectangle
    length = width_factor * min(w, h)
    depth = max(1.0, thickness * max(w, h))
    if length < 2:
        return None
    across = np.deg2rad(angle if w <= h else angle + 90)
    radius = int(np.ceil(np.hypot(length, depth) / 2))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    along = x * np.cos(across) + y * np.sin(across)
    aside = y * np.cos(across) - x * np.sin(across)
    # half a pixel less on each side: a bar of n pixels reaches (n - 1) / 2 from its centre
    bar = (abs(along) <= (length - 1) / 2 + 1e-6) & (abs(aside) <= depth / 2 - 1e-6)
    return np.asarray(bar, dtype=np.uint8)
