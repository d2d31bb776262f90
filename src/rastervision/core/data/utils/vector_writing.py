"""Features to files: GeoJSON, GeoPackage or GeoParquet, in chunks."""

import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from rastervision.core.data.utils.features import Geoms, as_geoms
from rastervision.core.data.utils.geoparquet import GeoParquetWriter
from rastervision.core.grid import to_crs
from rastervision.pipeline.file_system import atomic_path

VectorFormat: TypeAlias = Literal['geojson', 'gpkg', 'parquet']
Columns: TypeAlias = Mapping[str, Sequence[Any]]
"""Properties by name: a value for each geometry."""

SUFFIXES: dict[VectorFormat, str] = {'geojson': '.json', 'gpkg': '.gpkg', 'parquet': '.parquet'}

_CHUNK = 16_384
_encode = json.JSONEncoder(ensure_ascii=False).encode


class FeatureWriter(ABC):
    """Writes features to a local file; use it in a `with` statement.

    Features are collected, so that chunks are of a useful size whatever is added at a time.
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
            self._flush()

    def _flush(self) -> None:
        if not self._size:
            return
        names = list(self._columns[0])
        columns = {
            name: [v for part in self._columns for v in _plain(part[name])] for name in names
        }
        geoms = np.concatenate(self._geoms)
        self._geoms, self._columns, self._size = [], [], 0
        self._write(geoms, columns)

    def _all_columns(self, geoms: Geoms, columns: Columns) -> dict[str, Sequence[Any]]:
        """Columns of all properties, also those that are the same for all features."""
        same = {name: [value] * len(geoms) for name, value in self.properties.items()}
        return {**same, **columns}

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
            if exc_type is None:
                self._flush()
        finally:
            self._close()


class GeoJSONWriter(FeatureWriter):
    """Writes a FeatureCollection; a CRS other than longitude and latitude gets a `crs` member."""

    def __enter__(self) -> Self:
        self._file: IO[str] = Path(self.path).open('w', encoding='utf-8')
        crs = '' if _is_default(self.crs) else f'"crs": {_encode(_crs_member(self.crs))}, '
        self._file.write(f'{{"type": "FeatureCollection", {crs}"features": [')
        self._separator = ''
        return self

    def _write(self, geoms: Geoms, columns: Columns) -> None:
        for geometry, properties in zip(
            shapely.to_geojson(geoms), self._property_texts(len(geoms), columns), strict=True
        ):
            self._file.write(self._separator)
            self._file.write('{"type": "Feature", "geometry": ')
            self._file.write(geometry)
            self._file.write(', "properties": ')
            self._file.write(properties)
            self._file.write('}')
            self._separator = ',\n'

    def _property_texts(self, count: int, columns: Columns) -> Sequence[str]:
        if not columns:
            return [_encode(self.properties)] * count
        rows = zip(*columns.values(), strict=True)
        return [
            _encode({**self.properties, **dict(zip(columns, row, strict=True))}) for row in rows
        ]

    def _close(self) -> None:
        with self._file:
            self._file.write(']}')


class GeoPackageWriter(FeatureWriter):
    """Writes a GeoPackage with one layer, which is called as the file."""

    def __enter__(self) -> Self:
        self._append = False
        return self

    def _write(self, geoms: Geoms, columns: Columns) -> None:
        from pyogrio import raw

        data = {k: _field(v) for k, v in self._all_columns(geoms, columns).items()}
        with _reproducible(), warnings.catch_warnings():
            warnings.filterwarnings('ignore', "'crs' was not provided")  # pixels have none
            raw.write(
                self.path,
                geometry=shapely.to_wkb(geoms),
                field_data=list(data.values()),
                fields=list(data),
                layer=Path(self.path).stem,
                driver='GPKG',
                geometry_type='Unknown',
                crs=None if self.crs is None else self.crs.to_wkt(),
                append=self._append,
            )
        self._append = True

    def _close(self) -> None:
        if not self._append:
            self._write(as_geoms([]), {})


class ParquetFeatureWriter(FeatureWriter):
    """Writes a GeoParquet file."""

    def __enter__(self) -> Self:
        self._writer = GeoParquetWriter(self.path, self.crs)
        return self

    def _write(self, geoms: Geoms, columns: Columns) -> None:
        self._writer.write(geoms, self._all_columns(geoms, columns))

    def _close(self) -> None:
        if not self._writer.is_open:
            self._write(as_geoms([]), {})
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
        for start in range(0, len(geoms), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            writer.add(geoms[chunk], {k: v[chunk] for k, v in (columns or {}).items()})


def _plain(column: Sequence[Any]) -> list[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else list(column)


def _field(column: Sequence[Any]) -> NDArray[Any]:
    """A column as GDAL takes it: numbers, or strings; anything else as JSON."""
    values = list(column)
    known = [v for v in values if v is not None]
    if known and all(isinstance(v, bool | int) for v in known) and len(known) == len(values):
        return np.array(values)
    if known and all(isinstance(v, bool | int | float) for v in known):
        return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
    texts = [v if v is None or isinstance(v, str) else _encode(v) for v in values]
    return np.array(texts, dtype=object)


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
