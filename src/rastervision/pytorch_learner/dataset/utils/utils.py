"""Errors of the datasets, and image files."""

import re
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from rastervision.pipeline.errors import DataError, NotReadableError

IMG_EXTENSIONS = (
    '.jpg',
    '.jpeg',
    '.png',
    '.ppm',
    '.bmp',
    '.pgm',
    '.tif',
    '.tiff',
    '.webp',
    '.npy',
)


class DatasetError(DataError):
    """A dataset cannot be made or read."""


class ImageDatasetError(DatasetError):
    """A dataset of image files cannot be made or read."""


class GeoDatasetError(DatasetError):
    """A dataset of windows of a scene cannot be made or read."""


def discover_images(
    dir: PathLike[str] | str,  # noqa: A002  the name of release 0.31
    extensions: Iterable[str] = IMG_EXTENSIONS,
) -> list[Path]:
    """Paths of all images in a folder, sorted by name.

    Args:
        dir: The folder; its subfolders are not looked at.
        extensions: File name extensions of images, in lower case and with the dot.
    """
    wanted = set(extensions)
    return sorted(p for p in Path(dir).iterdir() if p.suffix.lower() in wanted)


def class_folder(name: str) -> str:
    """Name of the folder of a class: characters that a file system does not take are quoted."""
    return re.sub(r'[%/\\:*?"<>|]', lambda match: quote(match[0], safe=''), name)


def load_image(path: PathLike[str] | str) -> NDArray[Any]:
    """Read an image file.

    Args:
        path: A .npy file, a GeoTIFF, or any image that Pillow reads.

    Returns:
        (H, W) for an image of one band without a channel axis, (H, W, C) otherwise, with the
        dtype of the file.

    Raises:
        ImageDatasetError: If the file cannot be read.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == '.npy':
            array: NDArray[Any] = np.load(path, allow_pickle=False)
            return array
        if path.suffix.lower() in {'.tif', '.tiff'}:
            return _load_tiff(path)
        from PIL import Image

        with Image.open(path) as image:
            return np.asarray(image.convert('RGB') if image.mode == 'P' else image)
    except (OSError, ValueError, NotReadableError) as error:
        raise ImageDatasetError(f'{path} cannot be read as an image: {error}') from error


def _load_tiff(path: Path) -> NDArray[Any]:
    from rastervision.core.data.raster_source.rasterio_io import gdal_errors, open_raster

    with open_raster(str(path)) as raster, gdal_errors(str(path)):
        bands: NDArray[Any] = raster.read()
    return bands[0] if len(bands) == 1 else bands.transpose(1, 2, 0)
