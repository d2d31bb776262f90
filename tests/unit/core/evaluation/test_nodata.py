"""EVAL leaves out what the image has no data for, by the same rule for all tasks."""

import numpy as np
import pytest
import shapely

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationGeoJSONStore,
    ChipClassificationLabels,
    ChipClassificationLabelSource,
    ChipClassificationLabelSourceConfig,
    ChipRegressionGeoJSONStore,
    ChipRegressionLabels,
    ChipRegressionLabelSource,
    ClassConfig,
    ObjectDetectionGeoJSONStore,
    ObjectDetectionLabels,
    ObjectDetectionLabelSource,
    RasterioSource,
    RasterizedSource,
    Scene,
    SemanticSegmentationLabels,
    SemanticSegmentationLabelSource,
    SemanticSegmentationLabelStore,
    VectorSource,
)
from rastervision.core.data.utils.features import Features
from rastervision.core.evaluation import (
    ChipClassificationEvaluator,
    ChipRegressionEvaluator,
    ObjectDetectionEvaluator,
    SemanticSegmentationEvaluator,
)

EXTENT = Box(0, 0, 60, 80)
CELLS = Box.to_npboxes(EXTENT.get_windows(10, 10))
DARK = 30
"""Rows above this one have no data."""
IN_THE_DARK = CELLS[:, 0] < DARK

WITH_NULL = ClassConfig(names=['a', 'b', 'null'])
REAL_NULL = ClassConfig(names=['a', 'b', 'bg'], null_class='bg')


class Cells(VectorSource):
    """Cells with a class and a value each."""

    def __init__(self, image, class_ids):
        super().__init__(image.crs_transformer)
        self.class_ids = class_ids

    def _get_features(self):
        ymin, xmin, ymax, xmax = CELLS.T
        rows = [{'class_id': int(i), 'v': float(i)} for i in self.class_ids]
        return Features(shapely.box(xmin, ymin, xmax, ymax), rows)


def segmentation(image, truth, predicted, dark, classes, uri):
    source = RasterizedSource(Cells(image, truth), background_class_id=0, bbox=image.bbox)
    labels = SemanticSegmentationLabels.make_empty(EXTENT, 3)
    for cell, class_id in zip(CELLS.tolist(), np.where(dark, 2, predicted), strict=True):
        labels[Box(*cell)] = np.full((10, 10), class_id, np.uint8)
    store = SemanticSegmentationLabelStore(uri, image.crs_transformer, classes, image.bbox)
    store.save(labels)
    return (
        SemanticSegmentationLabelSource(source, classes),
        store,
        SemanticSegmentationEvaluator(classes),
    )


def classification(image, truth, predicted, dark, classes, uri):
    source = ChipClassificationLabelSource(
        ChipClassificationLabelSourceConfig(), Cells(image, truth), image.bbox
    )
    store = ChipClassificationGeoJSONStore(uri, classes, image.crs_transformer, image.bbox)
    ids = np.where(dark, 2, predicted)
    store.save(ChipClassificationLabels.from_arrays(CELLS, ids, nodata=dark))
    return source, store, ChipClassificationEvaluator(classes)


def regression(image, truth, predicted, dark, classes, uri):
    target = ClassConfig(names=['v'])
    source = ChipRegressionLabelSource(Cells(image, truth), ['v'], image.bbox)
    store = ChipRegressionGeoJSONStore(uri, target, image.crs_transformer, image.bbox)
    values = np.where(dark, np.nan, predicted)[:, None]
    store.save(ChipRegressionLabels(CELLS, values, dark))
    return source, store, ChipRegressionEvaluator(target)


def detection(image, truth, predicted, dark, classes, uri):
    source = ObjectDetectionLabelSource(Cells(image, truth), image.bbox)
    store = ObjectDetectionGeoJSONStore(uri, classes, image.crs_transformer, image.bbox)
    store.save(ObjectDetectionLabels(CELLS[~dark], predicted[~dark]))
    return source, store, ObjectDetectionEvaluator(classes)


@pytest.mark.parametrize('classes', [WITH_NULL, REAL_NULL], ids=['null', 'real null'])
@pytest.mark.parametrize('task', [segmentation, classification, regression, detection])
def test_what_the_image_has_no_data_for_does_not_count(write_raster, tmp_path, task, classes):
    pixels = np.ones((1, *EXTENT.size), np.uint8)
    pixels[:, :DARK] = 0
    image = RasterioSource(write_raster(pixels), nodata=0)
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 2, (2, len(CELLS)))

    def scores(truth, name, aoi=None, dark=IN_THE_DARK, image=image):
        uri = str(tmp_path / f'{name}.json')
        source, store, evaluator = task(image, truth, predicted, dark, classes, uri)
        return evaluator.evaluate_scene(Scene('s', image, source, store, aoi)).to_json()

    found = scores(truth, 'one')
    other = scores(np.where(IN_THE_DARK, 1 - truth, truth), 'other')
    np.testing.assert_equal(other, found)
    # as if only the rest of an image without gaps were of interest
    whole = RasterioSource(write_raster(np.ones_like(pixels), 'whole.tif'), nodata=0)
    rest = [Box(DARK, 0, *EXTENT.size).to_shapely()]
    nowhere = np.zeros(len(CELLS), bool)
    np.testing.assert_equal(scores(truth, 'rest', rest, nowhere, whole), found)
