"""GeoJSON dicts: making, mapping, filtering and converting them.

For many geometries at once, `Features` is faster; these functions serve code that works on dicts.
"""

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from functools import partial
from math import ceil, floor
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.utils.features import POLYGON, as_geoms
from rastervision.core.data.utils.geoms import total_bounds
from rastervision.core.data.utils.misc import Uris, listify_uris
from rastervision.core.data.utils.vector_bounds import map_bounds
from rastervision.core.data.utils.vector_io import Rounding, read_features, to_pixels
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.progress import track

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

GeoJSON: TypeAlias = dict[str, Any]
Feature: TypeAlias = dict[str, Any]


# ---- making


def geometry_to_feature(mapping: dict[str, Any], properties: Feature | None = None) -> Feature:
    """A Feature from a GeoJSON geometry; a Feature passes as it is."""
    if mapping['type'] == 'Feature':
        return mapping
    return {'type': 'Feature', 'geometry': mapping, 'properties': properties or {}}


def features_to_geojson(features: list[Feature]) -> GeoJSON:
    """A FeatureCollection from Features."""
    return {'type': 'FeatureCollection', 'features': features}


def geometries_to_geojson(geometries: Iterable[dict[str, Any]]) -> GeoJSON:
    """A FeatureCollection from GeoJSON geometries."""
    return features_to_geojson([geometry_to_feature(g) for g in geometries])


def geom_to_feature(geom: BaseGeometry, properties: dict[str, Any] | None = None) -> Feature:
    """A Feature from a shapely geometry."""
    return geometry_to_feature(mapping(geom), properties)


def geoms_to_geojson(
    geoms: Iterable[BaseGeometry], properties: Iterable[dict[str, Any]] | None = None
) -> GeoJSON:
    """A FeatureCollection from shapely geometries, and the properties of each."""
    items = list(geoms)
    rows = [{} for _ in items] if properties is None else list(properties)
    return features_to_geojson(
        [geom_to_feature(geom, row) for geom, row in zip(items, rows, strict=True)]
    )


def merge_geojsons(geojsons: Iterable[GeoJSON]) -> GeoJSON:
    """One FeatureCollection with the features of all."""
    return features_to_geojson([f for geojson in geojsons for f in geojson.get('features', [])])


# ---- mapping


def map_features(
    func: Callable[[Feature], Feature],
    geojson: GeoJSON,
    include_geom_types: Iterable[str] = (),
    progressbar_kw: dict[str, Any] | None = None,
) -> GeoJSON:
    """Apply a function to every feature.

    Args:
        func: gets a feature, and returns one.
        geojson: a FeatureCollection; it stays as it is.
        include_geom_types: geometry types to apply it to, other features pass unchanged; empty
            for all.
        progressbar_kw: arguments of a progress bar (`desc`, `total`); None shows none.
    """
    types = set(include_geom_types)
    features = _progress(deepcopy(geojson['features']), progressbar_kw)
    return features_to_geojson(
        [func(f) if not types or f['geometry']['type'] in types else f for f in features]
    )


def map_geoms(
    func: Callable[[BaseGeometry, Feature], BaseGeometry],
    geojson: GeoJSON,
    include_geom_types: Iterable[str] = (),
    progressbar_kw: dict[str, Any] | None = None,
) -> GeoJSON:
    """Apply a function to the geometry of every feature; it gets the feature, too."""

    def map_feature(feature: Feature) -> Feature:
        geom = func(shape(feature['geometry']), feature)
        return {**feature, 'geometry': mapping(geom)}

    return map_features(map_feature, geojson, include_geom_types, progressbar_kw)


def filter_features(
    func: Callable[[Feature], bool],
    geojson: GeoJSON,
    progressbar_kw: dict[str, Any] | None = None,
) -> GeoJSON:
    """Keep the features for which a function is true."""
    features = _progress(geojson['features'], progressbar_kw)
    return features_to_geojson([deepcopy(f) for f in features if func(f)])


def _progress(items: list[Any], progressbar_kw: dict[str, Any] | None) -> Iterable[Any]:
    return items if progressbar_kw is None else track(items, **{'desc': '', **progressbar_kw})


def is_empty_feature(f: Feature) -> bool:
    """Whether a feature has no geometry, or one without coordinates."""
    geometry = f.get('geometry')
    if not geometry:
        return True
    return not (geometry.get('coordinates') or geometry.get('geometries'))


def remove_empty_features(geojson: GeoJSON) -> GeoJSON:
    """Drop features without coordinates."""
    return filter_features(lambda f: not is_empty_feature(f), geojson)


def split_multi_geometries(geojson: GeoJSON) -> GeoJSON:
    """Make a feature of every part of multi-part geometries and collections."""
    parts = [
        {**f, 'geometry': geometry}
        for f in geojson['features']
        for geometry in _single_parts(shape(f['geometry']))
    ]
    return features_to_geojson(parts)


def _single_parts(geom: BaseGeometry) -> Iterator[dict[str, Any]]:
    for part in getattr(geom, 'geoms', [geom]):
        if hasattr(part, 'geoms'):
            yield from _single_parts(part)
        else:
            yield mapping(part)


def map_to_pixel_coords(geojson: GeoJSON, crs_transformer: CRSTransformer) -> GeoJSON:
    """Map to pixel coordinates."""
    return map_geoms(lambda geom, _: crs_transformer.map_to_pixel(geom), geojson)


def pixel_to_map_coords(geojson: GeoJSON, crs_transformer: CRSTransformer) -> GeoJSON:
    """Pixel to map coordinates."""
    return map_geoms(lambda geom, _: crs_transformer.pixel_to_map(geom), geojson)


def simplify_polygons(geojson: GeoJSON) -> GeoJSON:
    """Repair polygons by a buffer of 0, which takes superfluous vertices away."""
    return map_geoms(lambda geom, _: geom.buffer(0), geojson, ['Polygon', 'MultiPolygon'])


def buffer_geoms(
    geojson: GeoJSON,
    geom_type: str,
    class_bufs: dict[int, float | None] | None = None,
    default_buf: float | None = 1,
) -> GeoJSON:
    """Buffer geometries of one type.

    Args:
        geojson: FeatureCollection.
        geom_type: type of the geometries to buffer.
        class_bufs: distances by the property class_id; None leaves that class as it is.
        default_buf: distance for other classes.
    """
    distances: dict[Any, float | None] = dict(class_bufs or {})

    def buffer(geom: BaseGeometry, feature: Feature) -> BaseGeometry:
        class_id = (feature.get('properties') or {}).get('class_id')
        distance = distances.get(class_id, default_buf)
        return geom if distance is None else geom.buffer(distance)

    return map_geoms(buffer, geojson, [geom_type])


# ---- converting


def geojson_to_geoms(geojson: GeoJSON) -> Iterator[BaseGeometry]:
    """Shapely geometries of the features."""
    return (shape(f['geometry']) for f in geojson['features'])


def all_geoms_valid(geojson: GeoJSON) -> bool:
    """Whether all geometries are valid."""
    return all(geom.is_valid for geom in geojson_to_geoms(geojson))


def geojson_to_geodataframe(geojson: GeoJSON) -> 'GeoDataFrame':
    """A table of the features, with a column per property."""
    from geopandas import GeoDataFrame

    if not geojson['features']:
        return GeoDataFrame(geometry=[])
    return GeoDataFrame.from_features(geojson)


def get_geodataframe_extent(gdf: 'GeoDataFrame') -> Box:
    """Whole-number box around all geometries of a table."""
    return _whole_box(*gdf.total_bounds)


def get_geojson_extent(geojson: GeoJSON) -> Box:
    """Whole-number box around all geometries."""
    return _whole_box(*total_bounds(as_geoms(geojson_to_geoms(geojson))))


def _whole_box(xmin: float, ymin: float, xmax: float, ymax: float) -> Box:
    return Box(floor(ymin), floor(xmin), ceil(ymax), ceil(xmax))


def filter_geojson_to_window(geojson: GeoJSON, window: Box) -> GeoJSON:
    """Keep the features that touch a window in their frame."""
    box = window.to_shapely()
    return filter_features(lambda f: shape(f['geometry']).intersects(box), geojson)


def geoms_to_bbox_coords(geoms: Iterable[BaseGeometry], bbox: Box) -> Iterator[BaseGeometry]:
    """Move geometries from the frame that a box is given in to the frame of its corner."""
    for geom in geoms:
        yield shapely.transform(geom, lambda xy: xy - np.array([bbox.xmin, bbox.ymin]))


# ---- reading


def get_polygons_from_uris(
    uris: Uris,
    crs_transformer: CRSTransformer,
    bbox: Box | None = None,
    map_coords: bool = False,
    near: Box | None = None,
) -> list[BaseGeometry]:
    """Polygons of vector files, such as areas of interest.

    Args:
        uris: the file or files.
        crs_transformer: of the image.
        bbox: box in the source pixel frame whose extent frame the result is wanted in.
        map_coords: whether the result is wanted in map coordinates instead.
        near: box in the source pixel frame; polygons that do not touch it may be left out, which
            spares reading a large file.

    Returns:
        Valid polygons, in pixels with their vertices at pixel corners.

    Raises:
        DataError: a file is not usable, or holds other geometries.
    """
    polygons: list[BaseGeometry] = []
    find_bounds = None if near is None else partial(map_bounds, near.erode(-1), crs_transformer)
    for uri in listify_uris(uris):
        features, crs = read_features(uri, find_bounds=find_bounds, of_polygons=True)
        if (shapely.get_type_id(features.geoms) != POLYGON).any():
            raise DataError(f'{uri} must hold polygons only, but there are other geometries.')
        rounding: Rounding = 'none' if map_coords else 'nearest'
        placed = to_pixels(features, crs, crs_transformer, rounding, near is None).geoms
        polygons += list(crs_transformer.pixel_to_map(placed) if map_coords else placed)
    return polygons if bbox is None or map_coords else list(geoms_to_bbox_coords(polygons, bbox))
