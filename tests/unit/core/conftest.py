"""Small rasters for the tests of the core."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

WriteRaster = Callable[..., str]

UTM_GRID = Affine(0.5, 0, 300000, 0, -0.5, 4000000)


@pytest.fixture
def write_raster(tmp_path: Path) -> WriteRaster:
    """Function that writes a (C, H, W) array to a GeoTIFF and returns its path.

    Keyword arguments are those of rasterio; `colors` sets color interpretations, `mask` writes
    an internal mask band.
    """

    def write(
        array: NDArray[Any],
        name: str = 'image.tif',
        mask: NDArray[np.bool_] | None = None,
        colors: list[rasterio.enums.ColorInterp] | None = None,
        **profile: Any,
    ) -> str:
        path = str(tmp_path / name)
        count, height, width = array.shape
        profile = {
            'driver': 'GTiff',
            'dtype': array.dtype,
            'crs': 'EPSG:32633',
            'transform': UTM_GRID,
            **profile,
        }
        with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            warnings.simplefilter('ignore', rasterio.errors.NotGeoreferencedWarning)
            with rasterio.open(
                path, 'w', count=count, height=height, width=width, **profile
            ) as dataset:
                if colors is not None:
                    dataset.colorinterp = colors
                dataset.write(array)
                if mask is not None:
                    dataset.write_mask(mask)
        return path

    return write


@pytest.fixture
def rgb() -> NDArray[np.uint8]:
    """(3, 50, 70) random pixels from 1 to 255."""
    return np.random.default_rng(0).integers(1, 256, (3, 50, 70), dtype=np.uint8)
