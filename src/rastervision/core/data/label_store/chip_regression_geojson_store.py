"""ChipRegressionGeoJSONStore: the values of cells in a GeoJSON file (C+E)."""

import numpy as np

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
from rastervision.core.data.label import ChipRegressionLabels
from rastervision.core.data.label.chip_regression_labels import NODATA
from rastervision.core.data.label.utils import cells_of_features
from rastervision.core.data.label_store.geojson_store import (
    GeoJSONStore,
    GeoJSONStoreConfig,
    StoredRectangles,
)
from rastervision.pipeline.config import register_config


class ChipRegressionGeoJSONStore(GeoJSONStore):
    """A GeoJSON file with a polygon for each cell, and a property for each target."""

    def get_labels(self) -> ChipRegressionLabels:
        """Read the labels of the whole scene.

        Raises:
            NotReadableError: Nothing was predicted yet.
            DataError: A value is no number.
        """
        source = StoredRectangles(self.uri, self._crs_transformer, round_pixels=False)
        features = source.features
        columns = [features.numbers(name) for name in self.class_config.names]
        values = np.array(columns).reshape(len(columns), len(features)).T
        nodata = [bool(value) for value in features.column(NODATA)]
        return ChipRegressionLabels(cells_of_features(features, self._bbox), values, nodata)


@register_config('chip_regression_geojson_store')
class ChipRegressionGeoJSONStoreConfig(GeoJSONStoreConfig):
    """A GeoJSON file with the values of cells."""

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        tmp_dir: str | None = None,  # noqa: ARG002 - interface
    ) -> ChipRegressionGeoJSONStore:
        """Build the store; arguments as for `LabelStoreConfig.build`."""
        return ChipRegressionGeoJSONStore(
            self.known_uri(), class_config, crs_transformer, bbox, self.crs
        )
