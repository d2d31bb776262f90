"""GeoJSON documents to arrays of geometries.

Coordinates of all features are turned into geometries at once, per geometry type; only the walk
over the features is a Python loop. Multi-part geometries and collections come out split, and a
third dimension is dropped.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from rastervision.core.data.utils.features import Features, Geoms, Properties
from rastervision.core.grid import to_crs
from rastervision.pipeline.errors import DataError

Points: TypeAlias = Sequence[Sequence[float]]

GEOMETRY_TYPES = (
    'Point',
    'MultiPoint',
    'LineString',
    'MultiLineString',
    'Polygon',
    'MultiPolygon',
    'GeometryCollection',
)

_WRONG = (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError)


@dataclass(slots=True)
class _Parts:
    """Coordinates of the single parts of one type, in the order of the document."""

    coords: list[Any] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    order: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Document:
    points: _Parts = field(default_factory=_Parts)
    lines: _Parts = field(default_factory=_Parts)
    polygons: _Parts = field(default_factory=_Parts)
    count: int = 0

    def collect(self, geometry: dict[str, Any], feature: int) -> None:
        """File a geometry's coordinates under their type."""
        kind = geometry['type']
        if kind == 'GeometryCollection':
            for part in geometry['geometries']:
                self.collect(part, feature)
            return
        coords = geometry['coordinates']
        match kind:
            case 'Point' | 'MultiPoint':
                target = self.points
            case 'LineString' | 'MultiLineString':
                target = self.lines
            case 'Polygon' | 'MultiPolygon':
                target = self.polygons
            case _:
                raise ValueError(f'{kind!r} is not one of {", ".join(GEOMETRY_TYPES)}')
        for part in coords if kind.startswith('Multi') else [coords]:
            target.coords.append(part)
            target.feature.append(feature)
            target.order.append(self.count)
            self.count += 1


def parse_geojson(document: Any, origin: str) -> tuple[Features, Counter[str]]:
    """Features of a GeoJSON document, split into single parts.

    Args:
        document: a FeatureCollection, Feature or geometry.
        origin: what the document was read from, for messages.

    Returns:
        The features, without those that have no geometry, and why how many were dropped.

    Raises:
        DataError: the document is not GeoJSON; the message says where.
    """
    features = _feature_list(document, origin)
    try:
        return _parse(features, origin)
    except _WRONG:
        raise _diagnosis(features, origin) from None


def _parse(features: list[dict[str, Any]], origin: str) -> tuple[Features, Counter[str]]:
    dropped: Counter[str] = Counter()
    rows: list[Properties] = []
    document = _Document()
    for i, feature in enumerate(features):
        geometry, properties = feature['geometry'], feature.get('properties')
        if properties and not isinstance(properties, dict):
            raise TypeError('its properties are no object')
        rows.append(properties or {})
        if geometry is None:
            dropped['without geometry'] += 1
        elif not isinstance(geometry, dict):
            raise TypeError('its geometry is no object')
        else:
            document.collect(geometry, i)
    made = [
        _points(document.points, dropped),
        _lines(document.lines, dropped),
        _polygons(document.polygons, dropped),
    ]
    geoms = np.concatenate([m[0] for m in made])
    index = np.concatenate([m[1] for m in made])
    order = np.argsort(np.concatenate([m[2] for m in made]))
    return Features(geoms[order], [rows[i] for i in index[order].tolist()], origin), dropped


_Made: TypeAlias = tuple[Geoms, NDArray[np.intp], NDArray[np.intp]]


def _points(parts: _Parts, dropped: Counter[str]) -> _Made:
    full = [i for i, c in enumerate(parts.coords) if c]
    dropped['empty'] += len(parts.coords) - len(full)
    geoms = cast('Geoms', shapely.points(_xy(parts.coords[i] for i in full)))
    return geoms, *_select(parts, full)


def _lines(parts: _Parts, dropped: Counter[str]) -> _Made:
    full = [i for i, c in enumerate(parts.coords) if len(c) > 1]
    dropped['empty'] += len(parts.coords) - len(full)
    coords = [parts.coords[i] for i in full]
    index = np.repeat(np.arange(len(coords)), [len(c) for c in coords]).astype(np.intp)
    geoms = shapely.linestrings(_xy(p for line in coords for p in line), indices=index)
    return cast('Geoms', geoms), *_select(parts, full)


def _polygons(parts: _Parts, dropped: Counter[str]) -> _Made:
    rings, polygon, is_shell = [], [], []
    empty = 0
    for i, coords in enumerate(parts.coords):
        if not coords or not coords[0]:
            empty += 1
            continue
        rings.extend(coords)
        polygon.extend([i] * len(coords))
        is_shell.extend([True] + [False] * (len(coords) - 1))
    dropped['empty'] += empty
    # a ring of fewer than three different points has no area
    flat = np.array([_is_flat(ring) for ring in rings], dtype=bool)
    owner, shell = np.array(polygon, dtype=np.intp), np.array(is_shell, dtype=bool)
    lost = np.unique(owner[flat & shell])
    dropped['without area'] += len(lost)
    keep = ~flat & ~np.isin(owner, lost)
    kept = [rings[i] for i in np.flatnonzero(keep)]
    full, index = np.unique(owner[keep], return_inverse=True)
    ring_index = np.repeat(np.arange(len(kept)), [len(ring) for ring in kept]).astype(np.intp)
    made: Any = shapely.linearrings(_xy(p for ring in kept for p in ring), indices=ring_index)
    geoms = cast('Geoms', shapely.polygons(made, indices=index))
    return geoms, *_select(parts, full.tolist())


def _is_flat(ring: Points) -> bool:
    if not isinstance(ring, (list, tuple)):
        raise TypeError('a ring must be a list of positions')
    return len(ring) < 3 or (len(ring) == 3 and ring[0] == ring[-1])


def _select(parts: _Parts, full: list[int]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return (
        np.array(parts.feature, dtype=np.intp)[full],
        np.array(parts.order, dtype=np.intp)[full],
    )


def _xy(points: Iterable[Sequence[float]]) -> NDArray[np.float64]:
    """(N, 2) coordinates of points that may have more dimensions, not all the same number."""
    items = list(points)
    try:
        coords = np.array(items, dtype=np.float64)
    except ValueError:
        coords = np.array([p[:2] for p in items], dtype=np.float64)
    coords = coords.reshape(len(items), -1)[:, :2] if items else np.empty((0, 2))
    if coords.shape[1] != 2 or not np.isfinite(coords).all():
        raise ValueError('a position needs two finite numbers')
    return coords


def _feature_list(document: Any, origin: str) -> list[dict[str, Any]]:
    """The features of a document, whatever of the three kinds it is."""
    kind = document.get('type') if isinstance(document, dict) else None
    if kind == 'FeatureCollection' and isinstance(document.get('features'), list):
        features: list[dict[str, Any]] = document['features']
        return features
    if kind == 'Feature':
        return [document]
    if kind in GEOMETRY_TYPES:
        return [{'type': 'Feature', 'properties': {}, 'geometry': document}]
    found = f'a JSON object of type {kind!r}' if kind else f'a JSON {type(document).__name__}'
    raise DataError(
        f'{origin} is not GeoJSON: it holds {found}, not a FeatureCollection, a Feature or a '
        'geometry.'
    )


def _diagnosis(features: list[Any], origin: str) -> DataError:
    """Name the first feature that cannot be read."""
    for i, feature in enumerate(features):
        if not isinstance(feature, dict) or 'geometry' not in feature:
            return DataError(f'{origin} is not GeoJSON: features[{i}] has no geometry member.')
        try:
            _parse([feature], origin)
        except _WRONG as e:
            why = f'it has no member {e}' if isinstance(e, KeyError) else e
            return DataError(f'{origin} is not GeoJSON: features[{i}] cannot be read ({why}).')
    return DataError(f'{origin} is not GeoJSON.')


def crs_member(document: Any, origin: str) -> CRS | None:
    """The CRS that a document's `crs` member names; None without one.

    Raises:
        DataError: the member names no CRS that PROJ knows.
    """
    member = document.get('crs') if isinstance(document, dict) else None
    if member is None:
        return None
    name = member
    if isinstance(member, dict):
        properties = member.get('properties')
        named = properties if isinstance(properties, dict) else {}
        name = named.get('name', named.get('code'))
    try:
        crs = to_crs(name if isinstance(name, (str, int)) else '?')
    except CRSError:
        crs = None
    if crs is None:
        raise DataError(
            f'{origin}: PROJ does not know the CRS in its crs member, {member}. Name it like '
            '{"type": "name", "properties": {"name": "EPSG:32645"}}, or remove the member if '
            'the coordinates are longitude and latitude.'
        )
    return crs
