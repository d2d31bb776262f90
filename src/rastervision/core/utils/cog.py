"""Cloud optimized GeoTIFFs."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rastervision.pipeline.file_system import download_if_needed, upload_or_copy


def create_cog(
    source_uri: str,
    dest_uri: str,
    local_dir: str,
    block_size: int = 512,
    resample_method: str = 'near',
    compression: str = 'deflate',
    overviews: Sequence[int] | None = None,
) -> None:
    """Write a raster as a cloud optimized GeoTIFF.

    Args:
        source_uri: The raster.
        dest_uri: The file to write.
        local_dir: Folder for temporary files.
        block_size: Side of the tiles, in pixels.
        resample_method: How overviews are made: a name that GDAL knows, such as 'average'.
        compression: A compression that GDAL knows.
        overviews: Factors 2, 4, 8 ...; only their number counts. None takes what the size of the
            raster asks for.

    Raises:
        NotReadableError: There is no such raster.
        NotWritableError: The file cannot be written.
    """
    from rasterio.shutil import copy

    from rastervision.core.data.raster_source.rasterio_io import open_raster

    options = {} if overviews is None else {'OVERVIEW_COUNT': len(overviews)}
    with TemporaryDirectory(dir=local_dir) as folder:
        target = str(Path(folder, 'cog.tif'))
        with open_raster(download_if_needed(source_uri, local_dir)) as dataset:
            copy(
                dataset,
                target,
                driver='COG',
                BLOCKSIZE=block_size,
                COMPRESS=compression.upper(),
                RESAMPLING='NEAREST' if resample_method == 'near' else resample_method.upper(),
                **options,
            )
        upload_or_copy(target, dest_uri)
