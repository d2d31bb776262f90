"""IdentityCRSTransformer: for rasters without georeference."""

from rastervision.core.data.crs_transformer.crs_transformer import XY, CRSTransformer


class IdentityCRSTransformer(CRSTransformer):
    """Takes pixel coordinates for map coordinates."""

    def _map_to_pixel(self, point: XY) -> XY:
        return point

    def _pixel_to_map(self, point: XY) -> XY:
        return point
