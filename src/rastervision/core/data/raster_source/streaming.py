"""Whether a remote raster is read where it is, or from a copy in the cache."""

import logging
from typing import Any
from urllib.parse import urlsplit

from rastervision.core.data.raster_source.rasterio_io import is_remote, open_raster
from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError, NotReadableError
from rastervision.pipeline.file_system.file_system import FileSystem
from rastervision.pipeline.public_text import public_uri

log = logging.getLogger(__name__)

LARGE = 20_000_000
"""Bytes of a file below which it is downloaded: that takes less time than many requests."""
MAX_TILE = 2048
"""Rows and columns of blocks up to which a file is read in place."""
TILED = frozenset({'GTiff', 'JP2OpenJPEG', 'MRF'})
"""Drivers of GDAL for formats whose blocks are read one by one."""
CHOICES = ('auto', 'never')
"""Values of the setting `streaming` in section `[RV]`."""


def reads_well_in_place(uri: str) -> bool:
    """Whether windows of a remote raster are better read where it is than from a copy.

    They are if it is large and of a format with tiles that are read one by one, and GDAL can read
    it there. For a VRT it is so in any case, since it names files by their places.

    Raises:
        NotReadableError: the store refuses.
    """
    if not is_remote(uri) or not _may_stream():
        return False
    size = FileSystem.get_file_system(uri).size_if_ranged(uri)
    is_vrt = urlsplit(uri).path.lower().endswith('.vrt')
    if not is_vrt and (size is None or size < LARGE):
        return False
    try:
        with open_raster(uri, attempts=1) as dataset:
            return is_vrt or _has_tiles(dataset)
    except NotReadableError as error:
        log.info('%s is downloaded, since GDAL cannot read it in place: %s', public_uri(uri), error)
        return False


def _may_stream() -> bool:
    choice: str = rv_config_.get_namespace_option('RV', 'streaming', CHOICES[0])
    if choice not in CHOICES:
        raise ConfigError(
            f'The setting streaming is {choice!r}; it is one of {", ".join(CHOICES)}.'
        )
    return choice != 'never'


def _has_tiles(dataset: Any) -> bool:
    """Whether a window takes a small part of the file: no long rows, no file that is one block."""
    if dataset.driver not in TILED:
        return False
    height = dataset.height
    return all(max(rows, cols) <= MAX_TILE and rows < height for rows, cols in dataset.block_shapes)
