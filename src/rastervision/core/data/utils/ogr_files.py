"""Vector files of any format that GDAL reads (GeoPackage, Shapefile, FlatGeobuf, CSV, ...).

Features are read through a spatial filter where one is given: GDAL then skips what lies elsewhere,
by the file's index if it has one, and memory holds what is near the image.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import isnan
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from rastervision.core.data.utils.features import (
    Features,
    Geoms,
    Properties,
    as_geoms,
    explode,
)
from rastervision.core.data.utils.file_errors import brief, reading, stated_crs
from rastervision.core.data.utils.vector_zip import source_in_zip
from rastervision.core.utils.gc_pause import gc_paused
from rastervision.core.utils.quiet import caught_warnings
from rastervision.pipeline.errors import ConfigError, DataError, did_you_mean

log = logging.getLogger(__name__)

Bounds: TypeAlias = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax in the CRS of a file."""
FindBounds: TypeAlias = Callable[[CRS | None], Bounds | None]
"""The part of a file that is wanted, by the CRS of the file; None for all of it."""

_CSV_OPTIONS = {
    'GEOM_POSSIBLE_NAMES': 'WKT,wkt,geometry,geom,the_geom',
    'X_POSSIBLE_NAMES': 'x,lon,lng,longitude',
    'Y_POSSIBLE_NAMES': 'y,lat,latitude',
    'KEEP_GEOM_COLUMNS': 'NO',
    'AUTODETECT_TYPE': 'YES',
    'EMPTY_STRING_AS_NULL': 'YES',
}


@dataclass(frozen=True, slots=True)
class OgrLayer:
    """What a file says of one of its layers.

    Attributes:
        source: what GDAL opens.
        name: of the layer.
        crs: of the coordinates; None if the file does not say.
        bounds: around all features, in that CRS; None if it takes reading them all to know.
        options: of GDAL's driver.
    """

    source: str
    name: str
    crs: CRS | None
    bounds: Bounds | None
    options: Mapping[str, Any]


def find_layer(
    path: Path,
    uri: str,
    layer: str | None = None,
    crs: CRS | None = None,
    with_bounds: bool = False,
    of_polygons: bool = False,
) -> OgrLayer:
    """The layer of a file that is asked for, or the only one with geometries.

    Args:
        path: the file.
        uri: its name in messages.
        layer: name of a layer.
        crs: CRS of the coordinates; None takes that which the file states.
        with_bounds: find out the bounds even if that takes reading all features.
        of_polygons: of several layers, take the only one of polygons.

    Raises:
        DataError: the file is empty or no vector file, or holds no geometries.
        ConfigError: there is no such layer, or several and none was named.
    """
    if path.is_file() and not path.stat().st_size:
        raise DataError(f'{uri} is empty.')
    source = source_in_zip(path, uri, layer) if path.suffix.lower() == '.zip' else str(path)
    options = _CSV_OPTIONS if source.lower().endswith(('.csv', '.tsv')) else {}
    names = layer_names(source, uri)
    if source != str(path) and layer == Path(source).stem and layer not in names:
        layer = None  # it was the name of a file
    if of_polygons and len(names) > 1:
        name = _only_polygons(source, uri)
    else:
        name = _choose(names, layer, uri)
    return open_layer(source, name, uri, options, with_bounds, crs)


def _only_polygons(source: str, uri: str) -> str:
    import pyogrio

    with _gdal(uri):
        layers = pyogrio.list_layers(source)
    names = [str(name) for name, kind in layers if kind and 'Polygon' in kind]
    if len(names) != 1:
        raise ConfigError(
            f'{uri} has {len(names)} layers of polygons among {_listed([n for n, _ in layers])}, '
            'so nobody knows which one is meant. Write it to a file of its own: '
            f'ogr2ogr areas.gpkg {uri} LAYER'
        )
    return names[0]


def layer_names(source: str, uri: str) -> list[str]:
    """Names of the layers with geometries, or of all where no layer is known to have some."""
    import pyogrio

    with _gdal(uri):
        layers = pyogrio.list_layers(source)
    return [str(name) for name, kind in layers if kind] or [str(name) for name, _ in layers]


def open_layer(
    source: str,
    name: str,
    uri: str,
    options: Mapping[str, Any],
    with_bounds: bool = False,
    crs: CRS | None = None,
) -> OgrLayer:
    """Ask a layer what it holds; arguments as for `find_layer`.

    Raises:
        DataError: it has no geometries.
    """
    import pyogrio

    with _gdal(uri):
        info = pyogrio.read_info(source, layer=name, force_total_bounds=with_bounds, **options)
    if info['geometry_type'] is None:
        hint = '; a table needs a column WKT or geometry, or lon and lat' if options else ''
        raise DataError(f'{uri}: the layer {name!r} has no geometries{hint}.')
    total = info['total_bounds']
    known = total is not None and bool(np.isfinite(total).all())
    xmin, ymin, xmax, ymax = map(float, total) if known else (0, 0, 0, 0)
    bounds = (xmin, ymin, xmax, ymax) if known else None
    return OgrLayer(source, name, crs or _map_crs(info['crs'], uri), bounds, options)


def _choose(names: Sequence[str], layer: str | None, uri: str) -> str:
    if layer is not None:
        if layer not in names:
            raise ConfigError(
                f'{uri} has no layer {layer!r}, but {_listed(names)}.{did_you_mean(layer, names)}'
            )
        return layer
    if len(names) == 1:
        return names[0]
    if not names:
        raise DataError(f'{uri} has no layers.')
    raise ConfigError(
        f'{uri} has several layers, {_listed(names)}; name one as layer of a '
        'VectorFileSourceConfig.'
    )


def _listed(names: Sequence[str]) -> str:
    return ', '.join(repr(name) for name in names)


def _map_crs(text: str | None, uri: str) -> CRS | None:
    """The CRS of a layer; None for coordinates that are not tied to the Earth, such as pixels."""
    crs = stated_crs(text, uri)
    return None if crs is None or crs.is_engineering else crs


def read_layer(
    layer: OgrLayer, uri: str, bounds: Bounds | None = None
) -> tuple[Features, Counter[str]]:
    """Features of a layer, those that touch some bounds or all.

    Args:
        layer: from `find_layer`.
        uri: name of the file in messages.
        bounds: in the CRS of the layer.

    Returns:
        Single parts, not repaired, and why how many were dropped. Properties without a value are
        left out, so that filters such as `has` know them from others.
    """
    import pyogrio.raw

    with _gdal(uri):
        meta, _, wkb, columns = pyogrio.raw.read(
            layer.source,
            layer=layer.name,
            bbox=bounds,
            force_2d=True,
            datetime_as_string=True,
            **layer.options,
        )
    names = [str(name) for name in meta['fields']]
    return features_from_wkb(wkb, rows_of(names, columns, len(wkb)), uri)


@gc_paused()
def features_from_wkb(
    wkb: NDArray[np.object_], rows: list[Properties], origin: str
) -> tuple[Features, Counter[str]]:
    """Single parts of geometries in WKB, and why how many geometries were dropped."""
    geoms = shapely.force_2d(geoms_from_wkb(wkb))
    missing = shapely.is_missing(geoms)
    null = np.array([item is None for item in wkb], dtype=bool)
    dropped = Counter(
        {
            'without geometry': int(null.sum()),
            'unreadable': int((missing & ~null).sum()),
            'empty': int(shapely.is_empty(geoms).sum()),
        }
    )
    return explode(Features(geoms, rows, origin)), dropped


def geoms_from_wkb(wkb: NDArray[np.object_]) -> Geoms:
    """(N,) geometries; None where the bytes are no geometry, or a curve."""
    try:
        geoms: Any = shapely.from_wkb(wkb, on_invalid='ignore')
    except NotImplementedError:  # curves
        if len(wkb) == 1:
            return as_geoms([None])
        half = len(wkb) // 2
        geoms = np.concatenate([geoms_from_wkb(wkb[:half]), geoms_from_wkb(wkb[half:])])
    return cast('Geoms', geoms)


@gc_paused()
def rows_of(names: Sequence[str], columns: Sequence[NDArray[Any]], count: int) -> list[Properties]:
    """Dicts of the values of each row, without the missing ones."""
    if not names:
        return [{} for _ in range(count)]
    lists = [_values(column) for column in columns]
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*lists, strict=True)
    ]


def _values(column: NDArray[Any]) -> list[Any]:
    """Plain values of a column; None where one is missing."""
    values: list[Any] = column.tolist()
    if column.dtype.kind == 'f':
        return [None if isnan(value) else value for value in values]
    if column.dtype.kind == 'O':
        return [value.tolist() if isinstance(value, np.ndarray) else value for value in values]
    return values


@contextmanager
def _gdal(uri: str) -> Iterator[None]:
    """Turn GDAL's errors into ours, and its warnings into log messages."""
    from pyogrio.errors import CRSError

    errors = RuntimeError, ValueError, OSError
    with caught_warnings() as caught, reading(uri, 'vector file that GDAL can read', *errors):
        try:
            yield
        except CRSError as e:
            raise DataError(
                f'{uri} states a CRS that GDAL cannot read ({brief(e)}). Correct it; of a '
                'Shapefile, the .prj file can be removed and the CRS be given instead.'
            ) from None
    for message in sorted({str(w.message) for w in caught}):
        _warn(uri, message)


@lru_cache(maxsize=1024)
def _warn(uri: str, message: str) -> None:
    """Log what GDAL says of a file, which it does whenever the file is opened, once."""
    log.warning('%s: %s', uri, message)
