"""BufferTransformer: grows points and lines into polygons."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np
import shapely
from pydantic import Field, FiniteFloat

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.utils.features import Features, split_parts
from rastervision.core.data.vector_transformer.vector_transformer import (
    ArrayVectorTransformer,
    VectorTransformerConfig,
)
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError

GeomType: TypeAlias = Literal['Point', 'LineString', 'Polygon']

_TYPE_IDS = {
    'Point': int(shapely.GeometryType.POINT),
    'LineString': int(shapely.GeometryType.LINESTRING),
    'Polygon': int(shapely.GeometryType.POLYGON),
}


_QUAD_SEGS = 16  # segments of a quarter circle


class BufferTransformer(ArrayVectorTransformer):
    """Buffers geometries of one type, by their class."""

    def __init__(
        self,
        geom_type: str,
        class_bufs: Mapping[int, float | None] | None = None,
        default_buf: float | None = None,
    ) -> None:
        """Constructor.

        Args:
            geom_type: Point, LineString or Polygon; others pass as they are.
            class_bufs: distances in pixels by class id. None leaves that class as it is.
            default_buf: distance in pixels for classes that `class_bufs` does not name.

        Raises:
            ConfigError: another geometry type, or distances that are no numbers.
        """
        if geom_type not in _TYPE_IDS:
            raise ConfigError(
                f'geom_type must be one of {", ".join(_TYPE_IDS)}, got {geom_type!r}.'
            )
        distances = {} if class_bufs is None else class_bufs
        if not isinstance(distances, Mapping):
            raise ConfigError(
                f'class_bufs must map class ids to distances in pixels, got {distances!r}; '
                'default_buf is the distance for all classes.'
            )
        for distance in (*distances.values(), default_buf):
            if distance is not None and not isinstance(distance, int | float | np.number):
                raise ConfigError(f'The distances of a buffer must be numbers, got {distance!r}.')
        self.geom_type = geom_type
        self.class_bufs = dict(distances)
        self.default_buf = default_buf

    def apply(
        self,
        features: Features,
        crs_transformer: CRSTransformer | None = None,  # noqa: ARG002 - part of the interface
    ) -> Features:
        """Buffer the geometries of the type; what shrinks to nothing drops out."""
        chosen = np.flatnonzero(shapely.get_type_id(features.geoms) == _TYPE_IDS[self.geom_type])
        ids = features.column('class_id')
        distances = [self.class_bufs.get(ids[i], self.default_buf) for i in chosen]
        grown = np.array([distance is not None for distance in distances], dtype=bool)
        if not grown.any():
            return features
        geoms = features.geoms.copy()
        geoms[chosen[grown]] = shapely.buffer(
            geoms[chosen[grown]],
            np.array([d for d in distances if d is not None], dtype=float),
            quad_segs=_QUAD_SEGS,
        )
        parts, index = split_parts(geoms)
        return features.take(index).with_geoms(parts)

    def reach(self, bbox: Box, crs_transformer: CRSTransformer | None = None) -> float:  # noqa: ARG002 - interface
        distances = [self.default_buf, *self.class_bufs.values()]
        return max([0.0, *(distance for distance in distances if distance is not None)])


@register_config('buffer_transformer')
class BufferTransformerConfig(VectorTransformerConfig):
    """Grow points or lines into polygons."""

    geom_type: GeomType = Field(
        ..., description='Type of the geometries to buffer: Point, LineString or Polygon.'
    )
    class_bufs: dict[int, FiniteFloat | None] = Field(
        {},
        description='Distances in pixels by class id. None leaves the geometries of a class alone.',
    )
    default_buf: FiniteFloat | None = Field(
        1,
        description='Distance in pixels for classes that class_bufs does not name; None: none.',
    )

    def build(self, class_config: ClassConfig | None = None) -> BufferTransformer:  # noqa: ARG002
        """Build the transformer."""
        return BufferTransformer(
            self.geom_type, class_bufs=self.class_bufs, default_buf=self.default_buf
        )
