"""GeoJSONVectorSource: geometries from GeoJSON files (C+E)."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.utils.misc import Uris
from rastervision.core.data.vector_source.vector_file_source import VectorFileSource
from rastervision.core.data.vector_source.vector_source import VectorSourceConfig
from rastervision.core.data.vector_transformer import VectorTransformer
from rastervision.pipeline.config import register_config


class GeoJSONVectorSource(VectorFileSource):
    """Features of one or more GeoJSON files, in the pixels that release 0.31 puts them in.

    Coordinates are longitude and latitude, or in the CRS that a file's `crs` member names. Files
    of other formats are read as by `VectorFileSource`.
    """

    def __init__(
        self,
        uris: Uris,
        crs_transformer: CRSTransformer,
        vector_transformers: Sequence[VectorTransformer] = (),
        bbox: Box | None = None,
        round_pixels: bool = True,
    ) -> None:
        """Constructor.

        Args:
            uris: the file or files.
            crs_transformer: of the image.
            vector_transformers: applied in this order, in the source pixel frame.
            bbox: see `VectorSource`.
            round_pixels: whether vertices are rounded as `crs_transformer` does (by default
                down to whole pixels). False keeps them exact.
        """
        super().__init__(uris, crs_transformer, vector_transformers, bbox, round_pixels)


def geojson_vector_source_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift a serialised config of an older release by one version."""
    if version == 7 and 'uri' in cfg_dict:
        cfg_dict['uris'] = cfg_dict.pop('uri')
    if version == 12:
        cfg_dict.pop('ignore_crs_field', None)
    return cfg_dict


@register_config('geojson_vector_source', upgrader=geojson_vector_source_config_upgrader)
class GeoJSONVectorSourceConfig(VectorSourceConfig):
    """Geometries from GeoJSON files, or files of other formats with one layer."""

    uris: str | Annotated[list[str], Field(min_length=1)] = Field(
        ..., description='URI of a GeoJSON file, or of several.'
    )
    round_pixels: bool = Field(
        True,
        description=(
            'Round vertices down to whole pixels, as release 0.31 does. False keeps them where '
            'they are, so that labels are not moved by half a pixel.'
        ),
    )

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        use_transformers: bool = True,
    ) -> GeoJSONVectorSource:
        """Build the source."""
        return GeoJSONVectorSource(
            self.uris,
            crs_transformer,
            vector_transformers=self._build_transformers(class_config, use_transformers),
            bbox=bbox,
            round_pixels=self.round_pixels,
        )
