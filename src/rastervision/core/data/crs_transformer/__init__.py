"""Map and pixel coordinates."""

from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
from rastervision.core.data.crs_transformer.identity_crs_transformer import IdentityCRSTransformer
from rastervision.core.data.crs_transformer.rasterio_crs_transformer import RasterioCRSTransformer

__all__ = ['CRSTransformer', 'IdentityCRSTransformer', 'RasterioCRSTransformer']
