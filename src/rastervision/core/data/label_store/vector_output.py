"""Polygons of predicted classes: what to write (config), and writing it."""

import re
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import shapely
from numpy.typing import NDArray
from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.utils.geoparquet import import_pyarrow
from rastervision.core.data.utils.placement import OutputCRS, Placement
from rastervision.core.data.utils.polygonize import Polygons
from rastervision.core.data.utils.vector_writing import SUFFIXES, VectorFormat, feature_writer
from rastervision.core.data.utils.vectorization import (
    BuildingVectorizer,
    PolygonVectorizer,
    Vectorizer,
)
from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError


def vo_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift a vector output config written by an older release."""
    if version == 8:
        cfg_dict.pop('uri', None)
    return cfg_dict


@register_config('vector_output', upgrader=vo_config_upgrader)
class VectorOutputConfig(Config):
    """Polygons of one class of a segmentation."""

    class_id: int = Field(..., ge=0, description='Id of the class to turn into polygons.')
    denoise: int = Field(
        8,
        ge=0,
        description=(
            'Diameter, in pixels, of the disk by which specks and thin parts are removed (a '
            'morphological opening); 0 for none.'
        ),
    )
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        description=(
            'Least score of the class. When absent, polygons are those of the class raster; or, '
            'with smooth_output, of the pixels whose score is at least 1 / number of classes.'
        ),
    )

    simplify: float = Field(
        0.0,
        ge=0,
        description=(
            'About how far an outline may move, in pixels, to lose vertices; 0 leaves it on the '
            'edges of the pixels. Polygons stay valid; neighbours may come apart or overlap by as '
            'much.'
        ),
    )

    file_format: VectorFormat = Field(
        'geojson',
        description=(
            'geojson, gpkg (GeoPackage) or parquet (GeoParquet, which needs '
            'pip install "rastervision[parquet]").'
        ),
    )
    crs: OutputCRS = Field(
        'wgs84',
        description=(
            'wgs84 writes longitudes and latitudes, image coordinates in the CRS of the image.'
        ),
    )

    def validate_config(self) -> None:
        if self.file_format == 'parquet':
            import_pyarrow()

    def file_name(self, class_config: ClassConfig) -> str:
        """Name of the file in the folder of vector outputs; '_' for what no file name may have."""
        name = re.sub(r'[/\\:*?"<>|\x00-\x1f]', '_', class_config.get_name(self.class_id))
        return f'class-{self.class_id}-{name}{SUFFIXES[self.file_format]}'

    def build(self, width: int) -> Vectorizer:
        """Build what turns the mask of the class, of `width` columns, into polygons."""
        raise NotImplementedError(f'{type(self).__name__} has no build().')


@register_config('polygon_vector_output')
class PolygonVectorOutputConfig(VectorOutputConfig):
    """Polygons along the edges of the pixels."""

    min_area: float = Field(
        0.0, ge=0, description='Least area of a polygon, in pixels; smaller ones are left out.'
    )

    def build(self, width: int) -> Vectorizer:
        return PolygonVectorizer(width, self.denoise, self.min_area)


def building_vo_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift a building vector output config written by an older release."""
    if version == 6:
        cfg_dict.pop('min_aspect_ratio', None)
    return cfg_dict


@register_config('building_vector_output', upgrader=building_vo_config_upgrader)
class BuildingVectorOutputConfig(VectorOutputConfig):
    """Polygons of buildings, with clusters of buildings broken apart where they are thin."""

    min_area: float = Field(
        0.0, ge=0, description='Least area of a polygon, in pixels; smaller ones are left out.'
    )
    element_width_factor: float = Field(
        0.5,
        ge=0,
        description=(
            'Length of the bar that breaks clusters, as a fraction of the short side of the '
            'smallest rectangle around the cluster. Parts into which the bar does not fit across '
            'the cluster are removed. 0 breaks nothing.'
        ),
    )
    element_thickness: float = Field(
        0.001,
        ge=0,
        description=(
            'Thickness of that bar, as a fraction of the long side of the rectangle; it is at '
            'least one pixel.'
        ),
    )

    def build(self, width: int) -> Vectorizer:
        return BuildingVectorizer(
            width, self.denoise, self.min_area, self.element_width_factor, self.element_thickness
        )


def check_vector_outputs(outputs: Sequence[VectorOutputConfig], class_config: ClassConfig) -> None:
    """Check that every output is of another class, and of one that exists.

    Raises:
        ConfigError: it is not so.
    """
    ids = [output.class_id for output in outputs]
    if len(set(ids)) < len(ids):
        raise ConfigError(
            f'vector_output has several entries for one class (class ids {ids}), which would be '
            'written to one file; keep one for each class.'
        )
    for class_id in ids:
        if class_id >= len(class_config):
            raise ConfigError(
                f'vector_output has class_id={class_id}, but the classes are '
                f'{dict(enumerate(class_config.names))}.'
            )


class PolygonWriter:
    """Writes the polygons of a mask, which comes in bands of rows, to a vector file.

    Use it in a `with` statement; the file is complete when the block ends.
    """

    def __init__(
        self,
        path: str,
        vectorizer: Vectorizer,
        crs_transformer: CRSTransformer,
        bbox: Box | None,
        properties: dict[str, Any],
        simplify: float = 0.0,
        file_format: VectorFormat = 'geojson',
        crs: OutputCRS = 'wgs84',
    ) -> None:
        """Constructor.

        Args:
            path: local file to write.
            vectorizer: what turns the mask into polygons.
            crs_transformer: of the image.
            bbox: box in the source pixel frame whose extent frame the mask is in.
            properties: properties of every feature.
            simplify: how far outlines may move to lose vertices, in pixels.
            file_format: kind of file.
            crs: whether coordinates are map coordinates, or in the CRS of the image.
        """
        self._place = Placement(crs_transformer, bbox, crs)
        self._writer = feature_writer(path, self._place.crs, file_format, properties)
        self._vectorizer = vectorizer
        self._simplify = simplify

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def add(self, mask: NDArray[Any]) -> None:
        """Take the next (h, W) rows."""
        self._write(self._vectorizer.add(mask))

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if exc_type is None:
                self._write(self._vectorizer.finish())
        finally:
            self._writer.__exit__(exc_type, exc, traceback)

    def _write(self, polygons: Polygons) -> None:
        if not len(polygons):
            return
        if self._simplify:
            polygons = shapely.simplify(polygons, self._simplify, preserve_topology=True)
        self._writer.add(self._place(polygons))
