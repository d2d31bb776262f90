"""How often each class occurs in the labels of a scene, and where they lie."""

import numpy as np
from numpy.typing import NDArray

from rastervision.core.data import (
    ChipClassificationLabelSource,
    ChipRegressionLabelSource,
    LabelSource,
    ObjectDetectionLabelSource,
    Scene,
    SemanticSegmentationLabelSource,
)
from rastervision.core.rv_pipeline.validation.findings import LabelFacts
from rastervision.core.rv_pipeline.validation.sample import Sample


def label_facts(scene: Scene, num_classes: int, sample: Sample) -> LabelFacts | None:
    """Return what is known about labels; None for those of a third party's task.

    Args:
        scene: A scene with labels.
        num_classes: How many classes, or targets, there are.
        sample: What was seen of it; classes of pixels are extrapolated from there.
    """
    source, aoi = scene.label_source, scene.aoi_polygons_bbox_coords
    if source is None:
        return None
    share = overlap(source)
    if isinstance(source, SemanticSegmentationLabelSource):
        scale = 1 / sample.share if sample.share else 0.0
        counts = (sample.classes * scale).round().astype(int)
        return LabelFacts('pixels', tuple(counts.tolist()), sample.share < 1, share)
    if isinstance(source, ObjectDetectionLabelSource):
        boxes = source.get_labels()
        ids = (boxes.filter_by_aoi(aoi) if aoi else boxes).get_class_ids()
        return LabelFacts('boxes', _counts(ids, num_classes), False, share)
    if isinstance(source, ChipClassificationLabelSource):
        cells = source.get_labels()
        ids = (cells.filter_by_aoi(aoi, scene.extent) if aoi else cells).class_ids
        return LabelFacts('cells', _counts(ids, num_classes), False, share)
    if isinstance(source, ChipRegressionLabelSource):
        values = source.get_labels()
        known = ~np.isnan((values.filter_by_aoi(aoi, scene.extent) if aoi else values).values)
        return LabelFacts('values', tuple(known.sum(axis=0).tolist()), False, share)
    return None


def overlap(source: LabelSource) -> float:
    """Return the share of the image that the box around labels covers; 0 for no labels."""
    box = source.labels_bbox
    if box is None or not source.bbox.area:
        return 0.0
    return float(box.intersection(source.bbox).area / source.bbox.area)


def _counts(ids: NDArray[np.int64], num_classes: int) -> tuple[int, ...]:
    return tuple(np.bincount(ids, minlength=num_classes).tolist())
