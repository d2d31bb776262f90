from types import SimpleNamespace

import numpy as np
import pytest

from rastervision.core.box import Box
from rastervision.core.data import (
    ClassConfig,
    ClassInferenceTransformer,
    GeoJSONVectorSource,
    RasterioSource,
    RasterizedSource,
    SemanticSegmentationLabelSource,
)
from rastervision.core.data.utils.alignment import match_bboxes
from rastervision.pipeline.errors import DataError

CLASSES = ClassConfig(names=['a', 'b', 'null'])
PIXELS = np.zeros((20, 30), dtype=np.uint8)
ORIGIN = (500_000.0, 5_000_000.0)


@pytest.fixture
def image(write_tif):
    return RasterioSource(write_tif('image.tif', PIXELS))


def labels_of(uri, **kw):
    return SemanticSegmentationLabelSource(RasterioSource(uri, **kw), CLASSES)


def test_a_shifted_label_raster_is_read_from_the_same_ground(image, write_tif) -> None:
    wide = np.arange(40 * 50).reshape(40, 50) % 2
    uri = write_tif('labels.tif', wide.astype(np.uint8), (ORIGIN[0] - 7, ORIGIN[1] + 4))
    labels = labels_of(uri)
    match_bboxes(image, labels)
    assert labels.bbox == Box(4, 7, 24, 37)
    assert np.array_equal(labels.get_label_arr(), wide[4:24, 7:37])


def test_ground_that_the_label_raster_does_not_cover_is_null(image, write_tif) -> None:
    uri = write_tif('labels.tif', np.ones((10, 10), dtype=np.uint8), (ORIGIN[0] + 15, ORIGIN[1]))
    labels = labels_of(uri)
    match_bboxes(image, labels)
    arr = labels.get_label_arr()
    expected = np.full((20, 30), 2)
    expected[:10, 15:25] = 1
    assert np.array_equal(arr, expected)


def test_the_bbox_of_the_image_counts(write_tif) -> None:
    image = RasterioSource(write_tif('image.tif', PIXELS), bbox=Box(5, 6, 15, 20))
    labels = labels_of(write_tif('labels.tif', PIXELS))
    match_bboxes(image, labels)
    assert labels.bbox == Box(5, 6, 15, 20)


def test_less_than_half_a_pixel_is_forgiven(image, write_tif) -> None:
    labels = labels_of(write_tif('labels.tif', PIXELS, (ORIGIN[0] + 0.4, ORIGIN[1] - 0.3)))
    match_bboxes(image, labels)
    assert labels.bbox == Box(0, 0, 20, 30)


@pytest.mark.parametrize(
    'grid', [{'res': 2.0}, {'res': 1.1}, {'crs': 'EPSG:3857', 'origin': (1_669_792.0, 5_621_521.0)}]
)
def test_another_grid_is_refused_with_a_remedy(image, write_tif, grid) -> None:
    labels = labels_of(write_tif('labels.tif', PIXELS, **grid))
    with pytest.raises(DataError, match='another pixel grid') as e:
        match_bboxes(image, labels)
    message = str(e.value)
    assert 'labels.tif' in message
    assert 'image.tif' in message
    assert 'rio warp' in message


@pytest.mark.parametrize('shift', [1000, 30])
def test_labels_elsewhere_are_refused(image, write_tif, shift) -> None:
    labels = labels_of(write_tif('labels.tif', PIXELS, (ORIGIN[0] + shift, ORIGIN[1])))
    with pytest.raises(DataError, match=r'labels\.tif do not overlap the image .*image\.tif'):
        match_bboxes(image, labels)


def test_without_georeference_the_size_must_be_the_same(image, write_tif) -> None:
    labels = labels_of(write_tif('labels.png', PIXELS))
    match_bboxes(image, labels)
    assert labels.bbox == Box(0, 0, 20, 30)
    other = labels_of(write_tif('other.png', PIXELS[:10]))
    with pytest.raises(DataError, match=r'other\.png has no georeference and is 10x30'):
        match_bboxes(image, other)


def test_an_image_without_georeference_cannot_take_labels_with_one(write_tif) -> None:
    image = RasterioSource(write_tif('image.png', PIXELS))
    labels = labels_of(write_tif('labels.tif', PIXELS))
    with pytest.raises(
        DataError, match=r'image\.png has no georeference.*labels\.tif .*EPSG:32633'
    ):
        match_bboxes(image, labels)


def test_two_rasters_without_georeference_share_their_pixels(write_tif) -> None:
    image = RasterioSource(write_tif('image.png', PIXELS), bbox=Box(2, 3, 8, 9))
    labels = labels_of(write_tif('labels.png', PIXELS))
    match_bboxes(image, labels)
    assert labels.bbox == Box(2, 3, 8, 9)


def test_a_single_point_in_the_image_is_enough(image, write_geojson) -> None:
    point = {'type': 'Point', 'coordinates': [ORIGIN[0] + 5, ORIGIN[1] - 5]}
    uri = write_geojson('point.json', [point], {'class_id': 0}, 'EPSG:32633')
    bare = SimpleNamespace(
        crs_transformer=image.crs_transformer,
        bbox=image.bbox,
        labels_bbox=GeoJSONVectorSource(uri, image.crs_transformer).features_bbox,
        set_bbox=lambda _: None,
    )
    match_bboxes(image, bare)


def polygons(image, uri):
    source = GeoJSONVectorSource(uri, image.crs_transformer, [ClassInferenceTransformer(0)])
    return SemanticSegmentationLabelSource(RasterizedSource(source, 1), CLASSES)


def test_polygons_take_the_bbox_of_the_image(image, write_geojson, box_ring) -> None:
    uri = write_geojson('labels.json', [box_ring(2, 3, 4, 5)], crs='EPSG:32633')
    labels = polygons(image, uri)
    match_bboxes(image, labels)
    assert labels.bbox == image.bbox
    assert (labels.get_label_arr() == 0).sum() == 4


def test_polygons_elsewhere_are_refused_but_none_at_all_are_fine(
    image, write_geojson, box_ring
) -> None:
    far = polygons(image, write_geojson('far.json', [box_ring(50, 3, 60, 5)], crs='EPSG:32633'))
    with pytest.raises(DataError, match=r'far\.json do not overlap the image .*image\.tif'):
        match_bboxes(image, far)
    around = [box_ring(-9, -9, -5, -5), box_ring(90, 90, 95, 95)]
    match_bboxes(image, polygons(image, write_geojson('a.json', around, crs='EPSG:32633')))
    none = polygons(image, write_geojson('none.json', []))
    match_bboxes(image, none)
    assert (none.get_label_arr() == 1).all()
