"""ObjectDetectionLabelSource: the objects of a scene as boxes (C+E)."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.label import boxes as box_ops
from rastervision.core.data.label.object_detection_labels import ObjectDetectionLabels
from rastervision.core.data.label_source.label_source import LabelSource, LabelSourceConfig
from rastervision.core.data.utils.arguments import as_bbox
from rastervision.core.data.utils.features import Features, check_polygons, to_class_ids
from rastervision.core.data.utils.geojson_parsing import parse_geojson
from rastervision.core.data.utils.misc import describe_source, parse_array_slices_2d
from rastervision.core.data.vector_source import VectorSource, VectorSourceConfig
from rastervision.pipeline.config import register_config

if TYPE_CHECKING:
    from rastervision.core.data.scene import SceneConfig

ANY_PART = 1e-6
"""Least share of a box in a window that makes it a box of that window."""
MOST = 0.8
"""Least share of a box in the extent that makes it a box of the scene, as in release 0.31."""


class ObjectDetectionLabelSource(LabelSource):
    """The bounding boxes of polygons that have a class.

    Objects at the edge of the extent belong to it if at least 80 % of their box does; what is
    beyond the edge is cut off.
    """

    def __init__(
        self,
        vector_source: VectorSource,
        bbox: Box | None = None,
        ioa_thresh: float | None = None,
        clip: bool = False,
    ) -> None:
        """Constructor.

        Args:
            vector_source: polygons with class ids.
            bbox: part of the labels that is used, in the source pixel frame; that of the vector
                source when None.
            ioa_thresh: for windows that are asked for by index: the least share of a box that
                must lie in the window. None takes boxes of which any part does.
            clip: for windows that are asked for by index: cut boxes to the window.

        Raises:
            DataError: a feature has no class id, or is no polygon.
        """
        self.vector_source = vector_source
        self.uris = getattr(vector_source, 'uris', None)
        self.ioa_thresh = ANY_PART if ioa_thresh is None else ioa_thresh
        self.clip = clip
        origin = vector_source.features.origin or describe_source(vector_source)
        _check_features(vector_source.features, origin)
        self._whole = ObjectDetectionLabels.from_features(vector_source.features)
        self.set_bbox(vector_source.bbox if bbox is None else bbox)

    def get_labels(
        self, window: Box | None = None, ioa_thresh: float = ANY_PART, clip: bool = False
    ) -> ObjectDetectionLabels:
        """Boxes in a window.

        Args:
            window: box in the extent frame; None takes the whole extent.
            ioa_thresh: the least share of a box that must lie in the window.
            clip: cut boxes to the window.

        Returns:
            Boxes in the extent frame, in the order of the vector source.
        """
        window = self.extent if window is None else window
        near = self.vector_source.near(window.to_global_coords(self._bbox))
        labels = self._cut.take(near[self._belongs[near]])
        return ObjectDetectionLabels.get_overlapping(labels, window, ioa_thresh, clip)

    @property
    def labels(self) -> ObjectDetectionLabels:
        """Boxes of the whole extent."""
        return self.get_labels()

    def __getitem__(self, key: Any) -> tuple[NDArray[np.float64], NDArray[np.int64], str]:
        """Boxes in a window, by Box or by slices; steps make the boxes smaller.

        Returns:
            (N, 4) ymin, xmin, ymax, xmax in pixels from the window's upper left corner, (N,) class
            ids, and 'yxyx', the order of the sides.
        """
        steps = [1, 1]
        window = key
        if not isinstance(key, Box):
            window, slices = parse_array_slices_2d(key, self.extent)
            steps = [s.step or 1 for s in slices]
        labels = self.get_labels(window, self.ioa_thresh, self.clip)
        boxes = ObjectDetectionLabels.global_to_local(labels.get_npboxes(), window)
        return boxes / np.array(steps * 2), labels.get_class_ids(), 'yxyx'

    def validate_geojson(self, geojson: dict[str, Any]) -> None:
        """Raise DataError unless all features of a document are polygons with a class id."""
        features, _ = parse_geojson(geojson, 'The GeoJSON document')
        _check_features(features, features.origin)

    @property
    def bbox(self) -> Box:
        return self._bbox

    @property
    def crs_transformer(self) -> CRSTransformer:
        """That of the vector source."""
        return self.vector_source.crs_transformer

    def set_bbox(self, bbox: Box) -> None:
        self._bbox = bbox = as_bbox(bbox)
        boxes = self._whole.get_npboxes()
        cut = ObjectDetectionLabels.global_to_local(box_ops.clip_boxes(boxes, bbox), bbox)
        self._belongs = box_ops.ioa_with_window(boxes, bbox) >= MOST
        self._cut = ObjectDetectionLabels(
            cut, self._whole.get_class_ids(), self._whole.get_scores()
        )

    @property
    def labels_bbox(self) -> Box | None:
        """Box around all objects."""
        return self.vector_source.features_bbox


def _check_features(features: Features, origin: str) -> None:
    to_class_ids(features.column('class_id'), origin)
    check_polygons(features.geoms, origin, 'objects must be boxes or other polygons')


@register_config('object_detection_label_source')
class ObjectDetectionLabelSourceConfig(LabelSourceConfig):
    """Labels for object detection: the bounding boxes of polygons."""

    vector_source: VectorSourceConfig = Field(
        ..., description='Where the boxes, or polygons around objects, come from.'
    )

    def update(self, pipeline: Any = None, scene: 'SceneConfig | None' = None) -> None:
        """Give the vector source the transformers that boxes need, and update it."""
        self.vector_source.add_default_transformers()
        self.vector_source.update(pipeline=pipeline, scene=scene)

    def build(
        self,
        class_config: ClassConfig,
        crs_transformer: CRSTransformer,
        bbox: Box | None = None,
        tmp_dir: str | None = None,  # noqa: ARG002 - part of the interface
    ) -> ObjectDetectionLabelSource:
        """Build the label source."""
        source = self.vector_source.build(class_config, crs_transformer, bbox)
        return ObjectDetectionLabelSource(source, bbox)
