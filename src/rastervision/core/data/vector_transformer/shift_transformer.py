"""ShiftTransformer: moves geometries by metres."""

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat
from pyproj import CRS, Transformer

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer, RasterioCRSTransformer
from rastervision.core.data.utils.features import Features
from rastervision.core.data.vector_transformer.vector_transformer import (
    ArrayVectorTransformer,
    VectorTransformerConfig,
)
from rastervision.core.grid import to_crs
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError

_WGS84 = 'EPSG:4326'


class ShiftTransformer(ArrayVectorTransformer):
    """Moves all geometries by a distance on the ground, to the east and to the north."""

    def __init__(
        self, x_shift: float = 0.0, y_shift: float = 0.0, round_pixels: bool = True
    ) -> None:
        """Constructor.

        Args:
            x_shift: metres to the east.
            y_shift: metres to the north.
            round_pixels: whether the moved vertices are rounded to whole pixels.
        """
        self.x_shift = x_shift
        self.y_shift = y_shift
        self.round_pixels = round_pixels

    def apply(self, features: Features, crs_transformer: CRSTransformer | None = None) -> Features:
        """Move the geometries.

        Raises:
            ConfigError: there is no georeferenced image to say how long a metre is.
        """
        if not len(features) or (self.x_shift == 0 and self.y_shift == 0):
            return features
        exact = self._exact(crs_transformer)
        to_map = self.make_wgs84_transformer(exact)

        def move(xy: NDArray[np.float64]) -> NDArray[np.float64]:
            x, y = exact.pixel_to_map((xy[:, 0], xy[:, 1]))
            lon, lat = to_map.transform(x, y)
            lon, lat = _move(np.asarray(lon), np.asarray(lat), self.x_shift, self.y_shift)
            x, y = to_map.transform(lon, lat, direction='INVERSE')
            moved = np.stack(exact.map_to_pixel((x, y)), axis=-1)
            return np.round(moved) if self.round_pixels else moved

        return features.with_geoms(shapely.transform(features.geoms, move))

    def reach(self, bbox: Box, crs_transformer: CRSTransformer | None = None) -> float:
        corners = Features(np.asarray(shapely.points(bbox.to_points())), [{}] * 4)
        moved = self.apply(corners, crs_transformer)
        # the length of a metre in pixels varies a little over an image
        return 1 + 1.5 * float(np.max(shapely.distance(corners.geoms, moved.geoms)))

    def _exact(self, crs_transformer: CRSTransformer | None) -> CRSTransformer:
        if isinstance(crs_transformer, RasterioCRSTransformer):
            return crs_transformer.variant(round_pixels=False)
        if crs_transformer is None or crs_transformer.map_crs is None:
            raise ConfigError(
                'A shift_transformer shifts by metres, which an image without georeference does '
                'not know; remove it, or use a georeferenced image.'
            )
        return crs_transformer

    def make_wgs84_transformer(self, crs_transformer: CRSTransformer) -> Transformer:
        """Transformer from the map CRS to longitude and latitude."""
        map_crs = to_crs(crs_transformer.map_crs or crs_transformer.image_crs)
        return Transformer.from_crs(map_crs, CRS(_WGS84), always_xy=True)


def _move(lon: Any, lat: Any, x_shift: float, y_shift: float) -> tuple[Any, Any]:
    """Points moved over the ellipsoid: first to the north, then to the east."""
    geod = CRS(_WGS84).get_geod()
    if geod is None:
        raise ConfigError('PROJ has no ellipsoid for WGS 84; its database is not found.')
    n = np.shape(lon)
    lon, lat, _ = geod.fwd(lon, lat, np.zeros(n), np.full(n, y_shift))
    lon, lat, _ = geod.fwd(lon, lat, np.full(n, 90.0), np.full(n, x_shift))
    return lon, lat


@register_config('shift_transformer')
class ShiftTransformerConfig(VectorTransformerConfig):
    """Move all geometries, for labels that are misaligned with the image."""

    x_shift: FiniteFloat = Field(0.0, description='Metres to move to the east.')
    y_shift: FiniteFloat = Field(0.0, description='Metres to move to the north.')
    round_pixels: bool = Field(
        True, description='Whether the moved vertices are rounded to whole pixels.'
    )

    def build(self, class_config: ClassConfig | None = None) -> ShiftTransformer:  # noqa: ARG002
        """Build the transformer."""
        return ShiftTransformer(self.x_shift, self.y_shift, self.round_pixels)
