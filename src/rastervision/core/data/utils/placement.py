"""Placement: where geometries in pixels lie on the map, in the CRS of a file that is written."""

from functools import partial
from typing import Literal, TypeAlias

from rastervision.core.box import Box
from rastervision.core.data.crs_transformer import CRSTransformer, RasterioCRSTransformer
from rastervision.core.data.utils.antimeridian import cut_at_antimeridian
from rastervision.core.data.utils.features import Geoms
from rastervision.core.grid import to_crs

OutputCRS: TypeAlias = Literal['wgs84', 'image']
"""Longitudes and latitudes, or the CRS of the image."""


class Placement:
    """Places polygons in pixels on the map.

    Attributes:
        crs: of the results; None for pixels of an image without georeference.
    """

    def __init__(
        self, crs_transformer: CRSTransformer, bbox: Box | None = None, crs: OutputCRS = 'wgs84'
    ) -> None:
        """Constructor.

        Args:
            crs_transformer: of the image.
            bbox: box in the source pixel frame whose extent frame the polygons are in.
            crs: 'wgs84' for the map coordinates of `crs_transformer`, or 'image'.
        """
        if crs == 'image' and isinstance(crs_transformer, RasterioCRSTransformer):
            crs_transformer = crs_transformer.variant(crs_transformer.image_crs)
        self._to_map = partial(crs_transformer.pixel_to_map, bbox=bbox)
        self.crs = to_crs(crs_transformer.map_crs)

    def __call__(self, polygons: Geoms) -> Geoms:
        """(N,) polygons on the map; longitudes and latitudes are cut at the antimeridian."""
        placed: Geoms = self._to_map(polygons)
        if self.crs is None or not self.crs.is_geographic:
            return placed
        return cut_at_antimeridian(polygons, placed, self._to_map)
