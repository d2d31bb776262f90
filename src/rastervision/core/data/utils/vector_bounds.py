"""Where the features of a file lie, and what part of it belongs to an image."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from rastervision.core.box import Box
from rastervision.core.data.crs_transformer import (
    CRSTransformer,
    IdentityCRSTransformer,
    RasterioCRSTransformer,
)
from rastervision.core.data.utils.geoparquet import geoparquet_bounds
from rastervision.core.data.utils.ogr_files import Bounds, find_layer
from rastervision.core.data.utils.vector_io import (
    GEOJSON,
    LINES,
    PARQUET,
    fetch,
    is_lon_lat,
    starts_as_json,
)
from rastervision.core.data.utils.vector_tiles import HALF_WORLD, TILE_CRS, mbtiles_bounds
from rastervision.pipeline.errors import DataError

Place: TypeAlias = tuple[Bounds, CRS | None]
"""Bounds, and the CRS that they are in; None for that of the image's map, or pixels."""

_STEPS = 20


def place_of_file(uri: str, layer: str | None = None, crs: CRS | None = None) -> Place | None:
    """Where all features of a file lie, in the CRS that is given or that it states.

    None for a file without features, and for GeoJSON, which is always read whole.
    """
    path = fetch(uri)
    suffix = path.suffix.lower()
    if suffix in {*LINES, *GEOJSON} or starts_as_json(path):
        return None
    if suffix in PARQUET:
        return geoparquet_bounds(path, uri, crs)
    if suffix == '.mbtiles':
        return mbtiles_bounds(path, uri)
    found = find_layer(path, uri, layer, crs, with_bounds=True)
    return None if found.bounds is None else (found.bounds, found.crs)


def check_overlap(
    places: Sequence[Place],
    bbox: Box,
    searched: Box,
    crs_transformer: CRSTransformer,
    origin: str,
) -> None:
    """Refuse files of which all features lie elsewhere, which were left out in reading.

    Args:
        places: of the files.
        bbox: of the image, in its source pixel frame.
        searched: the same with what transformers of the features reach.
        crs_transformer: of the image.
        origin: the files in messages.

    Raises:
        DataError: none of the places touches what was searched.
    """
    for there, crs in places:
        wanted = map_bounds(searched, crs_transformer, crs)
        if wanted is None or shapely.box(*there).intersects(shapely.box(*wanted)):
            return
    for there, crs in places[:1]:
        here = _hull(_corners(bbox, crs_transformer, crs))
        if isinstance(crs_transformer, IdentityCRSTransformer):
            name = 'pixels'
        else:
            name = 'longitude and latitude' if crs is None else crs.to_string()
        raise DataError(
            f'{origin} does not overlap its image: the features lie in {_text(there)} and the '
            f'image in {_text(here)} (xmin, ymin, xmax, ymax; {name}). Check that they belong '
            'together, and the CRS of both.'
        )


def map_bounds(box: Box, crs_transformer: CRSTransformer, crs: CRS | None) -> Bounds | None:
    """Bounds, in the CRS of a file, of a box of the source pixel frame, a little generous.

    Args:
        box: in the source pixel frame.
        crs_transformer: of the raster.
        crs: of the file; None takes the map CRS of `crs_transformer`.

    Returns:
        The bounds; None where that CRS is not defined or not known to the transformer.
    """
    corners = _corners(box, crs_transformer, crs)
    return None if corners is None else _padded(_hull(corners))


def tile_bounds(box: Box, crs_transformer: CRSTransformer) -> list[Bounds] | None:
    """As `map_bounds` in web mercator metres, but in two parts across the antimeridian."""
    corners = _corners(box, crs_transformer, TILE_CRS)
    if corners is None:
        return None
    x = corners[:, 0]
    if np.ptp(x) <= HALF_WORLD:
        return [_padded(_hull(corners))]
    corners[:, 0] = np.where(x < 0, x + 2 * HALF_WORLD, x)
    xmin, ymin, xmax, ymax = _padded(_hull(corners))
    if xmax - xmin > HALF_WORLD:  # really that wide, as around a pole
        return [(-HALF_WORLD, ymin, HALF_WORLD, ymax)]
    return [(xmin, ymin, HALF_WORLD, ymax), (-HALF_WORLD, ymin, xmax - 2 * HALF_WORLD, ymax)]


def _corners(
    box: Box, crs_transformer: CRSTransformer, crs: CRS | None
) -> NDArray[np.float64] | None:
    """(N, 2) points all over a box: the map may be curved, and a pole may lie in it."""
    if isinstance(crs_transformer, RasterioCRSTransformer):
        crs_transformer = crs_transformer.variant(crs, round_pixels=False)
    elif not (crs is None or is_lon_lat(crs)):
        return None
    x, y = np.meshgrid(
        np.linspace(box.xmin, box.xmax, _STEPS + 1), np.linspace(box.ymin, box.ymax, _STEPS + 1)
    )
    with np.errstate(invalid='ignore'):
        corners = np.stack(crs_transformer.pixel_to_map((x.ravel(), y.ravel())), axis=-1)
    return corners.astype(np.float64) if np.isfinite(corners).all() else None


def _hull(corners: Any) -> Bounds:
    (xmin, ymin), (xmax, ymax) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return xmin, ymin, xmax, ymax


def _padded(bounds: Bounds) -> Bounds:
    xmin, ymin, xmax, ymax = bounds
    dx, dy = (xmax - xmin) / _STEPS, (ymax - ymin) / _STEPS
    return xmin - dx, ymin - dy, xmax + dx, ymax + dy


def _text(bounds: Bounds) -> str:
    return '({:.6g}, {:.6g}, {:.6g}, {:.6g})'.format(*bounds)
