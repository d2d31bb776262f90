"""VectorFileSource: geometries from vector files of any format (C+E)."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, field_validator
from pyproj.exceptions import CRSError

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.utils.features import Features
from rastervision.core.data.utils.misc import Uris, some_uris
from rastervision.core.data.utils.vector_bounds import Place, place_of_file
from rastervision.core.data.utils.vector_io import Rounding, read_features, to_pixels
from rastervision.core.data.vector_source.vector_source import VectorSource, VectorSourceConfig
from rastervision.core.data.vector_transformer import VectorTransformer
from rastervision.core.grid import to_crs
from rastervision.pipeline.config import register_config


class VectorFileSource(VectorSource):
    """Features of one or more vector files.

    GeoJSON (whole, or one feature a line), GeoPackage, Shapefile (also in a zip file),
    FlatGeobuf, GeoParquet, CSV with a column of WKT, and what else GDAL reads; the name of a file
    tells its format. Invalid polygons are repaired, multi-part geometries split, and features
    without geometry dropped; the log says how many.

    With a `bbox`, formats with an index or chunks are read around it only.
    """

    def __init__(
        self,
        uris: Uris,
        crs_transformer: CRSTransformer,
        vector_transformers: Sequence[VectorTransformer] = (),
        bbox: Box | None = None,
        round_pixels: bool = False,
        layer: str | None = None,
        crs: Any = None,
    ) -> None:
        """Constructor.

        Args:
            uris: the file or files.
            crs_transformer: of the image.
            vector_transformers: applied in this order, in the source pixel frame.
            bbox: see `VectorSource`.
            round_pixels: whether vertices are rounded as `crs_transformer` does (by default
                down to whole pixels). False keeps them exact.
            layer: layer of files that have several.
            crs: CRS of the coordinates; None takes that which each file states, longitude and
                latitude if it states none.

        Raises:
            ConfigError: no file, or an argument of another type.
        """
        super().__init__(crs_transformer, vector_transformers, bbox)
        self.uris = some_uris(uris, 'vector source')
        self.round_pixels = round_pixels
        self.layer = layer
        self.crs = to_crs(crs)

    def _get_features(self) -> Features:
        rounding: Rounding = 'transformer' if self.round_pixels else 'none'
        parts = []
        for uri in self.uris:
            features, crs = read_features(uri, self.layer, self.crs, self.find_bounds)
            parts.append(to_pixels(features, crs, self.crs_transformer, rounding))
        return Features.concat(parts)

    def _places(self) -> list[Place]:
        places = (place_of_file(uri, self.layer, self.crs) for uri in self.uris)
        return [place for place in places if place is not None]


@register_config('vector_file_source')
class VectorFileSourceConfig(VectorSourceConfig):
    """Geometries from vector files of any format."""

    uris: str | Annotated[list[str], Field(min_length=1)] = Field(
        ...,
        description=(
            'URI of a vector file, or of several: GeoJSON, GeoPackage, Shapefile (also zipped), '
            'FlatGeobuf, GeoParquet, CSV with WKT, or another format that GDAL reads.'
        ),
    )
    layer: str | None = Field(None, description='Layer of files that have several.')
    crs: str | None = Field(
        None,
        description=(
            'CRS of the coordinates, such as EPSG:32645. When absent, what each file states '
            'counts; if it states nothing, longitude and latitude.'
        ),
    )
    round_pixels: bool = Field(
        False,
        description='Round vertices down to whole pixels, as geojson_vector_source does.',
    )

    @field_validator('crs')
    @classmethod
    def _check_crs(cls, crs: str | None) -> str | None:
        try:
            to_crs(crs)
        except CRSError:
            raise ValueError(
                f'PROJ does not know the CRS {crs!r}; name it like EPSG:32645.'
            ) from None
        return crs

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        use_transformers: bool = True,
    ) -> VectorFileSource:
        """Build the source."""
        return VectorFileSource(
            self.uris,
            crs_transformer,
            vector_transformers=self._build_transformers(class_config, use_transformers),
            bbox=bbox,
            round_pixels=self.round_pixels,
            layer=self.layer,
            crs=self.crs,
        )
