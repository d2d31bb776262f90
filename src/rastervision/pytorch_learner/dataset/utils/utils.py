"""Errors of the datasets, and image files."""

import operator
import re
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from rastervision.pipeline.errors import ConfigError, DataError, NotReadableError

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


def check_index(idx: Any, length: int) -> int:
    """Make sure that there is a window at an index.

    Raises:
        IndexError: There is none.
        GeoDatasetError: It is no integer.
    """
    try:
        number = operator.index(idx)
    except TypeError as error:
        raise GeoDatasetError(
            f'A dataset has one item for an integer, got {idx!r}; for several, use '
            'torch.utils.data.Subset.'
        ) from error
    if not -length <= number < length:
        raise IndexError(f'There are {length} windows, so there is none at {number}.')
    return number


def sides(name: str, value: Any, least: int) -> tuple[int, int]:
    """A number of pixels as (vertical, horizontal) numbers.

    Args:
        name: What the user calls it.
        value: One number for both, or a pair.
        least: The smallest number that will do.

    Raises:
        ConfigError: It is neither, or too small.
    """
    pair = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    numbers = [int(n) for n in pair if isinstance(n, int | np.integer) and n >= least]
    if len(pair) > 2 or len(numbers) != len(pair) or not pair:
        raise ConfigError(
            f'{name} has to be a whole number of at least {least}, or a (vertical, horizontal) '
            f'pair of such, got {value!r}.'
        )
    return numbers[0], numbers[-1]
