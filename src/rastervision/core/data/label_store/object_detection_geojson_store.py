"""ObjectDetectionGeoJSONStore: the predicted boxes of a scene in a GeoJSON file (C+E)."""

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
from rastervision.core.data.label.object_detection_labels import ObjectDetectionLabels
from rastervision.core.data.label_store.geojson_store import (
    GeoJSONStore,
    GeoJSONStoreConfig,
    StoredRectangles,
)
from rastervision.core.data.vector_transformer import ClassInferenceTransformer
from rastervision.pipeline.config import register_config


class ObjectDetectionGeoJSONStore(GeoJSONStore):
    """A GeoJSON file of boxes with the properties `class_id`, `class_name` and `score`."""

    def get_labels(self) -> ObjectDetectionLabels:
        """Boxes of the file, in the extent frame.

        Raises:
            NotReadableError: nothing was predicted yet.
            DataError: the file is not GeoJSON, or a box has no class.
        """
        source = StoredRectangles(
            self.uri,
            self.crs_transformer,
            vector_transformers=[ClassInferenceTransformer(None, self.class_config)],
            bbox=self.bbox,
            round_pixels=False,
        )
        return ObjectDetectionLabels.from_features(source.get_features())


@register_config('object_detection_geojson_store')
class ObjectDetectionGeoJSONStoreConfig(GeoJSONStoreConfig):
    """A GeoJSON file with the predicted boxes of a scene."""

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        tmp_dir: str | None = None,  # noqa: ARG002 - part of the interface
    ) -> ObjectDetectionGeoJSONStore:
        """Build the store; arguments as for `LabelStoreConfig.build`.

        Raises:
            ConfigError: uri is not set.
        """
        return ObjectDetectionGeoJSONStore(
            self.known_uri(), class_config, crs_transformer, bbox, self.crs
        )
