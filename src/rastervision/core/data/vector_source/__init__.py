"""Labels as geometries."""

from rastervision.core.data.vector_source.geojson_vector_source import (
    GeoJSONVectorSource,
    GeoJSONVectorSourceConfig,
)
from rastervision.core.data.vector_source.vector_file_source import (
    VectorFileSource,
    VectorFileSourceConfig,
)
from rastervision.core.data.vector_source.vector_source import VectorSource, VectorSourceConfig
from rastervision.core.data.vector_source.vector_tile_source import (
    VectorTileSource,
    VectorTileSourceConfig,
)

__all__ = [
    'GeoJSONVectorSource',
    'GeoJSONVectorSourceConfig',
    'VectorFileSource',
    'VectorFileSourceConfig',
    'VectorSource',
    'VectorSourceConfig',
    'VectorTileSource',
    'VectorTileSourceConfig',
]
