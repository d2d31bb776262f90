"""Functions on rasterio datasets and GeoTIFF files, for scripts and notebooks."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from rastervision.core.box import Box
from rastervision.core.data.raster_source.raster_reader import RasterInfo
from rastervision.core.data.raster_source.rasterio_io import gdal_errors, open_raster
from rastervision.core.data.raster_source.vrt import mosaic_vrt
from rastervision.core.grid import apply_affine
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.file_system import atomic_path, download_if_needed, file_to_str
from rastervision.pipeline.file_system.file_system import unwritable

COPY_BYTES = 64 * 1024**2
"""Size of the parts in which files are copied."""


def write_window(dataset: Any, arr: NDArray[Any], window: Box | None = None) -> None:
    """Write pixels to a dataset that is open for writing.

    Args:
        dataset: rasterio dataset.
        arr: (H, W) or (H, W, C) pixels.
        window: where to write, in pixels; None for all of the dataset.
    """
    bands = arr[None] if arr.ndim == 2 else arr.transpose(2, 0, 1)
    dataset.write(bands, window=None if window is None else window.to_rasterio())


@contextmanager
def _new_raster(uri: str, profile: dict[str, Any]) -> Iterator[Any]:
    """A dataset to write to; the file is there when the block ends well.

    Raises:
        NotWritableError: GDAL refuses the profile, or cannot write.
    """
    try:
        with atomic_path(uri) as path, rasterio.open(path, 'w', **profile) as dataset:
            yield dataset
    except (RasterioError, CPLE_BaseError) as e:
        cause = ' '.join(str(e.__cause__ or e).split()).rstrip('.')
        raise unwritable(uri, f'{cause}; check the options, and limits on the size of files') from e


def write_bbox(path: str, arr: NDArray[Any], bbox: Box, crs_wkt: str, **kwargs: Any) -> None:
    """Write a GeoTIFF that covers a box on the map.

    Args:
        path: file to write.
        arr: (H, W) or (H, W, C) pixels.
        bbox: box in map coordinates.
        crs_wkt: CRS of `bbox`; WKT or another form that rasterio reads.
        **kwargs: further items of the rasterio profile.
    """
    height, width = arr.shape[:2]
    ymin, xmin, ymax, xmax = bbox.normalize()
    x_size, y_size = (xmax - xmin) / width, (ymax - ymin) / height
    profile = {
        'driver': 'GTiff',
        'height': height,
        'width': width,
        'count': 1 if arr.ndim == 2 else arr.shape[2],
        'dtype': arr.dtype,
        'crs': crs_wkt,
        'transform': Affine(x_size, 0, xmin, 0, -y_size, ymax),
        **kwargs,
    }
    with _new_raster(path, profile) as dataset:
        write_window(dataset, arr)


def write_geotiff_like_geojson(
    path: str, arr: NDArray[Any], geojson_path: str, crs: str | None = None, **kwargs: Any
) -> None:
    """Write a GeoTIFF that covers the bounds of a GeoJSON file.

    Args:
        path: file to write.
        arr: (H, W) or (H, W, C) pixels.
        geojson_path: GeoJSON file.
        crs: CRS of its coordinates; None for WGS 84.
        **kwargs: further items of the rasterio profile.

    Raises:
        DataError: there are no geometries in the file.
    """
    import shapely

    try:
        shape = shapely.from_geojson(file_to_str(geojson_path))
    except shapely.errors.GEOSException as e:
        raise DataError(f'{geojson_path} is no GeoJSON: {e}') from e
    if shape.is_empty:
        raise DataError(f'{geojson_path} has no geometries to take bounds from.')
    write_bbox(path, arr, Box.from_shapely(shape), crs or 'EPSG:4326', **kwargs)


def crop_geotiff(src_uri: str, window: Box, dst_uri: str) -> None:
    """Copy a window of a raster to a new GeoTIFF, part by part.

    Args:
        src_uri: raster to copy from.
        window: window in pixels, cut to the raster.
        dst_uri: file to write.

    Raises:
        DataError: the window lies outside of the raster.
    """
    with open_raster(download_if_needed(src_uri)) as src:
        window = window.intersection(Box(0, 0, src.height, src.width))
        if not window.area:
            raise DataError(f'The window lies outside of {src_uri}, {src.height} x {src.width}.')
        a, b, _, d, e, _ = tuple(src.transform)[:6]
        x, y = apply_affine(src.transform, (window.xmin, window.ymin))
        profile = {
            'driver': 'GTiff',
            'count': src.count,
            'dtype': src.dtypes[0],
            'crs': src.crs,
            'nodata': src.nodata,
            'height': window.height,
            'width': window.width,
            'transform': Affine(a, b, float(x), d, e, float(y)),
        }
        row_bytes = src.count * window.width * np.dtype(src.dtypes[0]).itemsize
        rows = max(1, COPY_BYTES // row_bytes)
        with _new_raster(dst_uri, profile) as dst:
            dst.colorinterp = src.colorinterp
            for top in range(0, window.height, rows):
                height = min(rows, window.height - top)
                part = Window(window.xmin, window.ymin + top, window.width, height)
                with gdal_errors(src_uri):
                    pixels = src.read(window=part)
                dst.write(pixels, window=Window(0, top, window.width, height))


def build_vrt(vrt_path: str, image_uris: Sequence[str]) -> None:
    """Write a VRT that shows rasters as one mosaic; see `mosaic_vrt`."""
    vrt = mosaic_vrt([str(Path(uri).absolute()) if '://' not in uri else uri for uri in image_uris])
    with atomic_path(vrt_path) as path:
        Path(path).write_text(vrt, encoding='utf-8')


def download_and_build_vrt(image_uris: Sequence[str], vrt_dir: str, stream: bool = False) -> str:
    """Download rasters, unless they are to be streamed, and write the VRT of their mosaic.

    Returns:
        Path of the VRT in `vrt_dir`.
    """
    uris = list(image_uris) if stream else [download_if_needed(uri, vrt_dir) for uri in image_uris]
    vrt_path = str(Path(vrt_dir) / 'index.vrt')
    build_vrt(vrt_path, uris)
    return vrt_path


def read_window(
    dataset: Any,
    bands: int | Sequence[int] | None = None,
    window: tuple[tuple[int, int], tuple[int, int]] | None = None,
    is_masked: bool = False,
    out_shape: tuple[int, int] | None = None,
    session: Any = None,
) -> NDArray[Any]:
    """Read pixels of an open dataset.

    Args:
        dataset: rasterio dataset.
        bands: band or bands to read, from 1 as rasterio counts; None for all.
        window: ((ymin, ymax), (xmin, xmax)) within the raster; None for all of it.
        is_masked: whether pixels without data become 0.
        out_shape: (height, width) to resample to, bilinearly.
        session: session of rasterio with the credentials for a remote file.

    Returns:
        (H, W, C) pixels; (H, W) when `bands` is a number.
    """
    indexes = dataset.indexes if bands is None else bands
    shape: tuple[int, ...] | None = out_shape
    if out_shape is not None and not isinstance(indexes, int):
        shape = (len(indexes), *out_shape)
    with nullcontext() if session is None else rasterio.Env(session):
        pixels = dataset.read(
            indexes,
            window=None if window is None else Window.from_slices(*window),
            out_shape=shape,
            masked=is_masked,
            resampling=Resampling.bilinear,
        )
    if is_masked:
        pixels = np.ma.filled(pixels, 0)
    return np.asarray(pixels if pixels.ndim == 2 else pixels.transpose(1, 2, 0))


def get_channel_order_from_dataset(dataset: Any) -> list[int]:
    """Indices, from 0, of all bands but the alpha band."""
    return RasterInfo.of(dataset).data_bands


def is_masked(dataset: Any) -> bool:
    """Whether some pixels may be without data: by nodata value, alpha or mask band."""
    info = RasterInfo.of(dataset)
    return info.has_mask or info.alpha is not None or any(v is not None for v in info.nodata)
