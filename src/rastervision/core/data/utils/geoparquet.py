"""GeoParquet files: reading and writing with pyarrow, which the extra `parquet` installs."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from rastervision.core.data.utils.features import Features, Geoms
from rastervision.core.data.utils.file_errors import reading, stated_crs
from rastervision.core.data.utils.ogr_files import (
    Bounds,
    FindBounds,
    features_from_wkb,
    geoms_from_wkb,
)
from rastervision.core.data.utils.vector_columns import Masked, free_name
from rastervision.pipeline.errors import ConfigError, DataError

_CHUNK = 65_536
_GEOMETRY = 'geometry'


def import_pyarrow() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet.

    Raises:
        ConfigError: they are not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise ConfigError(
            'Parquet files need pyarrow: pip install "rastervision[parquet]"'
        ) from None
    return pa, parquet


def read_geoparquet(
    path: Path, uri: str, crs: CRS | None = None, find_bounds: FindBounds | None = None
) -> tuple[Features, Counter[str], CRS | None]:
    """Features of a GeoParquet file; memory holds those that are wanted, and a chunk of others.

    Args:
        path: the file.
        uri: its name in messages.
        crs: CRS of the coordinates; None takes that of the file.
        find_bounds: tells what part of the file is wanted.

    Returns:
        Single parts, not repaired; why how many were dropped; the CRS.

    Raises:
        ConfigError: pyarrow is not installed.
        DataError: the file is no GeoParquet file, damaged, or in an unknown CRS.
    """
    with _opened(path, uri) as file:
        geo = _geo_metadata(file.schema_arrow.metadata, uri)
        primary = geo['primary_column']
        crs = crs or _crs(geo['columns'][primary], uri)
        bounds = None if find_bounds is None else find_bounds(crs)
        dropped: Counter[str] = Counter()
        parts = [Features.empty(uri)]
        for batch in file.iter_batches(_CHUNK):
            wkb = np.array(batch.column(primary).to_pylist() or [], dtype=object)
            keep = _wanted(wkb, bounds)
            rows = _json_values(batch.drop_columns(_not_properties(geo)).take(keep)).to_pylist()
            rows = [{k: v for k, v in row.items() if v is not None} for row in rows]
            features, why = features_from_wkb(wkb[keep], rows or [{}] * len(keep), uri)
            parts.append(features)
            dropped += why
        return Features.concat(parts), dropped, crs


def geoparquet_bounds(
    path: Path, uri: str, crs: CRS | None = None
) -> tuple[Bounds, CRS | None] | None:
    """Bounds of all features, and their CRS; None without any. Arguments as `read_geoparquet`."""
    with _opened(path, uri) as file:
        geo = _geo_metadata(file.schema_arrow.metadata, uri)
        primary = geo['primary_column']
        crs = crs or _crs(geo['columns'][primary], uri)
        batches = file.iter_batches(_CHUNK, columns=[primary])
        wkb = (np.array(batch.column(0).to_pylist() or [], dtype=object) for batch in batches)
        corners = np.concatenate([np.empty((0, 4)), *(_bounds(chunk) for chunk in wkb)])
    corners = corners[np.isfinite(corners).all(axis=1)]
    if not len(corners):
        return None
    xmin, ymin = corners[:, :2].min(axis=0).tolist()
    xmax, ymax = corners[:, 2:].max(axis=0).tolist()
    return (xmin, ymin, xmax, ymax), crs


@contextmanager
def _opened(path: Path, uri: str) -> Iterator[Any]:
    """The file; what pyarrow says of it when it cannot be read becomes our error."""
    pyarrow, parquet = import_pyarrow()
    errors = OSError, pyarrow.ArrowException
    with reading(uri, 'Parquet file', *errors), parquet.ParquetFile(path) as file:
        yield file


def _geo_metadata(metadata: Mapping[bytes, bytes] | None, uri: str) -> dict[str, Any]:
    try:
        geo: dict[str, Any] = json.loads((metadata or {})[b'geo'])
        encoding = geo['columns'][geo['primary_column']]['encoding']
    except (KeyError, ValueError, TypeError, RecursionError):
        raise DataError(
            f'{uri} is a Parquet file without geometries: it has no GeoParquet metadata.'
        ) from None
    if encoding != 'WKB':
        raise DataError(
            f'{uri} holds geometries in the encoding {encoding!r}; write it with WKB, as GeoPandas '
            'and GDAL do by default.'
        )
    return geo


def _crs(column: Mapping[str, Any], uri: str) -> CRS | None:
    """The CRS of a geometry column: longitude and latitude unless it says another or null."""
    stated = column.get('crs', 'OGC:CRS84')
    if stated is None:
        return None
    return stated_crs(stated if isinstance(stated, str) else json.dumps(stated), uri)


def _not_properties(geo: Mapping[str, Any]) -> list[str]:
    """Columns of geometries, and those with their bounds."""
    coverings = (column.get('covering', {}) for column in geo['columns'].values())
    paths = (path for covering in coverings for path in covering.get('bbox', {}).values())
    return sorted({*geo['columns'], *(path[0] for path in paths)})


def _json_values(batch: Any) -> Any:
    """A batch with dates as text and decimals as numbers, as GeoJSON has them; without bytes."""
    pa, _ = import_pyarrow()
    for i, field in enumerate(batch.schema):
        if pa.types.is_temporal(field.type):
            batch = batch.set_column(i, field.name, batch.column(i).cast(pa.string()))
        elif pa.types.is_decimal(field.type):
            batch = batch.set_column(i, field.name, batch.column(i).cast(pa.float64()))
    types = pa.types.is_binary, pa.types.is_large_binary
    return batch.drop_columns([f.name for f in batch.schema if any(is_(f.type) for is_ in types)])


def _wanted(
    wkb: NDArray[np.object_], bounds: tuple[float, float, float, float] | None
) -> NDArray[np.intp]:
    if bounds is None:
        return np.arange(len(wkb))
    xmin, ymin, xmax, ymax = _bounds(wkb).T
    left, below, right, above = bounds
    return np.flatnonzero((xmin <= right) & (xmax >= left) & (ymin <= above) & (ymax >= below))


def _bounds(wkb: NDArray[np.object_]) -> NDArray[np.float64]:
    """(N, 4) bounds of geometries; NaN for those without."""
    return shapely.bounds(geoms_from_wkb(wkb))


class GeoParquetWriter:
    """Writes chunks of geometries to a GeoParquet file, each as a row group."""

    def __init__(self, path: str, crs: CRS | None) -> None:
        """Constructor.

        Args:
            path: local file to write.
            crs: of the coordinates; None if they have none.
        """
        self._pyarrow, self._parquet = import_pyarrow()
        self._path = path
        self._crs = crs
        self._writer: Any = None

    @property
    def is_open(self) -> bool:
        """Whether anything was written."""
        return self._writer is not None

    def write(self, geoms: Geoms, columns: Mapping[str, Masked]) -> None:
        """Write geometries with a value per column for each; all chunks have the same columns."""
        pa, name = self._pyarrow, free_name(_GEOMETRY, columns)
        arrays = {name: pa.array(shapely.to_wkb(geoms).tolist(), 'binary')}
        arrays |= {
            key: pa.array(values, pa.string() if values.dtype == object else None, missing)
            for key, (values, missing) in columns.items()
        }
        table = pa.table(arrays)
        if self._writer is None:
            schema = table.schema.with_metadata({'geo': json.dumps(self._metadata(name))})
            self._writer = self._parquet.ParquetWriter(self._path, schema, compression='zstd')
        self._writer.write_table(table.cast(self._writer.schema))

    def _metadata(self, name: str) -> dict[str, Any]:
        crs = None if self._crs is None else self._crs.to_json_dict()
        column: dict[str, Any] = {'encoding': 'WKB', 'geometry_types': [], 'crs': crs}
        return {'version': '1.1.0', 'primary_column': name, 'columns': {name: column}}

    def close(self) -> None:
        """Complete the file."""
        if self._writer is not None:
            self._writer.close()
