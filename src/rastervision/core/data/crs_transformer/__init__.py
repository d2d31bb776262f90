"""Map and pixel coordinates. Release 0.31 exported the names of other packages as well."""

from rastervision.core.box import Box
from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
from rastervision.core.data.crs_transformer.identity_crs_transformer import IdentityCRSTransformer
from rastervision.core.data.crs_transformer.rasterio_crs_transformer import RasterioCRSTransformer

__all__ = [
    'Box',
    'CRSTransformer',
    'IdentityCRSTransformer',
    'RasterioCRSTransformer',
]
