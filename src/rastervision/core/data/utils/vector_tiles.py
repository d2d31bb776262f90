"""Vector tiles: in an MBTiles file, or one file each behind a template with {z}, {x} and {y}."""

import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import product
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS

from rastervision.core.data.utils.features import Features, Geoms, as_geoms, explode
from rastervision.core.data.utils.file_errors import reading
from rastervision.core.data.utils.geoms import are_valid
from rastervision.core.data.utils.ogr_files import (
    Bounds,
    layer_names,
    open_layer,
    read_layer,
)
from rastervision.pipeline.errors import ConfigError, DataError, did_you_mean
from rastervision.pipeline.file_system import download_if_needed, file_exists

log = logging.getLogger(__name__)

TILE_CRS = CRS('EPSG:3857')
MAX_TILES = 20_000
"""Most tiles that are asked for one by one; more are a sign of a zoom level that is too high."""

HALF_WORLD = 20_037_508.342789244
"""Metres from the middle of the map to its edge."""

_GRID = 1e-3  # metres; edges of neighbouring tiles differ by rounding errors
_THREADS = 8
_LINE = int(shapely.GeometryType.LINESTRING)


@dataclass(frozen=True, slots=True)
class Tile:
    """A square of the map; `y` counts from the north."""

    z: int
    x: int
    y: int

    def uri(self, template: str) -> str:
        """Where the tile lies, by a template with {z}, {x} and {y}; {-y} counts from the south."""
        uri = template.replace('{z}', str(self.z)).replace('{x}', str(self.x))
        south = 2**self.z - 1 - self.y
        return uri.replace('{y}', str(self.y)).replace('{-y}', str(south))


def is_template(uri: str) -> bool:
    """Whether a URI stands for many tiles."""
    return '{z}' in uri and '{x}' in uri and ('{y}' in uri or '{-y}' in uri)


def tiles_in(bounds: Bounds, zoom: int) -> list[Tile]:
    """Tiles of a zoom level that touch some bounds in web mercator metres, row by row."""
    count = 2**zoom
    size = 2 * HALF_WORLD / count
    xmin, ymin, xmax, ymax = bounds
    columns = _span((xmin + HALF_WORLD) / size, (xmax + HALF_WORLD) / size, count)
    rows = _span((HALF_WORLD - ymax) / size, (HALF_WORLD - ymin) / size, count)
    if len(rows) * len(columns) > MAX_TILES:
        raise ConfigError(
            f'{len(rows) * len(columns)} vector tiles of zoom={zoom} touch the image, more than '
            f'{MAX_TILES}; use a smaller zoom, or an .mbtiles file.'
        )
    return [Tile(zoom, x, y) for y, x in product(rows, columns)]


def _span(low: float, high: float, count: int) -> range:
    return range(max(0, floor(low)), min(count - 1, floor(high)) + 1)


def read_template(
    template: str, zoom: int, bounds: Sequence[Bounds], layers: Sequence[str] | None = None
) -> tuple[list[Features], Counter[str]]:
    """Features of all tiles that touch some bounds.

    Args:
        template: URI with {z}, {x} and {y}.
        zoom: level of the tiles.
        bounds: one or more, in web mercator metres.
        layers: names of the layers to read; None for all.

    Returns:
        Single parts in web mercator, cut at the edges of tiles, of each layer; why how many were
        dropped. Tiles that do not exist have no features.

    Raises:
        ConfigError: there is no such layer in any of the tiles, but one of a similar name.
        DataError: none of the tiles exists, or one is no vector tile.
    """
    tiles = list(dict.fromkeys(tile for part in bounds for tile in tiles_in(part, zoom)))
    with ThreadPoolExecutor(_THREADS) as pool:
        paths = list(pool.map(lambda tile: _download(tile.uri(template)), tiles))
    there = [(tile, path) for tile, path in zip(tiles, paths, strict=True) if path is not None]
    if not there:
        example = tiles[0].uri(template) if tiles else template
        raise DataError(
            f'None of the {len(tiles)} vector tiles of zoom={zoom} at the image exists, such as '
            f'{example}. Check the URI, and that it has tiles of this zoom.'
        )
    dropped: Counter[str] = Counter()
    found: dict[str, list[Features]] = {}
    for tile, path in there:
        source, uri = f'MVT:{path}', tile.uri(template)
        options = {'X': tile.x, 'Y': tile.y, 'Z': tile.z}
        for name in layer_names(source, uri):
            parts = found.setdefault(name, [])
            if layers is None or name in layers:
                features, why = read_layer(open_layer(source, name, uri, options), uri)
                parts.append(replace(features, origin=''))
                dropped += why
    for name in layers or ():
        if name not in found:
            if did_you_mean(name, found):
                raise _no_layer(name, [*found], template)
            log.warning('%s: no tile at the image has the layer %r.', template, name)
    empty = Features.empty(template)
    return [Features.concat([empty, *parts]) for parts in found.values()], dropped


def _download(uri: str) -> Path | None:
    return Path(download_if_needed(uri)) if file_exists(uri, include_dir=False) else None


def read_mbtiles(
    uri: str, zoom: int | None, bounds: Bounds | None, layers: Sequence[str] | None = None
) -> tuple[list[Features], Counter[str]]:
    """Features of an MBTiles file; as `read_template`.

    Args:
        uri: the file.
        zoom: level of the tiles; None takes the highest one in the file.
        bounds: in web mercator metres; None for all.
        layers: names of the layers to read; None for all.

    Raises:
        ConfigError: there are no tiles of the zoom level, or no such layer.
        DataError: it is no MBTiles file with vector tiles.
    """
    path = Path(download_if_needed(uri))
    options = {'ZOOM_LEVEL': _check_zoom(path, uri, zoom)}
    names = layer_names(str(path), uri)
    for name in layers or ():
        if name not in names:
            raise _no_layer(name, names, uri)
    dropped: Counter[str] = Counter()
    found = []
    for name in names if layers is None else layers:
        features, why = read_layer(open_layer(str(path), name, uri, options), uri, bounds)
        found.append(replace(features, origin=uri))
        dropped += why
    return found, dropped


def mbtiles_bounds(path: Path, uri: str) -> tuple[Bounds, CRS] | None:
    """What an MBTiles file says of where its features lie; None if it does not say."""
    for text in _metadata(path, uri, 'bounds'):
        try:
            xmin, ymin, xmax, ymax = map(float, text.split(','))
        except ValueError:
            return None
        return (xmin, ymin, xmax, ymax), CRS('EPSG:4326')
    return None


def _no_layer(name: str, names: Sequence[str], uri: str) -> ConfigError:
    listed = ', '.join(map(repr, names))
    return ConfigError(f'{uri} has no layer {name!r}, but {listed}.{did_you_mean(name, names)}')


def _check_zoom(path: Path, uri: str, zoom: int | None) -> int:
    levels = _query(path, uri, 'SELECT DISTINCT zoom_level FROM tiles')
    kinds = _metadata(path, uri, 'format')
    if kinds and kinds[0] not in {'pbf', 'mvt'}:
        raise DataError(f'{uri} holds images ({kinds[0]}), not vector tiles.')
    if not levels:
        raise DataError(f'{uri} holds no tiles.')
    if zoom is not None and zoom not in levels:
        raise ConfigError(
            f'{uri} has no tiles of zoom={zoom}; it has {", ".join(map(str, sorted(levels)))}.'
        )
    return max(levels) if zoom is None else zoom


def _metadata(path: Path, uri: str, name: str) -> list[str]:
    return _query(path, uri, 'SELECT value FROM metadata WHERE name = ?', name)


def _query(path: Path, uri: str, sql: str, *values: str) -> list[Any]:
    """The first column of what an MBTiles file answers."""
    import sqlite3

    with (
        reading(uri, 'MBTiles file', sqlite3.Error),
        closing(sqlite3.connect(f'file:{path.resolve().as_posix()}?mode=ro', uri=True)) as db,
    ):
        return [row[0] for row in db.execute(sql, values)]


def join_by_id(features: Features, id_field: str) -> Features:
    """Features of a layer of which the parts that have the same id are united.

    Tiles cut features at their edges; the parts of one that were read from several tiles become
    one again. Features without id stay as they are. The order is that of the first parts.
    """
    first: dict[tuple[object, ...], int] = {}
    groups: dict[int, list[int]] = {}
    kinds = shapely.get_type_id(features.geoms).tolist()
    # ids of OpenStreetMap's nodes, ways and relations are counted apart
    columns = features.column(id_field), features.column('@type'), kinds
    for i, (id_, type_, kind) in enumerate(zip(*columns, strict=True)):
        start = i if id_ is None else first.setdefault((str(id_), type_, kind), i)
        groups.setdefault(start, []).append(i)
    geoms = [
        features.geoms[start] if len(group) == 1 else _unite(features.geoms[group])
        for start, group in groups.items()
    ]
    return explode(features.take(list(groups)).with_geoms(as_geoms(geoms)))


def _unite(parts: Geoms) -> shapely.Geometry:
    parts = np.where(are_valid(parts), parts, shapely.make_valid(parts))
    united = shapely.union_all(parts, grid_size=_GRID)
    return shapely.line_merge(united) if shapely.get_type_id(parts[0]) == _LINE else united
