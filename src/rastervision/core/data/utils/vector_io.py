"""Vector files to features in pixel coordinates: read, mend, place.

`read_features` is the one place that opens vector files, and tells them apart by kind.
"""

import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import shapely
from pyproj import CRS

from rastervision.core.data.crs_transformer import (
    CRSTransformer,
    IdentityCRSTransformer,
    RasterioCRSTransformer,
)
from rastervision.core.data.utils.features import POLYGON, Features, repair
from rastervision.core.data.utils.geojson_parsing import crs_member, parse_geojson
from rastervision.core.grid import to_crs
from rastervision.core.utils.gc_pause import gc_paused
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.file_system import download_if_needed
from rastervision.pipeline.file_system.file_system import unreadable

log = logging.getLogger(__name__)

Rounding: TypeAlias = Literal['transformer', 'nearest', 'none']
"""How vertices become pixel coordinates: as the CRS transformer does it (by default, down to
whole pixels), to the nearest pixel corner, or not at all."""

_CONVERT = ' Other formats can be converted: ogr2ogr -f GeoJSON -t_srs EPSG:4326 labels.json FILE'

_DECIMALS = 6  # of a pixel: beyond the precision of projections


def read_features(uri: str) -> tuple[Features, CRS | None]:
    """Features of a vector file, as valid, two-dimensional single parts.

    What was dropped or repaired is logged, in one line per file.

    Args:
        uri: a GeoJSON file.

    Returns:
        The features in the file's CRS, and that CRS, None when the file does not say.

    Raises:
        NotReadableError: there is no such file.
        DataError: the file is empty, not GeoJSON, or in an unknown CRS.
    """
    with gc_paused():
        features, dropped, crs = _read(uri)
    features, repairs = repair(features)
    dropped['without area'] += repairs.without_area
    _log_summary(uri, dropped, repairs.repaired)
    return features, crs


def _read(uri: str) -> tuple[Features, Counter[str], CRS | None]:
    """Features of a file, why how many were dropped, and the CRS that the file names."""
    document = _read_json(uri)
    crs = crs_member(document, uri)
    return *parse_geojson(document, uri), crs


def _read_json(uri: str) -> Any:
    try:
        content = Path(download_if_needed(uri)).read_bytes()
    except OSError as e:
        raise unreadable(uri, e) from None
    if not content.strip():
        raise DataError(
            f'{uri} is empty. A file without labels is {{"type": "FeatureCollection", '
            '"features": []}.'
        )
    try:
        return json.loads(content)
    except json.JSONDecodeError as e:
        raise DataError(
            f'{uri} is not GeoJSON: {e.msg} at line {e.lineno}, column {e.colno}.{_CONVERT}'
        ) from None
    except UnicodeDecodeError:
        raise DataError(f'{uri} is not GeoJSON: it is not a text file.{_CONVERT}') from None


def _log_summary(uri: str, dropped: Counter[str], repaired: int) -> None:
    notes = []
    if dropped.total():
        reasons = ', '.join(f'{count} {why}' for why, count in dropped.items() if count)
        notes.append(f'dropped {dropped.total()} geometries ({reasons})')
    if repaired:
        notes.append(f'repaired {repaired} invalid polygons')
    if notes:
        log.warning('%s: %s.', uri, ', '.join(notes))


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
            f'longitude and latitude, and {stated}. If they are in another CRS, put that into '
            'the file, e.g. "crs": {"type": "name", "properties": {"name": "EPSG:32645"}}.'
        )
