"""GeoJSON files, whole or one feature a line, to features."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from pyproj import CRS

from rastervision.core.data.utils.features import Features
from rastervision.core.data.utils.geojson_parsing import crs_member, parse_geojson
from rastervision.core.utils.gc_pause import gc_paused
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.file_system.file_system import unreadable

_RECORD_SEPARATOR = b'\x1e'  # before every line in GeoJSON text sequences (RFC 8142)

_OTHER_FORMATS = (
    ' Files of other formats are told by their names, such as .gpkg or .shp; ogr2ogr converts: '
    'ogr2ogr -f GeoJSON -t_srs EPSG:4326 labels.json FILE'
)


def read_geojson_file(
    path: Path, uri: str, crs: CRS | None = None
) -> tuple[Features, Counter[str], CRS | None]:
    """Features of a GeoJSON file.

    Args:
        path: the file.
        uri: its name in messages.
        crs: CRS of the coordinates; None takes that which the file states.

    Returns:
        Single parts, not repaired; why how many were dropped; the CRS.

    Raises:
        DataError: the file is empty, not GeoJSON, or in an unknown CRS.
    """
    with gc_paused():
        document = _parse(_content(path, uri), uri)
        crs = crs or crs_member(document, uri)
        return *parse_geojson(document, uri), crs


def read_geojson_lines(path: Path, uri: str) -> tuple[Features, Counter[str], None]:
    """Features of a file with one GeoJSON feature a line; as `read_geojson_file`."""
    with gc_paused():
        lines = _content(path, uri).replace(_RECORD_SEPARATOR, b'').splitlines()
        features = [
            _parse(line, uri, first_line=number)
            for number, line in enumerate(lines, start=1)
            if line.strip()
        ]
        return *parse_geojson({'type': 'FeatureCollection', 'features': features}, uri), None


def _content(path: Path, uri: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as e:
        raise unreadable(uri, e) from None
    if not content.strip():
        raise DataError(
            f'{uri} is empty. A file without labels is {{"type": "FeatureCollection", '
            '"features": []}.'
        )
    return content


def _parse(content: bytes, uri: str, first_line: int = 1) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError as e:
        hint = ''
        if e.msg == 'Extra data':
            hint = ' A file with one feature a line is told by its name: .geojsonl or .ndjson.'
        elif not content[: e.pos].strip():
            hint = _OTHER_FORMATS
        line = e.lineno + first_line - 1
        raise DataError(
            f'{uri} is not GeoJSON: {e.msg} at line {line}, column {e.colno}.{hint}'
        ) from None
    except RecursionError:
        raise DataError(f'{uri} is not GeoJSON: it is nested too deeply.') from None
    except UnicodeDecodeError:
        raise DataError(f'{uri} is not GeoJSON: it is not a text file.{_OTHER_FORMATS}') from None
