"""RasterioCRSTransformer: for georeferenced rasters."""

from typing import Any, Self

import numpy as np
from affine import Affine

from rastervision.core.data.crs_transformer.crs_transformer import XY, CRSTransformer
from rastervision.core.data.crs_transformer.identity_crs_transformer import IdentityCRSTransformer
from rastervision.core.grid import GeoGrid, to_crs

# A coordinate this close below a whole pixel is on it: room for rounding in projections, far
# below anything that matters on the ground.
SNAP = 5e-8


class RasterioCRSTransformer(CRSTransformer):
    """Transformer for a raster with an affine transform and a CRS."""

    def __init__(
        self,
        transform: Affine,
        image_crs: Any,
        map_crs: Any = 'epsg:4326',
        round_pixels: bool = True,
    ) -> None:
        """Constructor.

        Args:
            transform: pixel (x, y) to coordinates in `image_crs`.
            image_crs: CRS of the raster: WKT, 'EPSG:...', an EPSG number, a rasterio or pyproj
                CRS.
            map_crs: CRS of the map coordinates. None takes `image_crs`.
            round_pixels: whether pixel coordinates are rounded down to whole pixels.
        """
        super().__init__(transform, _as_text(image_crs), _as_text(map_crs))
        self.transform: Affine = transform
        self.round_pixels = round_pixels
        self._grid = GeoGrid(transform, to_crs(image_crs))
        self._map_crs = to_crs(map_crs)

    def __repr__(self) -> str:
        return (
            f'RasterioCRSTransformer(transform={tuple(self.transform)[:6]}, '
            f'image_crs={self.image_crs!r}, map_crs={self.map_crs!r})'
        )

    @classmethod
    def from_dataset(
        cls, dataset: Any, map_crs: str | None = 'epsg:4326', **kwargs: Any
    ) -> 'IdentityCRSTransformer | Self':
        """Transformer for an open rasterio dataset; the identity when that has no CRS."""
        if not dataset.crs:
            return IdentityCRSTransformer()
        return cls(dataset.transform, dataset.crs, map_crs, **kwargs)

    @classmethod
    def from_uri(
        cls, uri: str, map_crs: str | None = 'epsg:4326', **kwargs: Any
    ) -> 'IdentityCRSTransformer | Self':
        """Transformer for a raster file.

        Raises:
            NotReadableError: the file is missing or not a raster.
        """
        from rastervision.core.data.raster_source.rasterio_io import open_raster

        with open_raster(uri) as dataset:
            return cls.from_dataset(dataset, map_crs, **kwargs)

    def variant(
        self, map_crs: Any = None, round_pixels: bool | None = None
    ) -> 'RasterioCRSTransformer':
        """A transformer for the same raster.

        Args:
            map_crs: CRS of its map coordinates; None keeps that of this one.
            round_pixels: whether it rounds pixel coordinates down; None does as this one.
        """
        return RasterioCRSTransformer(
            self.transform,
            self.image_crs,
            self.map_crs if map_crs is None else map_crs,
            self.round_pixels if round_pixels is None else round_pixels,
        )

    def _map_to_pixel(self, point: XY) -> XY:
        x, y = np.moveaxis(self._grid.map_to_pixel(np.stack(point, -1), self._map_crs), -1, 0)
        return (_floor(x), _floor(y)) if self.round_pixels else (x, y)

    def _pixel_to_map(self, point: XY) -> XY:
        x, y = np.moveaxis(self._grid.pixel_to_map(np.stack(point, -1), self._map_crs), -1, 0)
        return x, y


def _floor(values: Any) -> Any:
    whole = np.floor(values + SNAP)
    # PROJ gives infinity where a projection is not defined; that has no integer
    return whole.astype(np.int64) if np.isfinite(whole).all() else whole


def _as_text(crs: Any) -> Any:
    return crs.to_wkt() if hasattr(crs, 'to_wkt') else crs
