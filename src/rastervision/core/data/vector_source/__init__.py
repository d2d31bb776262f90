"""Labels as geometries."""

from rastervision.core.compat_exports import further_names
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
from rastervision.pipeline.lazy import further_exports

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

__getattr__, __dir__ = further_exports(globals(), further_names(__name__))
