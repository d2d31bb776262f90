"""Features: geometries with their properties, as arrays.

Everything that handles many geometries at once (vector sources, transformers, rasterising) works
on this value; GeoJSON dicts are made only at the edges.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from rastervision.pipeline.errors import DataError

Properties = dict[str, Any]
Geoms = NDArray[np.object_]

POLYGON = int(shapely.GeometryType.POLYGON)
_FIRST_MULTI = int(shapely.GeometryType.MULTIPOINT)


@dataclass(frozen=True, eq=False, slots=True)
class Features:
    """Geometries and their properties.

    Attributes:
        geoms: (N,) shapely geometries, all in one coordinate frame.
        properties: N dicts. They may be shared between features: replace, never change them.
        origin: what they were read from, for messages.
    """

    geoms: Geoms
    properties: list[Properties]
    origin: str = ''

    def __post_init__(self) -> None:
        """Check the shapes."""
        if self.geoms.ndim != 1 or len(self.geoms) != len(self.properties):
            raise ValueError(
                f'{self.geoms.shape} geometries do not go with {len(self.properties)} properties.'
            )

    def __len__(self) -> int:
        return len(self.geoms)

    @classmethod
    def empty(cls, origin: str = '') -> Self:
        return cls(as_geoms([]), [], origin)

    @classmethod
    def concat(cls, parts: Sequence['Features']) -> Self:
        """All features of several collections, in order."""
        return cls(
            np.concatenate([as_geoms([]), *(part.geoms for part in parts)]),
            [properties for part in parts for properties in part.properties],
            ', '.join(part.origin for part in parts if part.origin),
        )

    def with_geoms(self, geoms: Geoms) -> Self:
        """The same features with other geometries, one for one."""
        return replace(self, geoms=geoms)

    def take(self, indices: ArrayLike) -> Self:
        """Features by position; positions may repeat."""
        chosen = np.asarray(indices, dtype=np.intp)
        return replace(
            self, geoms=self.geoms[chosen], properties=[self.properties[i] for i in chosen]
        )

    def filter(self, keep: NDArray[np.bool_]) -> Self:
        """Features where `keep` is True; itself when that is everywhere."""
        return self if keep.all() else self.take(np.flatnonzero(keep))

    def column(self, name: str) -> list[Any]:
        """One property of every feature; None where it is missing."""
        return [properties.get(name) for properties in self.properties]

    def numbers(self, name: str) -> NDArray[np.float64]:
        """(N,) values of one property, NaN where it is missing or null.

        Raises:
            DataError: a value is no number.
        """
        return np.array([to_number(v, name, self.origin) for v in self.column(name)], dtype=float)

    def to_geojson(self) -> dict[str, Any]:
        """A FeatureCollection."""
        text = ','.join(shapely.to_geojson(self.geoms)) if len(self) else ''
        features = [
            {'type': 'Feature', 'geometry': geometry, 'properties': dict(properties)}
            for geometry, properties in zip(json.loads(f'[{text}]'), self.properties, strict=True)
        ]
        return {'type': 'FeatureCollection', 'features': features}


def to_number(value: Any, name: str, origin: str) -> float:
    """A value of the property `name` as a number, NaN for null.

    Raises:
        DataError: it is no number.
    """
    if value is None:
        return float('nan')
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise DataError(f'{origin}: the property {name!r} is {value!r}, which is no number.')
    return float(value)


def as_geoms(geoms: Iterable[Any]) -> Geoms:
    """An array of geometries from any iterable."""
    items = list(geoms)
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def explode(features: Features) -> Features:
    """Split multi-part geometries and collections, however deep, into single parts.

    Empty and missing geometries have no parts and drop out.
    """
    parts, index = split_parts(features.geoms)
    if len(parts) == len(features) and (index == np.arange(len(index))).all():
        return features.with_geoms(parts)
    return replace(features.take(index), geoms=parts)


def split_parts(geoms: Geoms) -> tuple[Geoms, NDArray[np.intp]]:
    """Single, non-empty parts of geometries, and which geometry each came from."""
    parts = geoms
    index = np.arange(len(geoms))
    while True:
        keep = ~(shapely.is_missing(parts) | shapely.is_empty(parts))
        parts, index = parts[keep], index[keep]
        if not (shapely.get_type_id(parts) >= _FIRST_MULTI).any():
            return parts, index
        parts, parent = shapely.get_parts(parts, return_index=True)
        index = index[parent]


@dataclass(frozen=True, slots=True)
class Repairs:
    """What `repair` did, as counts of geometries."""

    repaired: int = 0
    without_area: int = 0


def repair(features: Features) -> tuple[Features, Repairs]:
    """Make single-part polygons valid, and drop those that have no area.

    A polygon that crosses itself becomes one or more polygons; both wings of a bow tie stay.
    Points and lines pass as they are.
    """
    invalid = (shapely.get_type_id(features.geoms) == POLYGON) & ~shapely.is_valid(features.geoms)
    count = int(invalid.sum())
    if not count:
        return features, Repairs()
    geoms = features.geoms.copy()
    geoms[invalid] = shapely.make_valid(geoms[invalid])
    parts, index = split_parts(geoms)
    keep = ~invalid[index] | (shapely.get_type_id(parts) == POLYGON)
    parts, index = parts[keep], index[keep]
    lost = int(np.setdiff1d(np.flatnonzero(invalid), index, assume_unique=False).size)
    fixed = replace(features.take(index), geoms=parts)
    return fixed, Repairs(count - lost, lost)
