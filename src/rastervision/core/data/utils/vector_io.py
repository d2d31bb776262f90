"""Vector files to features in pixel coordinates: read, mend, place.

`read_features` is the one place that opens vector files, and tells them apart by their names.
"""

import logging
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

import numpy as np
import shapely
from pyproj import CRS

from rastervision.core.box import Box
from rastervision.core.data.crs_transformer import (
    CRSTransformer,
    IdentityCRSTransformer,
    RasterioCRSTransformer,
)
from rastervision.core.data.utils.features import POLYGON, Features, repair
from rastervision.core.data.utils.geojson_files import read_geojson_file, read_geojson_lines
from rastervision.core.data.utils.geoparquet import read_geoparquet
from rastervision.core.data.utils.ogr_files import Bounds, FindBounds, find_layer, read_layer
from rastervision.core.grid import to_crs
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.file_system import download_if_needed, file_exists, is_local
from rastervision.pipeline.file_system.file_system import unreadable

log = logging.getLogger(__name__)

Rounding: TypeAlias = Literal['transformer', 'nearest', 'none']
"""How vertices become pixel coordinates: as the CRS transformer does it (by default, down to
whole pixels), to the nearest pixel corner, or not at all."""

_DECIMALS = 6  # of a pixel: beyond the precision of projections
_BOUNDS_STEPS = 20

_GEOJSON = ('.json', '.geojson')
_LINES = ('.geojsonl', '.geojsons', '.ndjson', '.jsonl', '.nljson')
_PARQUET = ('.parquet', '.geoparquet')
_OTHER_JSON = ('.topojson',)
_FOLDERS = ('.gdb',)
COMPANIONS = {'.shp': ('.shx', '.dbf', '.prj', '.cpg')}
"""Further files of formats that have several."""


def read_features(
    uri: str,
    layer: str | None = None,
    crs: CRS | None = None,
    find_bounds: FindBounds | None = None,
) -> tuple[Features, CRS | None]:
    """Features of a vector file, as valid, two-dimensional single parts.

    What was dropped or repaired is logged, in one line per file.

    Args:
        uri: a GeoJSON file, or one of any format that GDAL or pyarrow reads, which is told by its
            name.
        layer: layer of a file that has several.
        crs: CRS of the coordinates; None takes that which the file states.
        find_bounds: tells, by the CRS, what part of the file is wanted. Formats with an index or
            chunks are read there only; GeoJSON is read whole.

    Returns:
        The features in their CRS, and that CRS, None when the file does not say.

    Raises:
        NotReadableError: there is no such file.
        DataError: the file is empty, damaged, of another kind, or in an unknown CRS.
        ConfigError: the layer is missing, or several layers leave it open which one is meant.
    """
    features, dropped, found_crs = _read(uri, layer, crs, find_bounds)
    return mended(features, dropped, uri), crs or found_crs


def bounds_of_file(uri: str, layer: str | None = None) -> tuple[Bounds, CRS | None] | None:
    """Bounds around all features of a file that GDAL reads, and the CRS that it states.

    None for a file without features, and for other formats.
    """
    path = _fetch(uri)
    suffix = path.suffix.lower()
    if suffix in {*_LINES, *_GEOJSON, *_PARQUET} or _starts_as_json(path):
        return None
    found = find_layer(path, uri, layer, with_bounds=True)
    return None if found.bounds is None else (found.bounds, found.crs)


def mended(features: Features, dropped: Counter[str], uri: str) -> Features:
    """Features with valid polygons only; what was dropped or repaired is logged.

    Args:
        features: single parts.
        dropped: why how many were dropped before.
        uri: what they were read from.
    """
    features, repairs = repair(features)
    notes = []
    dropped = dropped + Counter({'without area': repairs.without_area})
    if dropped.total():
        reasons = ', '.join(f'{count} {why}' for why, count in dropped.items())
        notes.append(f'dropped {dropped.total()} geometries ({reasons})')
    if repairs.repaired:
        notes.append(f'repaired {repairs.repaired} invalid polygons')
    if notes:
        log.warning('%s: %s.', uri, ', '.join(notes))
    return features


def _read(
    uri: str, layer: str | None, crs: CRS | None, find_bounds: FindBounds | None
) -> tuple[Features, Counter[str], CRS | None]:
    path = _fetch(uri)
    suffix = path.suffix.lower()
    if suffix in _LINES:
        return read_geojson_lines(path, uri)
    if suffix in _GEOJSON or (suffix not in _OTHER_JSON and _starts_as_json(path)):
        return read_geojson_file(path, uri)
    if suffix in _PARQUET:
        return read_geoparquet(path, uri, crs, find_bounds)
    found = find_layer(path, uri, layer)
    stated = crs or found.crs
    bounds = None if find_bounds is None else find_bounds(stated)
    return *read_layer(found, uri, bounds), stated


def _fetch(uri: str) -> Path:
    """Local path of a file, beside which its companions lie."""
    path = Path(download_if_needed(uri))
    if path.is_dir() and path.suffix.lower() not in _FOLDERS:
        raise unreadable(uri, 'it is a directory')
    if is_local(uri):
        return path
    stem = uri[: -len(PurePosixPath(uri).suffix)]
    for suffix in COMPANIONS.get(path.suffix.lower(), ()):
        if file_exists(stem + suffix, include_dir=False):
            download_if_needed(stem + suffix)
    return path


def _starts_as_json(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open('rb') as file:
        return file.read(64).lstrip(b'\xef\xbb\xbf \t\r\n').startswith(b'{')


def to_pixels(
    features: Features,
    crs: CRS | None,
    crs_transformer: CRSTransformer,
    rounding: Rounding = 'transformer',
) -> Features:
    """Features in the source pixel frame of a raster.

    Args:
        features: single parts in the CRS of their file.
        crs: that CRS; None takes the map CRS of `crs_transformer` (longitude and latitude).
        crs_transformer: of the raster.
        rounding: how vertices are rounded.

    Returns:
        The features in pixel coordinates, valid again after rounding. Those that the raster's
        projection does not reach are left out.

    Raises:
        DataError: the coordinates are no longitudes and latitudes although the file states no
            CRS, or one with these; the raster's projection reaches none of the features; the
            raster has no georeference and the features are not in pixels.
    """
    if not len(features):
        return features
    if isinstance(crs_transformer, IdentityCRSTransformer):
        _check_pixels(features)
    else:
        _check_lon_lat(features, crs, crs_transformer)
    transformer = _transformer_from(crs, crs_transformer, rounding, features.origin)
    coords, owner = shapely.get_coordinates(features.geoms, return_index=True)
    try:
        with np.errstate(invalid='ignore'):  # infinity, sorted out below
            xy = np.stack(transformer.map_to_pixel((coords[:, 0], coords[:, 1])), axis=-1)
    except DataError as e:
        raise DataError(f'{features.origin} cannot be placed on its image. {e}') from None
    xy = xy.astype(float)
    if rounding != 'transformer':
        xy = np.round(xy, 0 if rounding == 'nearest' else _DECIMALS)
    reached = np.ones(len(features), dtype=bool)
    reached[owner[~np.isfinite(xy).all(axis=1)]] = False
    if not reached.any():
        raise DataError(
            f'{features.origin} does not overlap its image: the projection of the image is not '
            'defined where the geometries lie. Check that they belong together, and the CRS of '
            'both.'
        )
    if not reached.all():
        log.warning(
            '%s: dropped %d geometries that lie where the projection of the image is not defined.',
            features.origin,
            int((~reached).sum()),
        )
    placed = features.filter(reached)
    geoms = shapely.set_coordinates(placed.geoms.copy(), xy[reached[owner]])
    placed, repairs = repair(placed.with_geoms(geoms))
    if repairs.without_area:
        log.warning(
            '%s: dropped %d polygons that have no area in pixels of the image%s.',
            features.origin,
            repairs.without_area,
            '; round_pixels=False keeps small ones' if rounding == 'transformer' else '',
        )
    return placed


def map_bounds(box: Box, crs_transformer: CRSTransformer, crs: CRS | None) -> Bounds | None:
    """Bounds, in the CRS of a file, of a box of the source pixel frame, a little generous.

    Args:
        box: in the source pixel frame.
        crs_transformer: of the raster.
        crs: of the file; None takes the map CRS of `crs_transformer`.

    Returns:
        The bounds; None where that CRS is not defined or not known to the transformer.
    """
    if isinstance(crs_transformer, RasterioCRSTransformer):
        crs_transformer = crs_transformer.variant(crs, round_pixels=False)
    elif not (crs is None or _is_lon_lat(crs)):
        return None
    # points all over the box: the map may be curved, and a pole may lie in it
    x, y = np.meshgrid(
        np.linspace(box.xmin, box.xmax, _BOUNDS_STEPS + 1),
        np.linspace(box.ymin, box.ymax, _BOUNDS_STEPS + 1),
    )
    with np.errstate(invalid='ignore'):
        corners = np.stack(crs_transformer.pixel_to_map((x.ravel(), y.ravel())), axis=-1)
    if not np.isfinite(corners).all():
        return None
    (xmin, ymin), (xmax, ymax) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    dx, dy = (xmax - xmin) / _BOUNDS_STEPS, (ymax - ymin) / _BOUNDS_STEPS
    return xmin - dx, ymin - dy, xmax + dx, ymax + dy


def _transformer_from(
    crs: CRS | None, base: CRSTransformer, rounding: Rounding, origin: str
) -> CRSTransformer:
    """A transformer for the raster of `base` whose map coordinates are those of a file."""
    if isinstance(base, RasterioCRSTransformer):
        return base.variant(crs, None if rounding == 'transformer' else False)
    if crs is not None and not _is_lon_lat(crs):
        name = crs.to_string() if crs.to_authority() else crs.name
        if isinstance(base, IdentityCRSTransformer):
            raise DataError(
                f'{origin} is in {name}, but the image has no georeference, so its pixels '
                'cannot be found. Give the labels in pixel coordinates, without crs member, or '
                'use a georeferenced image.'
            )
        raise DataError(f'{origin} is in {name}; {type(base).__name__} takes {base.map_crs} only.')
    return base


def _is_lon_lat(crs: CRS) -> bool:
    """WGS 84 with any order of axes: GeoJSON always has longitude first."""
    return crs.equals(CRS('EPSG:4326'), ignore_axis_order=True)


def _check_pixels(features: Features) -> None:
    """Refuse longitudes and latitudes as pixels: they make polygons that vanish in one pixel."""
    polygons = features.geoms[shapely.get_type_id(features.geoms) == POLYGON]
    if not len(polygons):
        return
    xmin, ymin, xmax, ymax = shapely.total_bounds(polygons)
    if max(xmax - xmin, ymax - ymin) < 1:
        raise DataError(
            f'{features.origin}: all polygons together, near ({xmin:.10g}, {ymin:.10g}), are '
            'smaller than a pixel. The image has no georeference, so coordinates are taken for '
            'pixels; if they are longitudes and latitudes, use a georeferenced image.'
        )


def _check_lon_lat(features: Features, crs: CRS | None, crs_transformer: CRSTransformer) -> None:
    """Refuse projected coordinates in a file that states no CRS, or a geographic one."""
    assumed = to_crs(crs_transformer.map_crs) if crs is None else crs
    if assumed is None or not assumed.is_geographic:
        return
    xmin, ymin, xmax, ymax = shapely.total_bounds(features.geoms)
    if ymin < -90 or ymax > 90 or xmin < -360 or xmax > 360:
        x, y = next(
            xy
            for xy in shapely.get_coordinates(features.geoms)
            if abs(xy[0]) > 360 or abs(xy[1]) > 90
        )
        stated = 'states no CRS' if crs is None else f'states the CRS {crs.name}'
        raise DataError(
            f'{features.origin} holds coordinates such as ({x:.10g}, {y:.10g}), which are not '
            f'longitude and latitude, and {stated}. If they are in another CRS, name it, as '
            "crs='EPSG:32645' in a VectorFileSourceConfig, or in a GeoJSON file: "
            '"crs": {"type": "name", "properties": {"name": "EPSG:32645"}}.'
        )
