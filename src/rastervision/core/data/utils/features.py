"""Features: geometries with their properties, as arrays.

Everything that handles many geometries at once (vector sources, transformers, rasterising) works
on this value; GeoJSON dicts are made only at the edges.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from rastervision.core.data.utils.geoms import are_valid
from rastervision.pipeline.errors import DataError

Properties = dict[str, Any]
Geoms = NDArray[np.object_]

POLYGON = int(shapely.GeometryType.POLYGON)
_FIRST_MULTI = int(shapely.GeometryType.MULTIPOINT)
_MAX_CLASS_ID = np.iinfo(np.int32).max


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


def to_class_id(value: Any) -> int | None:
    """A value of the property class_id as an integer; None unless it is a whole number.

    Tables have it as a float where other rows have none, and text files as a string.
    """
    if isinstance(value, str):
        return int(value) if re.fullmatch(r'\s*-?[0-9]+\s*', value) else None
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return None
    return int(value) if float(value).is_integer() else None


def to_class_ids(values: Iterable[Any], origin: str) -> NDArray[np.int64]:
    """(N,) class ids from the property class_id of features.

    Raises:
        DataError: a feature has none, or something else there.
    """
    ids = []
    for value in values:
        if value is None:
            raise DataError(
                f'{origin}: there are features without class_id; add a class_inference_transformer '
                'to the vector source, for example with a default_class_id.'
            )
        class_id = to_class_id(value)
        if class_id is None or not 0 <= class_id <= _MAX_CLASS_ID:
            raise DataError(
                f'{origin}: the class_id {value!r} of a feature is no class id, which is a whole '
                'number from 0.'
            )
        ids.append(class_id)
    return np.array(ids, dtype=np.int64)


def check_polygons(geoms: Geoms, origin: str, need: str) -> None:
    """Raise DataError unless all geometries are polygons; `need` says why they have to be."""
    kinds = shapely.get_type_id(geoms)
    others = np.unique(kinds[kinds != POLYGON])
    if len(others):
        names = ', '.join(shapely.GeometryType(kind).name for kind in others)
        raise DataError(
            f'{origin}: {need}, but there are features of type {names}; turn them into polygons '
            'by a buffer_transformer of the vector source.'
        )


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
    invalid = (shapely.get_type_id(features.geoms) == POLYGON) & ~are_valid(features.geoms)
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
