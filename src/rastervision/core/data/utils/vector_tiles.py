"""Vector tiles: in an MBTiles file, or one file each behind a template with {z}, {x} and {y}."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import product
from math import floor
from pathlib import Path

import numpy as np
import shapely
from pyproj import CRS

from rastervision.core.data.utils.features import Features, Geoms, as_geoms, explode
from rastervision.core.data.utils.ogr_files import (
    Bounds,
    layer_names,
    open_layer,
    read_layer,
)
from rastervision.pipeline.errors import ConfigError, DataError, did_you_mean
from rastervision.pipeline.file_system import download_if_needed, file_exists

TILE_CRS = CRS('EPSG:3857')
MAX_TILES = 20_000
"""Most tiles that are asked for one by one; more are a sign of a zoom level that is too high."""

_HALF_WORLD = 20_037_508.342789244  # metres from the middle to the edge of the map
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
    size = 2 * _HALF_WORLD / count
    xmin, ymin, xmax, ymax = bounds
    columns = _span((xmin + _HALF_WORLD) / size, (xmax + _HALF_WORLD) / size, count)
    rows = _span((_HALF_WORLD - ymax) / size, (_HALF_WORLD - ymin) / size, count)
    if len(rows) * len(columns) > MAX_TILES:
        raise ConfigError(
            f'{len(rows) * len(columns)} vector tiles of zoom={zoom} touch the image, more than '
            f'{MAX_TILES}; use a smaller zoom, or an .mbtiles file.'
        )
    return [Tile(zoom, x, y) for y, x in product(rows, columns)]


def _span(low: float, high: float, count: int) -> range:
    return range(max(0, floor(low)), min(count - 1, floor(high)) + 1)


def read_template(
    template: str, zoom: int, bounds: Bounds, layers: Sequence[str] | None = None
) -> tuple[Features, Counter[str]]:
    """Features of all tiles that touch some bounds.

    Args:
        template: URI with {z}, {x} and {y}.
        zoom: level of the tiles.
        bounds: in web mercator metres.
        layers: names of the layers to read; None for all.

    Returns:
        Single parts in web mercator, cut at the edges of tiles, and why how many were dropped.
        Tiles that do not exist have no features.

    Raises:
        DataError: none of the tiles exists, or one is no vector tile.
    """
    tiles = tiles_in(bounds, zoom)
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
    parts = [Features.empty(template)]
    for tile, path in there:
        source, uri = f'MVT:{path}', tile.uri(template)
        options = {'X': tile.x, 'Y': tile.y, 'Z': tile.z}
        for name in layer_names(source, uri):
            if layers is None or name in layers:
                features, why = read_layer(open_layer(source, name, uri, options), uri)
                parts.append(replace(features, origin=''))
                dropped += why
    return Features.concat(parts), dropped


def _download(uri: str) -> Path | None:
    return Path(download_if_needed(uri)) if file_exists(uri, include_dir=False) else None


def read_mbtiles(
    uri: str, zoom: int | None, bounds: Bounds | None, layers: Sequence[str] | None = None
) -> tuple[Features, Counter[str]]:
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
    for name in layers or []:
        if name not in names:
            raise ConfigError(
                f'{uri} has no layer {name!r}, but {", ".join(map(repr, names))}.'
                f'{did_you_mean(name, names)}'
            )
    dropped: Counter[str] = Counter()
    parts = [Features.empty(uri)]
    for name in names if layers is None else layers:
        features, why = read_layer(open_layer(str(path), name, uri, options), uri, bounds)
        parts.append(replace(features, origin=''))
        dropped += why
    return Features.concat(parts), dropped


def _check_zoom(path: Path, uri: str, zoom: int | None) -> int:
    import sqlite3

    try:
        with closing(sqlite3.connect(f'file:{path.resolve().as_posix()}?mode=ro', uri=True)) as db:
            levels = [row[0] for row in db.execute('SELECT DISTINCT zoom_level FROM tiles')]
            kinds = db.execute("SELECT value FROM metadata WHERE name = 'format'").fetchall()
    except sqlite3.Error as e:
        raise DataError(f'{uri} is no MBTiles file ({e}).') from None
    if kinds and kinds[0][0] not in {'pbf', 'mvt'}:
        raise DataError(f'{uri} holds images ({kinds[0][0]}), not vector tiles.')
    if not levels:
        raise DataError(f'{uri} holds no tiles.')
    if zoom is not None and zoom not in levels:
        raise ConfigError(
            f'{uri} has no tiles of zoom={zoom}; it has {", ".join(map(str, sorted(levels)))}.'
        )
    return max(levels) if zoom is None else zoom


def join_by_id(features: Features, id_field: str) -> Features:
    """Features of which the parts that have the same id are united.

    Tiles cut features at their edges; the parts of one that were read from several tiles become
    one again. Features without id stay as they are. The order is that of the first parts.
    """
    first: dict[tuple[str, object], int] = {}
    groups: dict[int, list[int]] = {}
    kinds = shapely.get_type_id(features.geoms).tolist()
    for i, (id_, kind) in enumerate(zip(features.column(id_field), kinds, strict=True)):
        start = i if id_ is None else first.setdefault((str(id_), kind), i)
        groups.setdefault(start, []).append(i)
    geoms = [
        features.geoms[start] if len(group) == 1 else _unite(features.geoms[group])
        for start, group in groups.items()
    ]
    return explode(features.take(list(groups)).with_geoms(as_geoms(geoms)))


def _unite(parts: Geoms) -> shapely.Geometry:
    parts = np.where(shapely.is_valid(parts), parts, shapely.make_valid(parts))
    united = shapely.union_all(parts, grid_size=_GRID)
    return shapely.line_merge(united) if shapely.get_type_id(parts[0]) == _LINE else united
