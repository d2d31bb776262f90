"""Features to files: GeoJSON, GeoPackage or GeoParquet, in chunks."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self, TypeAlias

import numpy as np
import shapely
from pyproj import CRS

from rastervision.core.data.utils.features import Geoms, as_geoms
from rastervision.core.data.utils.geoparquet import GeoParquetWriter
from rastervision.core.data.utils.vector_columns import (
    Columns,
    Kind,
    Masked,
    as_array,
    check_kinds,
    free_name,
    kind_of,
    plain,
)
from rastervision.core.grid import to_crs
from rastervision.core.utils.quiet import quiet
from rastervision.pipeline.file_system import atomic_path
from rastervision.pipeline.json_text import encode

VectorFormat: TypeAlias = Literal['geojson', 'gpkg', 'parquet']
SUFFIXES: dict[VectorFormat, str] = {'geojson': '.json', 'gpkg': '.gpkg', 'parquet': '.parquet'}

_CHUNK = 16_384


class FeatureWriter(ABC):
    """Writes features to a local file; use it in a `with` statement.

    Features are collected and written in chunks of one size, so that equal features give equal
    files whatever is added at a time.
    """

    def __init__(
        self, path: str, crs: CRS | None, properties: Mapping[str, Any] | None = None
    ) -> None:
        """Constructor.

        Args:
            path: local file to write.
            crs: of the coordinates, x before y; None for pixels of an image without georeference.
            properties: those that are the same for all features.
        """
        self.path = path
        self.crs = crs
        self.properties = dict(properties or {})
        self._geoms: list[Geoms] = []
        self._columns: list[Columns] = []
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def add(self, geoms: Geoms, columns: Columns | None = None) -> None:
        """Write geometries.

        Args:
            geoms: (N,) geometries.
            columns: N values for each further property; all calls have the same ones.
        """
        columns = columns or {}
        for name, values in columns.items():
            if len(values) != len(geoms):
                raise ValueError(f'{len(values)} values of {name!r} for {len(geoms)} geometries.')
        if not len(geoms):
            return
        self._geoms.append(geoms)
        self._columns.append(columns)
        self._size += len(geoms)
        if self._size >= _CHUNK:
            self._flush(self._size - self._size % _CHUNK)

    def expect(self, columns: Columns) -> None:  # noqa: B027 - for formats with types
        """Tell the values of all features to come, by which tables choose their types."""

    def _flush(self, end: int) -> None:
        """Write the first `end` features that were collected."""
        geoms = np.concatenate(self._geoms)
        columns = {
            name: [value for part in self._columns for value in plain(part[name])]
            for name in self._columns[0]
        }
        for start in range(0, end, _CHUNK):
            chunk = slice(start, min(start + _CHUNK, end))
            self._write(geoms[chunk], {name: v[chunk] for name, v in columns.items()})
        self._geoms = [geoms[end:]]
        self._columns = [{name: values[end:] for name, values in columns.items()}]
        self._size -= end

    @abstractmethod
    def _write(self, geoms: Geoms, columns: Columns) -> None:
        """Write a chunk."""

    @abstractmethod
    def _close(self) -> None:
        """Complete the file, also one to which nothing was written."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if exc_type is None and self._size:
                self._flush(self._size)
        finally:
            self._close()


class GeoJSONWriter(FeatureWriter):
    """Writes a FeatureCollection; a CRS other than longitude and latitude gets a `crs` member."""

    def __init__(
        self,
        path: str,
        crs: CRS | None = None,
        properties: Mapping[str, Any] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        """Constructor; `members` are further ones of the FeatureCollection, before all others."""
        super().__init__(path, crs, properties)
        self.members = dict(members or {})

    def __enter__(self) -> Self:
        self._file: IO[str] = Path(self.path).open('w', encoding='utf-8')
        crs = {} if _is_default(self.crs) else {'crs': _crs_member(self.crs)}
        head = encode({'type': 'FeatureCollection', **self.members, **crs})
        self._file.write(f'{head[:-1]}, "features": [')
        self._separator = ''
        return self

    def _write(self, geoms: Geoms, columns: Columns) -> None:
        features = (
            f'{{"type": "Feature", "geometry": {geometry or "null"}, "properties": {properties}}}'
            for geometry, properties in zip(
                shapely.to_geojson(geoms), self._property_texts(len(geoms), columns), strict=True
            )
        )
        self._file.write(self._separator)
        self._file.write(',\n'.join(features))
        self._separator = ',\n'

    def _property_texts(self, count: int, columns: Columns) -> Iterable[str]:
        if not columns:
            return [encode(self.properties)] * count
        rows = zip(*columns.values(), strict=True)
        return (encode(self.properties | dict(zip(columns, row, strict=True))) for row in rows)

    def _close(self) -> None:
        with self._file:
            self._file.write(']}')


class TableWriter(FeatureWriter):
    """Writes a format with typed columns; the first chunk decides the types unless all are told."""

    _kinds: dict[str, Kind] | None = None
    _is_told = False

    def expect(self, columns: Columns) -> None:
        same = {name: [value] for name, value in self.properties.items()}
        self._kinds = _kinds({**same, **columns})
        self._is_told = True

    def _write(self, geoms: Geoms, columns: Columns) -> None:
        same = {name: [value] * len(geoms) for name, value in self.properties.items()}
        every = {**same, **columns}
        if self._kinds is None:
            self._kinds = _kinds(every)
        elif not self._is_told:
            check_kinds(every, self._kinds, Path(self.path).name)
        arrays = {name: as_array(every[name], kind) for name, kind in self._kinds.items()}
        self._write_table(geoms, arrays)

    def _write_empty(self) -> None:
        names = (self._kinds or {}).keys() - self.properties.keys()
        self._write(as_geoms([]), {name: [] for name in names})

    @abstractmethod
    def _write_table(self, geoms: Geoms, columns: Mapping[str, Masked]) -> None:
        """Write a chunk, of which all have the same columns."""


class GeoPackageWriter(TableWriter):
    """Writes a GeoPackage with one layer, which is called as the file."""

    def __enter__(self) -> Self:
        self._append = False
        return self

    def _write_table(self, geoms: Geoms, columns: Mapping[str, Masked]) -> None:
        from pyogrio import raw

        with _reproducible(), quiet(UserWarning, "'crs' was not provided"):  # pixels have none
            raw.write(
                self.path,
                geometry=shapely.to_wkb(geoms),
                field_data=[values for values, _ in columns.values()],
                field_mask=[missing for _, missing in columns.values()],
                fields=list(columns),
                layer=Path(self.path).stem,
                driver='GPKG',
                geometry_type='Unknown',
                crs=None if self.crs is None else self.crs.to_wkt(),
                append=self._append,
                GEOMETRY_NAME=free_name('geom', columns),
                FID=free_name('fid', columns),
            )
        self._append = True

    def _close(self) -> None:
        if not self._append:
            self._write_empty()


class ParquetFeatureWriter(TableWriter):
    """Writes a GeoParquet file."""

    def __enter__(self) -> Self:
        self._writer = GeoParquetWriter(self.path, self.crs)
        return self

    def _write_table(self, geoms: Geoms, columns: Mapping[str, Masked]) -> None:
        self._writer.write(geoms, columns)

    def _close(self) -> None:
        if not self._writer.is_open:
            self._write_empty()
        self._writer.close()


_WRITERS: dict[VectorFormat, type[FeatureWriter]] = {
    'geojson': GeoJSONWriter,
    'gpkg': GeoPackageWriter,
    'parquet': ParquetFeatureWriter,
}


def feature_writer(
    path: str,
    crs: Any,
    file_format: VectorFormat = 'geojson',
    properties: Mapping[str, Any] | None = None,
) -> FeatureWriter:
    """A writer of features to a local file; see `FeatureWriter`."""
    return _WRITERS[file_format](path, to_crs(crs), properties)


def write_features(
    uri: str,
    geoms: Geoms,
    columns: Columns | None = None,
    crs: Any = 'EPSG:4326',
    file_format: VectorFormat = 'geojson',
) -> None:
    """Write a file of features, whole or not at all.

    Args:
        uri: file to write.
        geoms: (N,) geometries.
        columns: N values for each property.
        crs: of the coordinates, x before y; None for pixels of an image without georeference.
        file_format: kind of file.

    Raises:
        NotWritableError: the file cannot be written.
        ConfigError: pyarrow, which Parquet needs, is not installed.
    """
    with atomic_path(uri) as path, feature_writer(path, crs, file_format) as writer:
        writer.expect(columns or {})
        writer.add(geoms, columns)


def _kinds(columns: Columns) -> dict[str, Kind]:
    return {name: kind_of(plain(values)) or 'text' for name, values in columns.items()}


def _is_default(crs: CRS | None) -> bool:
    return crs is None or crs.equals(CRS('EPSG:4326'), ignore_axis_order=True)


def _crs_member(crs: CRS | None) -> dict[str, Any]:
    authority = None if crs is None else crs.to_authority()
    name = ':'.join(['urn:ogc:def:crs', authority[0], '', authority[1]]) if authority else str(crs)
    return {'type': 'name', 'properties': {'name': name}}


@contextmanager
def _reproducible() -> Iterator[None]:
    """Let GDAL write the same date every time, so that equal features give equal files."""
    import pyogrio

    pyogrio.set_gdal_config_options({'OGR_CURRENT_DATE': '2000-01-01T00:00:00.000Z'})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({'OGR_CURRENT_DATE': None})
