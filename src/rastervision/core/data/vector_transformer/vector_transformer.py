"""VectorTransformer: changes features on their way from a file to labels."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.utils.features import Features
from rastervision.core.data.utils.geojson_parsing import parse_geojson
from rastervision.pipeline.config import Config, register_config

if TYPE_CHECKING:
    from rastervision.core.data.scene import SceneConfig

__all__ = ['ArrayVectorTransformer', 'VectorTransformer', 'VectorTransformerConfig']


class VectorTransformer(ABC):
    """Changes features in pixel coordinates (the source pixel frame of the image).

    A subclass implements `transform` on GeoJSON dicts, or, faster, derives from
    `ArrayVectorTransformer`.
    """

    def __call__(
        self,
        geojson: dict[str, Any],
        crs_transformer: CRSTransformer | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Same as `transform`."""
        return self.transform(geojson, crs_transformer=crs_transformer, **kwargs)

    @abstractmethod
    def transform(
        self, geojson: dict[str, Any], crs_transformer: CRSTransformer | None = None
    ) -> dict[str, Any]:
        """Transform a FeatureCollection.

        Args:
            geojson: FeatureCollection in pixel coordinates.
            crs_transformer: of the image.

        Returns:
            A new FeatureCollection in pixel coordinates.
        """

    def apply(self, features: Features, crs_transformer: CRSTransformer | None = None) -> Features:
        """Transform features in pixel coordinates."""
        geojson = self.transform(features.to_geojson(), crs_transformer)
        return parse_geojson(geojson, features.origin)[0]

    def reach(self, bbox: Box, crs_transformer: CRSTransformer | None = None) -> float | None:  # noqa: ARG002 - for subclasses
        """How far, in pixels, a feature may lie from a box and yet touch it when transformed.

        None, if nobody knows; files are then read whole, not only around their image.
        """
        return None


class ArrayVectorTransformer(VectorTransformer):
    """A transformer that works on arrays of geometries."""

    def transform(
        self, geojson: dict[str, Any], crs_transformer: CRSTransformer | None = None
    ) -> dict[str, Any]:
        features, _ = parse_geojson(geojson, 'the given GeoJSON')
        return self.apply(features, crs_transformer).to_geojson()

    @abstractmethod
    def apply(self, features: Features, crs_transformer: CRSTransformer | None = None) -> Features:
        """Transform features in pixel coordinates."""


@register_config('vector_transformer')
class VectorTransformerConfig(Config):
    """Configure a vector transformer."""

    def update(self, pipeline: Any = None, scene: 'SceneConfig | None' = None) -> None:
        """Fill what depends on the pipeline or the scene."""

    def build(self, class_config: ClassConfig | None = None) -> VectorTransformer:
        """Build the transformer.

        Args:
            class_config: classes that the labels have.
        """
        raise NotImplementedError(type(self).__name__)
