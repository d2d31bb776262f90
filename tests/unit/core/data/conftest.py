"""Tiny rasters and vector files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

WriteTif = Callable[..., str]
WriteGeoJSON = Callable[..., str]


@pytest.fixture
def write_tif(tmp_path: Path) -> WriteTif:
    """Write (H, W) or (C, H, W) pixels: a .tif in UTM 33N with pixels of 1 m, or a plain .png."""

    def write(
        name: str,
        pixels: np.ndarray,
        origin: tuple[float, float] = (500_000.0, 5_000_000.0),
        res: float = 1.0,
        crs: str | None = 'EPSG:32633',
        **profile: Any,
    ) -> str:
        path = tmp_path / name
        if path.suffix == '.png':
            Image.fromarray(pixels).save(path)
            return str(path)
        bands = pixels if pixels.ndim == 3 else pixels[None]
        if crs is not None:
            x, y = origin
            profile |= {'crs': crs, 'transform': Affine(res, 0, x, 0, -res, y)}
        count, height, width = bands.shape
        with rasterio.open(
            path, 'w', 'GTiff', width, height, count, dtype=bands.dtype, **profile
        ) as dataset:
            dataset.write(bands)
        return str(path)

    return write


@pytest.fixture
def write_geojson(tmp_path: Path) -> WriteGeoJSON:
    """Write rings (lists of positions) as polygons, or GeoJSON geometries, with properties."""

    def write(
        name: str,
        geometries: list[Any],
        properties: list[dict[str, Any]] | dict[str, Any] | None = None,
        crs: str | None = None,
    ) -> str:
        rows = properties if isinstance(properties, list) else [properties or {}] * len(geometries)
        features = [
            {
                'type': 'Feature',
                'geometry': {'type': 'Polygon', 'coordinates': [g]} if isinstance(g, list) else g,
                'properties': row,
            }
            for g, row in zip(geometries, rows, strict=True)
        ]
        document: dict[str, Any] = {'type': 'FeatureCollection', 'features': features}
        if crs is not None:
            document['crs'] = {'type': 'name', 'properties': {'name': crs}}
        path = tmp_path / name
        path.write_text(json.dumps(document))
        return str(path)

    return write


@pytest.fixture
def box_ring() -> Callable[..., list[list[float]]]:
    """Ring of a rectangle from pixels to UTM coordinates of the default rasters."""

    def ring(ymin: float, xmin: float, ymax: float, xmax: float) -> list[list[float]]:
        corners = [(xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax), (xmin, ymin)]
        return [[500_000.0 + x, 5_000_000.0 - y] for x, y in corners]

    return ring
