"""CRSTransformer: between map coordinates and pixel coordinates of a raster."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box

XY: TypeAlias = tuple[Any, Any]
"""An x and a y; numbers or arrays of equal shape."""


class CRSTransformer(ABC):
    """Turns points, boxes and geometries from map to pixel coordinates and back.

    Pixel coordinates are (x, y) in the source pixel frame: (0, 0) is the upper left corner of
    the raster. With `bbox`, they are in the extent frame of that box instead. Map coordinates
    are (x, y), longitude before latitude. Everything is vectorised over all vertices.

    A subclass implements `_map_to_pixel` and `_pixel_to_map` for a pair of arrays.

    Attributes:
        transform: affine transform from pixels to coordinates in `image_crs`.
        image_crs: CRS of the raster, None without georeference.
        map_crs: CRS of the map coordinates.
    """

    def __init__(
        self,
        transform: Any | None = None,
        image_crs: str | None = None,
        map_crs: str | None = None,
    ) -> None:
        self.transform = transform
        self.image_crs = image_crs
        self.map_crs = map_crs

    def map_to_pixel(self, inp: Any, bbox: Box | None = None) -> Any:
        """Map coordinates to pixel coordinates.

        Args:
            inp: an (x, y) pair of numbers or arrays, a Box, a shapely geometry, or a list or
                array of shapely geometries.
            bbox: box in the source pixel frame whose extent frame the result is wanted in.

        Returns:
            The same kind of thing as `inp`. A box becomes the bounding box of its corners.
        """

        def transform(xy: XY) -> XY:
            x, y = self._map_to_pixel(xy)
            return (x, y) if bbox is None else (x - bbox.xmin, y - bbox.ymin)

        return _apply(inp, transform)

    def pixel_to_map(self, inp: Any, bbox: Box | None = None) -> Any:
        """Pixel coordinates to map coordinates.

        Args:
            inp: as for `map_to_pixel`.
            bbox: box in the source pixel frame whose extent frame `inp` is given in.

        Returns:
            The same kind of thing as `inp`. A box becomes the bounding box of its corners.
        """

        def transform(xy: XY) -> XY:
            x, y = xy
            return self._pixel_to_map((x, y) if bbox is None else (x + bbox.xmin, y + bbox.ymin))

        return _apply(inp, transform)

    @abstractmethod
    def _map_to_pixel(self, point: XY) -> XY:
        """Map (x, y) arrays to source pixel (x, y) arrays."""

    @abstractmethod
    def _pixel_to_map(self, point: XY) -> XY:
        """Source pixel (x, y) arrays to map (x, y) arrays."""


def _apply(inp: Any, transform: Callable[[XY], XY]) -> Any:
    if isinstance(inp, Box):
        corners = inp.to_points()
        x, y = transform((corners[:, 0], corners[:, 1]))
        return Box(y.min().item(), x.min().item(), y.max().item(), x.max().item())
    if _holds_geometries(inp):
        geoms = inp if isinstance(inp, BaseGeometry) else np.asarray(inp, dtype=object)

        def transform_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.stack(transform((points[:, 0], points[:, 1])), axis=-1).astype(np.float64)

        return shapely.transform(geoms, transform_points)
    x, y = inp
    x, y = transform((np.asarray(x), np.asarray(y)))
    return (x.item(), y.item()) if np.ndim(x) == 0 else (x, y)


def _holds_geometries(inp: Any) -> bool:
    if isinstance(inp, BaseGeometry):
        return True
    if isinstance(inp, np.ndarray):
        return bool(inp.dtype == object)
    return isinstance(inp, list) and all(isinstance(item, BaseGeometry) for item in inp)
