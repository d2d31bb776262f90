"""Cloud Optimized GeoTIFFs that are written in one pass: tiles and overviews come as rows do."""

from rastervision.core.data.label_store.cog.join import begin_cog, write_cog
from rastervision.core.data.label_store.cog.layer import Layer, half
from rastervision.core.data.label_store.cog.pyramid import Pyramid
from rastervision.core.data.label_store.cog.tiff import Tag, read_tags
from rastervision.core.data.label_store.cog.tile_file import TileFile, TileReader, append

__all__ = [
    'Layer',
    'Pyramid',
    'Tag',
    'TileFile',
    'TileReader',
    'append',
    'begin_cog',
    'half',
    'read_tags',
    'write_cog',
]
