"""GeoJSONVectorSource: geometries from GeoJSON files."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.utils.features import Features
from rastervision.core.data.utils.misc import Uris, listify_uris
from rastervision.core.data.utils.vector_io import Rounding, read_features, to_pixels
from rastervision.core.data.vector_source.vector_source import VectorSource, VectorSourceConfig
from rastervision.core.data.vector_transformer import VectorTransformer
from rastervision.pipeline.config import register_config


class GeoJSONVectorSource(VectorSource):
    """Features of one or more GeoJSON files.

    Coordinates are longitude and latitude, or in the CRS that a file's `crs` member names.
    Invalid polygons are repaired, multi-part geometries split, features without geometry
    dropped.
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
        super().__init__(crs_transformer, vector_transformers, bbox)
        self.uris = listify_uris(uris)
        self.round_pixels = round_pixels

    def _get_features(self) -> Features:
        rounding: Rounding = 'transformer' if self.round_pixels else 'none'
        parts = []
        for uri in self.uris:
            features, crs = read_features(uri)
            parts.append(to_pixels(features, crs, self.crs_transformer, rounding))
        return Features.concat(parts)


def geojson_vector_source_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift a serialised config of an older release by one version."""
    if version == 7 and 'uri' in cfg_dict:
        cfg_dict['uris'] = cfg_dict.pop('uri')
    if version == 12:
        cfg_dict.pop('ignore_crs_field', None)
    return cfg_dict


@register_config('geojson_vector_source', upgrader=geojson_vector_source_config_upgrader)
class GeoJSONVectorSourceConfig(VectorSourceConfig):
    """Geometries from GeoJSON files."""

    uris: str | list[str] = Field(..., description='URI of a GeoJSON file, or of several.')
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
