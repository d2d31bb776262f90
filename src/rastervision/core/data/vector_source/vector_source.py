"""VectorSource: labels as geometries, in pixel coordinates."""

from collections.abc import Sequence
from functools import cached_property
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.utils.arguments import as_bbox, check_transformers
from rastervision.core.data.utils.features import Features, repair
from rastervision.core.data.utils.geojson_parsing import parse_geojson
from rastervision.core.data.utils.geoms import total_bounds
from rastervision.core.data.utils.misc import describe_source
from rastervision.core.data.utils.ogr_files import Bounds
from rastervision.core.data.utils.vector_bounds import Place, check_overlap, map_bounds
from rastervision.core.data.utils.vector_io import to_pixels
from rastervision.core.data.vector_transformer import (
    BufferTransformerConfig,
    ClassInferenceTransformerConfig,
    VectorTransformer,
    VectorTransformerConfig,
)
from rastervision.core.data.vector_transformer.buffer_transformer import GeomType
from rastervision.pipeline.config import Config, register_config

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from rastervision.core.data.scene import SceneConfig


class VectorSource:
    """Geometries with properties, placed on the pixels of an image.

    Features are read, mended, placed and transformed once, when they are first asked for, and
    are indexed for queries by window. Results are in pixel coordinates: in the extent frame of
    `bbox` when one was given, else in the source pixel frame of the image.

    A subclass implements `_get_geojson`, or, faster, `_get_features`.
    """

    def __init__(
        self,
        crs_transformer: CRSTransformer,
        vector_transformers: Sequence[VectorTransformer] = (),
        bbox: Box | None = None,
    ) -> None:
        """Constructor.

        Args:
            crs_transformer: of the image.
            vector_transformers: applied in this order, in the source pixel frame.
            bbox: limits the features to those that touch this box of the source pixel frame,
                and makes its upper left corner the origin of the results.
        """
        self.crs_transformer = crs_transformer
        self.vector_transformers = check_transformers(
            vector_transformers, VectorTransformer, 'vector_transformers'
        )
        self._bbox = None if bbox is None else as_bbox(bbox)

    # ---- hooks

    def _get_geojson(self) -> dict[str, Any]:
        """The raw GeoJSON, in map coordinates."""
        raise NotImplementedError(type(self).__name__)

    def _get_features(self) -> Features:
        """Valid single-part features in the source pixel frame, before the transformers."""
        features, _ = parse_geojson(self._get_geojson(), type(self).__name__)
        return to_pixels(repair(features)[0], None, self.crs_transformer)

    def _places(self) -> list[Place]:
        """Where all features of each file lie that is read around `bbox` only."""
        return []

    def find_bounds(self, crs: CRS | None) -> Bounds | None:
        """Where, in a CRS, the features lie that can touch `bbox`; None for anywhere.

        Args:
            crs: of the features before they are placed; None for the image's map CRS, or pixels.
        """
        searched = self._searched
        return None if searched is None else map_bounds(searched, self.crs_transformer, crs)

    @property
    def _searched(self) -> Box | None:
        """Box of the source pixel frame from which features can touch `bbox`; None: from all."""
        if self._bbox is None:
            return None
        reaches = [t.reach(self._bbox, self.crs_transformer) for t in self.vector_transformers]
        if any(reach is None for reach in reaches):
            return None
        margin = 1 + ceil(sum(reach for reach in reaches if reach is not None))
        return self._bbox.erode(-margin)

    # ---- arrays, in the source pixel frame

    @cached_property
    def features(self) -> Features:
        """Features after the transformers, in the source pixel frame, at least those at `bbox`."""
        features = self._get_features()
        for transformer in self.vector_transformers:
            features = transformer.apply(features, self.crs_transformer)
        return features

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Spatial index of `features`."""
        return shapely.STRtree(self.features.geoms)

    def query(self, box: Box) -> NDArray[np.intp]:
        """Positions in `features` of those that touch a box of the source pixel frame, in order."""
        return np.sort(self.tree.query(box.to_shapely(), predicate='intersects'))

    def near(self, box: Box) -> NDArray[np.intp]:
        """As `query`, but with those whose bounding box alone touches; quicker."""
        return np.sort(self.tree.query(box.to_shapely()))

    @property
    def features_bbox(self) -> Box | None:
        """Whole-pixel box around all features in the source pixel frame; None without any.

        Raises:
            DataError: there are none because all lie elsewhere, and were not read.
        """
        if not len(self.features):
            if self._bbox is not None and self._searched is not None:
                origin = describe_source(self)
                transformer = self.crs_transformer
                check_overlap(self._places(), self._bbox, self._searched, transformer, origin)
            return None
        xmin, ymin, xmax, ymax = total_bounds(self.features.geoms)
        return Box(floor(ymin), floor(xmin), ceil(ymax), ceil(xmax))

    # ---- public forms

    @property
    def bbox(self) -> Box:
        """The given bbox, else `features_bbox`, else an empty box."""
        return self._bbox or self.features_bbox or Box(0, 0, 0, 0)

    @property
    def extent(self) -> Box:
        """Box of the size of `bbox`, at (0, 0)."""
        return self.bbox.extent

    def get_features(self, window: Box | None = None, to_map_coords: bool = False) -> Features:
        """Features that touch a window.

        Args:
            window: in the frame of the results; None takes all (those that touch `bbox`, when
                one was given).
            to_map_coords: whether the result is wanted in map coordinates.

        Returns:
            Whole features, not cut to the window.
        """
        dy, dx = (0, 0) if self._bbox is None else (self._bbox.ymin, self._bbox.xmin)
        box = self._bbox if window is None else window.translate(dy, dx)
        features = self.features if box is None else self.features.take(self.query(box))
        if to_map_coords:
            return features.with_geoms(self.crs_transformer.pixel_to_map(features.geoms))
        if (dy, dx) == (0, 0):
            return features
        return features.with_geoms(shapely.transform(features.geoms, lambda xy: xy - (dx, dy)))

    def get_geojson(self, window: Box | None = None, to_map_coords: bool = False) -> dict[str, Any]:
        """FeatureCollection of the features that touch a window; see `get_features`."""
        return self.get_features(window, to_map_coords).to_geojson()

    def get_geoms(
        self, window: Box | None = None, to_map_coords: bool = False
    ) -> list[BaseGeometry]:
        """Geometries that touch a window; see `get_features`."""
        return list(self.get_features(window, to_map_coords).geoms)

    def get_dataframe(
        self, window: Box | None = None, to_map_coords: bool = False
    ) -> 'GeoDataFrame':
        """Features that touch a window, as a table with a column per property."""
        from geopandas import GeoDataFrame

        features = self.get_features(window, to_map_coords)
        crs = self.crs_transformer.map_crs if to_map_coords else None
        columns = {key: None for properties in features.properties for key in properties}
        columns.pop('geometry', None)
        data = {key: features.column(key) for key in columns}
        return GeoDataFrame(data, geometry=features.geoms, crs=crs)


def sanitize_geojson(
    geojson: dict[str, Any], crs_transformer: CRSTransformer, to_map_coords: bool = False
) -> dict[str, Any]:
    """Split features into single parts and repair their geometries.

    Args:
        geojson: a FeatureCollection in map coordinates.
        crs_transformer: of the raster.
        to_map_coords: whether the result is wanted in map coordinates rather than in pixels.

    Raises:
        DataError: it is not GeoJSON.
    """
    features, _ = parse_geojson(geojson, 'The GeoJSON')
    repaired, _ = repair(features)
    if not to_map_coords:
        repaired = to_pixels(repaired, None, crs_transformer)
    return repaired.to_geojson()


def vector_source_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift a serialised config of an older release by one version."""
    if version != 4:
        return cfg_dict
    inference = {
        'type_hint': ClassInferenceTransformerConfig.type_hint,
        'default_class_id': cfg_dict.pop('default_class_id', None),
        'class_id_to_filter': cfg_dict.pop('class_id_to_filter', None),
    }
    buffers = [
        {
            'type_hint': BufferTransformerConfig.type_hint,
            'geom_type': geom_type,
            'class_bufs': cfg_dict.pop(field, None) or {},
        }
        for geom_type, field in (('LineString', 'line_bufs'), ('Point', 'point_bufs'))
    ]
    cfg_dict['transformers'] = [inference, *buffers, *cfg_dict.get('transformers', [])]
    return cfg_dict


@register_config('vector_source', upgrader=vector_source_config_upgrader)
class VectorSourceConfig(Config):
    """Configure a source of geometries."""

    transformers: list[VectorTransformerConfig] = Field(
        [],
        description=(
            'Transformers of the features, in this order: class inference, buffers, shifts.'
        ),
    )

    def update(self, pipeline: Any = None, scene: 'SceneConfig | None' = None) -> None:
        """Update the transformers."""
        for transformer in self.transformers:
            transformer.update(pipeline=pipeline, scene=scene)

    def add_default_transformers(self) -> None:
        """Add what label sources need and nobody asked for otherwise.

        Class inference comes first; points and lines are buffered by a pixel at the end.
        """
        configured = self.transformers
        if not any(isinstance(t, ClassInferenceTransformerConfig) for t in configured):
            self.transformers = [ClassInferenceTransformerConfig(), *configured]
        buffered = {t.geom_type for t in configured if isinstance(t, BufferTransformerConfig)}
        missing: list[GeomType] = [t for t in ('Point', 'LineString') if t not in buffered]
        buffers = [BufferTransformerConfig(geom_type=t) for t in missing]
        self.transformers = [*self.transformers, *buffers]

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        use_transformers: bool = True,
    ) -> VectorSource:
        """Build the source.

        Args:
            class_config: classes that the transformers may give.
            crs_transformer: of the image.
            bbox: see `VectorSource`.
            use_transformers: False leaves the transformers out.
        """
        raise NotImplementedError(type(self).__name__)

    def _build_transformers(
        self, class_config: ClassConfig, use_transformers: bool
    ) -> list[VectorTransformer]:
        transformers = self.transformers if use_transformers else []
        return [t.build(class_config=class_config) for t in transformers]
