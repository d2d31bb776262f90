"""GeoJSONStore: the base of stores that keep the predictions for a scene in one GeoJSON file."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import shapely
from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
from rastervision.core.data.label.labels import Labels
from rastervision.core.data.label_store.label_store import LabelStore, LabelStoreConfig
from rastervision.core.data.label_store.part_folder import PartFolder
from rastervision.core.data.utils.features import Features
from rastervision.core.data.utils.label_geojson import format_of, recorded_key
from rastervision.core.data.utils.placement import OutputCRS
from rastervision.core.data.vector_source import GeoJSONVectorSource
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.file_system.local_file_system import without_file_scheme

if TYPE_CHECKING:
    from rastervision.core.data.scene import SceneConfig
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig


class GeoJSONStore(LabelStore):
    """A GeoJSON file with the predictions for a scene.

    A file that PREDICT has written says what it was made from, in a member of its own:
    `{"type": "FeatureCollection", "prediction": {"key": ...}, "features": [...]}`. A file called
    `.gpkg` or `.parquet` is of that format; it does not say so, and is always predicted anew.
    """

    def __init__(
        self,
        uri: str,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        crs: OutputCRS = 'wgs84',
    ) -> None:
        """Constructor.

        Args:
            uri: The file.
            class_config: Names of the classes.
            crs_transformer: Of the image.
            bbox: Where the extent lies in the image, in the source pixel frame.
            crs: Whether map coordinates are written, or coordinates in the CRS of the image.
        """
        self.uri = without_file_scheme(uri)
        self.class_config = class_config
        self._crs_transformer = crs_transformer
        self._bbox = bbox
        self._crs = crs

    def save(self, labels: Any, key: str | None = None) -> None:
        """Write the labels of the whole scene.

        Args:
            labels: The labels.
            key: Fingerprint of everything that decided them, for `is_predicted`.
        """
        where = self.uri, self.class_config, self._crs_transformer, self._bbox
        labels.save(*where, key=key, crs=self._crs)

    @abstractmethod
    def get_labels(self) -> Labels:
        """Read the labels of the whole scene.

        Raises:
            NotReadableError: Nothing was predicted yet.
        """

    def is_predicted(self, key: str) -> bool:
        """Whether the file was written for this key."""
        return recorded_key(self.uri) == key

    def part_folder(self, key: str, tmp_dir: str | None = None) -> PartFolder:
        """Return where parts of a prediction are until the file is written, beside it."""
        folder, slash, name = self.uri.rpartition('/')
        return PartFolder(f'{folder}{slash}.{name}.partial', key, tmp_dir)

    @property
    def bbox(self) -> Box | None:
        return self._bbox

    @property
    def crs_transformer(self) -> CRSTransformer:
        return self._crs_transformer

    def set_bbox(self, bbox: Box) -> None:
        self._bbox = bbox


class StoredRectangles(GeoJSONVectorSource):
    """Rectangles of a file of predictions; what was cut at the antimeridian is whole again."""

    def _get_features(self) -> Features:
        features = super()._get_features()
        # parts of one feature follow each other and share their properties
        owners = np.array([id(properties) for properties in features.properties])
        first = np.flatnonzero(np.diff(owners, prepend=-1))
        if len(first) == len(features):
            return features
        corners = shapely.bounds(features.geoms)
        low = np.minimum.reduceat(corners[:, :2], first)
        high = np.maximum.reduceat(corners[:, 2:], first)
        rectangles: Any = shapely.box(*low.T, *high.T)
        return features.take(first).with_geoms(rectangles)


class GeoJSONStoreConfig(LabelStoreConfig):
    """A GeoJSON file with the predictions for a scene; the base of the stores of tasks."""

    file_suffix: ClassVar[str] = '.json'

    uri: str | None = Field(
        None,
        description='File to write to: GeoJSON, or what .gpkg or .parquet says. When absent, a '
        "file named after the scene in the pipeline's predict_uri.",
    )
    crs: OutputCRS = Field(
        'wgs84',
        description=(
            'wgs84 writes longitudes and latitudes, image coordinates in the CRS of the image.'
        ),
    )

    def update(
        self,
        pipeline: 'RVPipelineConfig | None' = None,
        scene: 'SceneConfig | None' = None,
    ) -> None:
        if self.uri is None and pipeline is not None and scene is not None:
            self.uri = f'{pipeline.predict_uri}/{scene.id}{self.file_suffix}'

    def known_uri(self) -> str:
        """Return the uri.

        Raises:
            ConfigError: It is not set, or its suffix is of a format that is not written.
        """
        if self.uri is None:
            raise ConfigError(
                'uri of the label store is not set: give the file for the predictions.'
            )
        format_of(self.uri)
        return self.uri

    def validate_config(self) -> None:
        """Refuse a file of a format that is not written."""
        super().validate_config()
        if self.uri is not None:
            format_of(self.uri)
