"""Labels as geometries."""

from rastervision.core.data.vector_source.geojson_vector_source import (
    GeoJSONVectorSource,
    GeoJSONVectorSourceConfig,
)
from rastervision.core.data.vector_source.vector_source import VectorSource, VectorSourceConfig

__all__ = [
    'GeoJSONVectorSource',
    'GeoJSONVectorSourceConfig',
    'VectorSource',
    'VectorSourceConfig',
]
