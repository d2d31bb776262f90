"""Vector files to features in pixel coordinates: read, mend, place.

`read_features` is the one place that opens vector files, and tells them apart by their names.
"""

import logging
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import numpy as np
import shapely
from pyproj import CRS

from rastervision.core.data.crs_transformer import (
    CRSTransformer,
    IdentityCRSTransformer,
    RasterioCRSTransformer,
)
from rastervision.core.data.utils.features import POLYGON, Features, repair
from rastervision.core.data.utils.geojson_files import read_geojson_file, read_geojson_lines
from rastervision.core.data.utils.geoms import total_bounds
from rastervision.core.data.utils.geoparquet import read_geoparquet
from rastervision.core.data.utils.ogr_files import FindBounds, find_layer, read_layer
from rastervision.core.grid import to_crs
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.file_system import download_if_needed, file_exists, is_local
from rastervision.pipeline.file_system.file_system import unreadable

log = logging.getLogger(__name__)

Rounding: TypeAlias = Literal['transformer', 'nearest', 'none']
"""How vertices become pixel coordinates: as the CRS transformer does it (by default, down to
whole pixels), to the nearest pixel corner, or not at all."""

_DECIMALS = 6  # of a pixel: beyond the precision of projections

GEOJSON = ('.json', '.geojson')
LINES = ('.geojsonl', '.geojsons', '.ndjson', '.jsonl', '.nljson')
PARQUET = ('.parquet', '.geoparquet')
_OTHER_JSON = ('.topojson',)
_FOLDERS = ('.gdb',)
COMPANIONS = {'.shp': ('.shx', '.dbf', '.prj', '.cpg')}
"""Further files of formats that have several."""


def read_features(
    uri: str,
    layer: str | None = None,
    crs: CRS | None = None,
    find_bounds: FindBounds | None = None,
    of_polygons: bool = False,
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
        of_polygons: of several layers, take the only one of polygons.

    Returns:
        The features in their CRS, and that CRS, None when the file does not say.

    Raises:
        NotReadableError: there is no such file.
        DataError: the file is empty, damaged, of another kind, or in an unknown CRS.
        ConfigError: the layer is missing, or several layers leave it open which one is meant.
    """
    features, dropped, found_crs = _read(uri, layer, crs, find_bounds, of_polygons)
    return mended(features, dropped, uri), crs or found_crs


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
    uri: str,
    layer: str | None,
    crs: CRS | None,
    find_bounds: FindBounds | None,
    of_polygons: bool,
) -> tuple[Features, Counter[str], CRS | None]:
    path = fetch(uri)
    suffix = path.suffix.lower()
    if suffix in LINES:
        return read_geojson_lines(path, uri)
    if suffix in GEOJSON or (suffix not in _OTHER_JSON and starts_as_json(path)):
        return read_geojson_file(path, uri, crs)
    if suffix in PARQUET:
        return read_geoparquet(path, uri, crs, find_bounds)
    if suffix == '.mbtiles':
        log.warning(
            '%s holds vector tiles, which cut features at their edges; a vector_tile_source puts '
            'the parts together again.',
            uri,
        )
    found = find_layer(path, uri, layer, crs, of_polygons=of_polygons)
    bounds = None if find_bounds is None else find_bounds(found.crs)
    return *read_layer(found, uri, bounds), found.crs


def fetch(uri: str) -> Path:
    """Local path of a file, beside which its companions lie."""
    url = urlsplit(uri)
    if url.query and PurePosixPath(url.path).suffix.lower() in COMPANIONS and not is_local(uri):
        raise DataError(
            f'{uri}: a Shapefile is several files, and the others cannot be found behind a URL '
            'with a query. Put them in a zip file.'
        )
    if url.path.rstrip('/').lower().endswith(_FOLDERS) and not is_local(uri):
        raise DataError(f'{uri} is a folder of files. Put it in a zip file, and name that.')
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


def starts_as_json(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open('rb') as file:
        return file.read(64).lstrip(b'\xef\xbb\xbf \t\r\n').startswith(b'{')


def to_pixels(
    features: Features,
    crs: CRS | None,
    crs_transformer: CRSTransformer,
    rounding: Rounding = 'transformer',
    must_reach: bool = True,
) -> Features:
    """Features in the source pixel frame of a raster.

    Args:
        features: single parts in the CRS of their file.
        crs: that CRS; None takes the map CRS of `crs_transformer` (longitude and latitude).
        crs_transformer: of the raster.
        rounding: how vertices are rounded.
        must_reach: whether the raster's projection must reach one of the features.

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
    if must_reach and not reached.any():
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
    if crs is not None and not is_lon_lat(crs):
        name = crs.to_string() if crs.to_authority() else crs.name
        if isinstance(base, IdentityCRSTransformer):
            raise DataError(
                f'{origin} is in {name}, but the image has no georeference, so its pixels '
                'cannot be found. Give the labels in pixel coordinates, without crs member, or '
                'use a georeferenced image.'
            )
        raise DataError(f'{origin} is in {name}; {type(base).__name__} takes {base.map_crs} only.')
    return base


def is_lon_lat(crs: CRS) -> bool:
    """WGS 84 with any order of axes: GeoJSON always has longitude first."""
    return crs.equals(CRS('EPSG:4326'), ignore_axis_order=True)


def _check_pixels(features: Features) -> None:
    """Refuse longitudes and latitudes as pixels: they make polygons that vanish in one pixel."""
    polygons = features.geoms[shapely.get_type_id(features.geoms) == POLYGON]
    if not len(polygons):
        return
    xmin, ymin, xmax, ymax = total_bounds(polygons)
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
    xmin, ymin, xmax, ymax = total_bounds(features.geoms)
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
