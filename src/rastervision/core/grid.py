"""GeoGrid: where the pixels of a raster lie on the map."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from rastervision.pipeline.errors import DataError


@lru_cache(maxsize=256)
def parse_crs(crs: str) -> CRS:
    """CRS from a WKT string, an authority code or anything else that PROJ reads."""
    return CRS.from_user_input(crs)


def to_crs(crs: Any) -> CRS | None:
    """CRS from a pyproj CRS, a rasterio CRS, an EPSG number or a string; None stays None."""
    if crs is None or isinstance(crs, CRS):
        return crs
    if isinstance(crs, int):
        return parse_crs(f'EPSG:{crs}')
    wkt = crs if isinstance(crs, str) else crs.to_wkt()
    return parse_crs(wkt) if wkt else None


@lru_cache(maxsize=256)
def crs_to_crs(source: CRS, target: CRS) -> Transformer:
    """Transformer between two CRSs; x before y (longitude before latitude) on both sides.

    Raises:
        DataError: there is none, as for a local CRS that is not tied to the Earth.
    """
    try:
        return Transformer.from_crs(source, target, always_xy=True)
    except ProjError:
        raise DataError(
            f'There is no transformation between the CRSs {source.name!r} and {target.name!r}. '
            'If one of them is a local one, state the CRS that it is, such as EPSG:32645.'
        ) from None


@dataclass(frozen=True, slots=True)
class GeoGrid:
    """The affine transform and the CRS of a raster.

    Pixel coordinates are continuous (x, y): (0, 0) is the upper left corner of the upper left
    pixel, (0.5, 0.5) its centre. Rotated and south-up transforms are as good as any.

    Attributes:
        transform: pixel (x, y) to coordinates in `crs`.
        crs: None when the raster is not georeferenced.
    """

    transform: Affine
    crs: CRS | None = None

    def __post_init__(self) -> None:
        """Refuse a transform that squeezes the raster to a line."""
        if self.transform.is_degenerate:
            raise ValueError(f'The transform {tuple(self.transform)[:6]} cannot be inverted.')

    def pixel_to_map(self, xy: ArrayLike, map_crs: CRS | None = None) -> NDArray[np.float64]:
        """(N, 2) pixel coordinates to (N, 2) map coordinates.

        Args:
            xy: (N, 2) pixel (x, y).
            map_crs: CRS of the result; None is the grid's own.

        Raises:
            ValueError: map_crs for a grid without CRS.
        """
        x, y = apply_affine(self.transform, xy)
        transformer = self._transformer(map_crs)
        if transformer is not None:
            x, y = transformer.transform(x, y)
        return np.stack([x, y], axis=-1)

    def map_to_pixel(self, xy: ArrayLike, map_crs: CRS | None = None) -> NDArray[np.float64]:
        """(N, 2) map coordinates to (N, 2) pixel coordinates, not rounded.

        Args:
            xy: (N, 2) map (x, y), longitude before latitude.
            map_crs: CRS of `xy`; None is the grid's own.

        Raises:
            ValueError: map_crs for a grid without CRS.
        """
        transformer = self._transformer(map_crs)
        if transformer is not None:
            points = np.asarray(xy, dtype=np.float64)
            x, y = transformer.transform(points[..., 0], points[..., 1], direction='INVERSE')
            xy = np.stack([x, y], axis=-1)
        return np.stack(apply_affine(~self.transform, xy), axis=-1)

    def _transformer(self, map_crs: CRS | None) -> Transformer | None:
        if map_crs is None or map_crs == self.crs:
            return None
        if self.crs is None:
            raise ValueError(f'A raster without CRS cannot be placed in {map_crs.name}.')
        return crs_to_crs(self.crs, map_crs)


def apply_affine(
    transform: Affine, xy: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Apply an affine transform to (..., 2) coordinates; the x and y arrays of the result."""
    points = np.asarray(xy, dtype=np.float64)
    x, y = points[..., 0], points[..., 1]
    a, b, c, d, e, f = tuple(transform)[:6]
    with np.errstate(invalid='ignore'):  # PROJ gives infinity where it cannot place a point
        return a * x + b * y + c, d * x + e * y + f
