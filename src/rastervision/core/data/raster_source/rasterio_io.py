"""Opening rasters through GDAL: names, settings, errors."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio._env
from rasterio._err import CPLE_BaseError
from rasterio.enums import MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.vrt import WarpedVRT

from rastervision.core.data.raster_source.remote_rasters import ATTEMPTS, RemoteRaster
from rastervision.core.utils.process_lock import process_lock
from rastervision.core.utils.quiet import quiet
from rastervision.gdal_vsi.names import to_vsi
from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import NotReadableError
from rastervision.pipeline.file_system.file_system import unreadable
from rastervision.pipeline.public_text import public_uri

CACHE_BYTES = (64 * 1024**2, 256 * 1024**2)
"""Least and greatest size of GDAL's block cache, which all rasters of a process share. It has room
for two rows of windows or blocks of the widest raster, so that each block is decoded once when
windows are read row by row, and the greatest size when they are read in no order."""

WINDOW_ROWS = 512


def is_gdal_name(uri: str) -> bool:
    """Whether a URI is a name that only GDAL understands.

    That is a virtual path, the XML of a VRT, or the name of a part of a file, such as
    'NETCDF:file.nc:variable' and 'SENTINEL2_L1C:/folder/MTD_MSIL1C.xml:10m:EPSG_32633'.
    """
    if uri.startswith(('<', '/vsi')):
        return True
    return re.match(r'[a-zA-Z][\w+-]+:(?!//)', uri) is not None and not Path(uri).exists()


def gdal_path(uri: str) -> str:
    """The name by which GDAL reads a URI: a local path, or a virtual one for a remote file.

    Raises:
        NotReadableError: the URI is not complete.
    """
    try:
        return to_vsi(uri)
    except ValueError as error:
        raise unreadable(uri, error) from None


def is_remote(uri: str) -> bool:
    """Whether GDAL can read a URI in a remote store, or something in it.

    Raises:
        NotReadableError: the URI is not complete.
    """
    gdal_path(uri)
    return RemoteRaster.of(uri) is not None


@contextmanager
def gdal_errors(uri: str, doing: str = 'be read as a raster') -> Iterator[None]:
    """Turn GDAL's errors into a NotReadableError that names the file."""
    try:
        yield
    except (RasterioError, CPLE_BaseError) as e:
        name = 'The mosaic' if uri.startswith('<VRTDataset') else public_uri(uri)
        cause = ' '.join(str(e.__cause__ or e).split()).rstrip('.').replace(uri, name)
        raise NotReadableError(
            f'{name} cannot {doing}: {cause}. Check that the file is complete, and of a format '
            'that GDAL reads.'
        ) from e


def open_raster(uri: str, attempts: int = ATTEMPTS) -> Any:
    """Open a raster for reading.

    A raster that is placed by ground control points comes as a warped view on a north-up grid
    in the CRS of the points.

    Args:
        uri: local path, remote URI, GDAL virtual path or VRT XML.
        attempts: how often to try at most to open a remote one.

    Returns:
        A rasterio dataset; close it, or use it in a `with` statement.

    Raises:
        NotReadableError: the file is missing or no raster.
    """
    path = gdal_path(uri)
    if remote := RemoteRaster.of(uri):
        return remote.call(lambda: open_here(path, uri), attempts)
    if not is_gdal_name(path) and '://' not in path and not Path(path).exists():
        raise NotReadableError(f'{uri} does not exist.')
    return open_here(path, uri)


def open_here(path: str, uri: str) -> Any:
    """Open what GDAL knows by a path; once, with the settings of this thread."""
    # without a georeference rasterio warns, here that is nothing unusual
    with gdal_errors(uri), quiet(NotGeoreferencedWarning):
        _configure_gdal()
        dataset = rasterio.open(path)
        _check_bands(dataset, uri)
        reserve_cache(_two_rows(dataset))
        points, crs = dataset.gcps
        if not points or not crs or dataset.crs:
            return dataset
        covered = any(MaskFlags.all_valid not in flags for flags in dataset.mask_flag_enums)
        return WarpedVRT(dataset, src_crs=crs, add_alpha=not covered)


def _check_bands(dataset: Any, uri: str) -> None:
    """Raise NotReadableError for a file that only holds other rasters, or none."""
    if dataset.count:
        return
    parts = list(dataset.subdatasets)
    dataset.close()
    way_out = f'; name the one to use as its URI: {", ".join(parts[:20])}' if parts else ''
    raise NotReadableError(f'{uri} holds {"several rasters" if parts else "no bands"}{way_out}.')


_cache_bytes = 0


_configured = threading.local()


def _configure_gdal() -> None:
    """Set up GDAL for this thread."""
    if hasattr(_configured, 'done'):
        return
    _configured.done = True
    # rasterio.Env, which is public, would undo the settings when it is left
    # GDAL's fast path for whole PNGs gives wrong pixels, and no error, when the file is truncated
    rasterio._env.set_gdal_config('GDAL_PNG_WHOLE_IMAGE_OPTIM', 'NO')  # noqa: SLF001


def _two_rows(dataset: Any) -> int:
    """Bytes of two rows of windows, or of blocks that are higher than these."""
    rows = 2 * max(WINDOW_ROWS, *(height for height, _ in dataset.block_shapes))
    pixel = sum(dtype.itemsize for dtype in band_dtypes(dataset))
    return int(rows * dataset.width * pixel)


def reserve_cache(size: int) -> None:
    """Let GDAL's block cache hold some bytes, within limits, unless the user sets GDAL_CACHEMAX."""
    global _cache_bytes  # noqa: PLW0603 - it is GDAL's, of which there is one in a process
    if rv_config_.get_namespace_option('GDAL', 'CACHEMAX') is not None:
        return
    size = min(max(CACHE_BYTES[0], size), CACHE_BYTES[1])
    with process_lock:
        if size > _cache_bytes:
            rasterio._env.set_gdal_config('GDAL_CACHEMAX', size)  # noqa: SLF001
            _cache_bytes = size


def band_dtypes(dataset: Any) -> tuple[np.dtype[Any], ...]:
    """Dtypes that the bands of a dataset are read as; NumPy has no complex integers."""
    names = ('complex64' if name == 'complex_int16' else name for name in dataset.dtypes)
    return tuple(np.dtype(name) for name in names)
