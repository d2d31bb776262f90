"""ChipClassificationGeoJSONStore: the classes of cells in a GeoJSON file (C+E)."""

import json
from contextlib import suppress

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
from rastervision.core.data.label import ChipClassificationLabels
from rastervision.core.data.label_store.geojson_store import (
    GeoJSONStore,
    GeoJSONStoreConfig,
    StoredRectangles,
)
from rastervision.core.data.utils.features import Features
from rastervision.core.data.vector_transformer import ClassInferenceTransformer
from rastervision.pipeline.config import register_config


class ChipClassificationGeoJSONStore(GeoJSONStore):
    """A GeoJSON file with a polygon for each cell, and its class_id, class_name and scores."""

    def get_labels(self) -> ChipClassificationLabels:
        """Read the labels of the whole scene.

        Raises:
            NotReadableError: Nothing was predicted yet.
            DataError: The file has features without a class.
        """
        source = StoredRectangles(
            self.uri,
            self._crs_transformer,
            [ClassInferenceTransformer(None, self.class_config)],
            round_pixels=False,
        )
        return ChipClassificationLabels.from_features(_with_lists(source.features), self._bbox)


def _with_lists(features: Features) -> Features:
    """Scores of formats that have no lists, as they are in GeoJSON."""
    for properties in features.properties:
        if isinstance(properties.get('scores'), str):
            with suppress(ValueError):  # what is no list is refused where scores are read
                properties['scores'] = json.loads(properties['scores'])
    return features


@register_config('chip_classification_geojson_store')
class ChipClassificationGeoJSONStoreConfig(GeoJSONStoreConfig):
    """A GeoJSON file with the classes of cells."""

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        tmp_dir: str | None = None,  # noqa: ARG002 - interface
    ) -> ChipClassificationGeoJSONStore:
        """Build the store; arguments as for `LabelStoreConfig.build`."""
        return ChipClassificationGeoJSONStore(
            self.known_uri(), class_config, crs_transformer, bbox, self.crs
        )
