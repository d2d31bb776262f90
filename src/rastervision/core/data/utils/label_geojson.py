"""Labels that are rectangles as files: cells and boxes, with a property per column."""

import re
from collections.abc import Mapping, Sequence
from os import SEEK_END
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
from rastervision.core.data.utils.features import as_geoms
from rastervision.core.data.utils.placement import OutputCRS, Placement
from rastervision.core.data.utils.vector_writing import (
    GeoJSONWriter,
    VectorFormat,
    write_features,
)
from rastervision.pipeline.errors import ConfigError, NotReadableError
from rastervision.pipeline.file_system import atomic_path, download_if_needed, file_exists

CHUNK = 4096
"""Rectangles at a time on their way to the file."""

HEAD_BYTES = 256
TAIL_BYTES = 64
FORMATS: dict[str, VectorFormat] = {
    '': 'geojson',
    '.json': 'geojson',
    '.geojson': 'geojson',
    '.gpkg': 'gpkg',
    '.parquet': 'parquet',
    '.geoparquet': 'parquet',
}
"""Formats of predictions by suffix; without any, it is GeoJSON."""
_KEY = re.compile(r'^\{"type": "FeatureCollection", "prediction": \{"key": "(\w+)"\}')
_END = re.compile(r'(\}\}|"features": \[)\]\}\s*$')
"""What a file ends with: the last feature, or none, and the end of the collection."""


def format_of(uri: str) -> VectorFormat:
    """Return the format of a file of labels: GeoJSON, GeoPackage or GeoParquet, by its suffix.

    Raises:
        ConfigError: The suffix is of none of them.
    """
    suffix = PurePosixPath(uri).suffix.lower()
    if suffix not in FORMATS:
        raise ConfigError(
            f'{uri}: predictions are written as GeoJSON (.json, .geojson), GeoPackage (.gpkg) or '
            f'GeoParquet (.parquet), but not as {suffix!r}; name the file so.'
        )
    return FORMATS[suffix]


def save_boxes(
    uri: str,
    boxes: NDArray[Any],
    columns: Mapping[str, Sequence[Any]],
    crs_transformer: CRSTransformer,
    bbox: Box | None = None,
    key: str | None = None,
    crs: OutputCRS = 'wgs84',
) -> None:
    """Write rectangles as polygons on the map; the file appears when it is complete.

    In longitudes and latitudes, those across the antimeridian become two polygons of one feature.

    Args:
        uri: The file; its suffix tells the format, see `format_of`.
        boxes: (N, 4) ymin, xmin, ymax, xmax in pixels, in the extent frame of `bbox`.
        columns: Properties by name, N values that JSON can hold each.
        crs_transformer: Of the image.
        bbox: Where the extent lies in the image, in the source pixel frame.
        key: Fingerprint of the prediction, which `recorded_key` reads; only GeoJSON holds it.
        crs: Whether coordinates are map coordinates, or in the CRS of the image.

    Raises:
        ConfigError: The suffix is of another format.
        NotWritableError: The file cannot be written.
    """
    file_format, place = format_of(uri), Placement(crs_transformer, bbox, crs)
    ymin, xmin, ymax, xmax = boxes.T
    rectangles = shapely.box(xmin, ymin, xmax, ymax)
    if file_format != 'geojson':
        write_features(uri, place(rectangles), columns, place.crs, file_format)
        return
    members = {} if key is None else {'prediction': {'key': key}}
    with atomic_path(uri) as path, GeoJSONWriter(path, place.crs, members=members) as writer:
        for start in range(0, len(boxes), CHUNK):
            part = slice(start, start + CHUNK)
            writer.add(
                place(rectangles[part]), {name: values[part] for name, values in columns.items()}
            )


def boxes_to_geojson(
    boxes: Sequence[Box],
    class_ids: Sequence[int],
    crs_transformer: CRSTransformer,
    class_config: ClassConfig,
    scores: Sequence[float | Sequence[float]] | None = None,
    bbox: Box | None = None,
) -> dict[str, Any]:
    """Rectangles as a FeatureCollection of polygons in map coordinates.

    Those across the antimeridian become MultiPolygons of two parts.

    Args:
        boxes: N boxes in pixels, in the extent frame of `bbox`.
        class_ids: N ids of classes; features have the class as `class_id` and `class_name`.
        crs_transformer: From pixels to the coordinates of the result.
        class_config: Names of the classes.
        scores: N numbers, which features have as `score`, or lists, which they have as `scores`.
        bbox: Where the extent lies in the image, in the source pixel frame.
    """
    polygons = Placement(crs_transformer, bbox)(as_geoms(box.to_shapely() for box in boxes))
    features = []
    for i, (polygon, class_id) in enumerate(zip(polygons, class_ids, strict=True)):
        properties = {'class_id': int(class_id), 'class_name': class_config.get_name(int(class_id))}
        if scores is not None:
            score = np.asarray(scores[i]).tolist()
            properties['scores' if isinstance(score, list) else 'score'] = score
        geometry = shapely.geometry.mapping(polygon)
        features.append({'type': 'Feature', 'geometry': geometry, 'properties': properties})
    return {'type': 'FeatureCollection', 'features': features}


def recorded_key(uri: str) -> str | None:
    """Return the fingerprint in a file of `save_boxes`.

    None if there is no such file, if it has none, or if its end is missing.
    """
    try:
        if not file_exists(uri, include_dir=False):
            return None
        with Path(download_if_needed(uri)).open('rb') as file:
            head = file.read(HEAD_BYTES).decode('utf-8', 'replace')
            file.seek(max(0, file.seek(0, SEEK_END) - TAIL_BYTES))
            tail = file.read().decode('utf-8', 'replace')
    except (NotReadableError, OSError):
        return None
    match = _KEY.match(head)
    return match[1] if match and _END.search(tail) else None
