"""Datasets of object detection: COCO files, and windows of scenes."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rastervision.pytorch_learner.alb import alb
from rastervision.pytorch_learner.boxlist import BoxList
from rastervision.pytorch_learner.dataset import (
    CocoDataset,
    ObjectDetectionImageDataset,
    ObjectDetectionRandomWindowGeoDataset,
    ObjectDetectionSlidingWindowGeoDataset,
)
from rastervision.pytorch_learner.dataset.utils import ImageDatasetError
from rastervision.pytorch_learner.object_detection_utils import collate_fn

SQUARES = [(5, 6, 15, 26), (40, 50, 58, 70), (8, 60, 20, 75)]
"""Rectangles in the scene of 60 x 80 pixels."""


@pytest.fixture
def uris(write_raster, write_square, pixels, tmp_path):
    """Image, and boxes around three objects of the first class."""
    features = []
    for number, square in enumerate(SQUARES):
        path = write_square(f'{number}.geojson', *square)
        features += json.loads(Path(path).read_text())['features']
    labels = tmp_path / 'boxes.geojson'
    labels.write_text(json.dumps({'type': 'FeatureCollection', 'features': features}))
    return write_raster('image.tif', pixels), str(labels)


def dataset(cls, uris, classes, **kwargs):
    return cls.from_uris(*uris, class_config=classes, label_vector_default_class_id=1, **kwargs)


def resized_windows(uris, classes, transform):
    """Windows of 40 pixels, as images of 80."""
    cls, sizes = ObjectDetectionSlidingWindowGeoDataset, {'size': 40, 'stride': 40, 'out_size': 80}
    return dataset(cls, uris, classes, **sizes, transform=transform)


def test_windows_on_a_grid_have_the_boxes_in_them(uris, classes):
    ds = dataset(
        ObjectDetectionSlidingWindowGeoDataset, uris, classes, size=40, stride=40, to_pytorch=False
    )
    assert len(ds) == 4
    found = []
    for window, (_, (boxes, class_ids, box_format)) in zip(ds.windows, ds, strict=True):
        assert box_format == 'yxyx'
        assert (boxes >= 0).all()
        assert (boxes <= 40).all()
        assert set(class_ids.tolist()) <= {1}
        found += (boxes + [window.ymin, window.xmin] * 2).round().astype(int).tolist()
    assert sorted(map(tuple, found)) == sorted(SQUARES)


def test_boxes_are_tensors_and_make_batches(uris, classes):
    ds = resized_windows(uris, classes, alb.HorizontalFlip(p=1))
    x, y = ds[0]
    assert x.shape == (3, 80, 80)
    assert isinstance(y, BoxList)
    np.testing.assert_allclose(y.convert_boxes('yxyx'), [[10, 28, 30, 68]], atol=1e-3)
    assert y.get_field('class_ids').dtype == torch.int64
    xs, ys = collate_fn([ds[i] for i in range(4)])
    assert xs.shape == (4, 3, 80, 80)
    assert sum(map(len, ys)) == 3


def test_a_transform_for_boxes_may_be_followed_by_a_resizing(uris, classes):
    params = alb.BboxParams(format='albumentations', label_fields=['category_id'])
    ds = resized_windows(uris, classes, alb.Compose([alb.HorizontalFlip(p=1)], bbox_params=params))
    np.testing.assert_allclose(ds[0][1].convert_boxes('yxyx'), [[10, 28, 30, 68]], atol=1e-3)


def test_resizing_leaves_the_probability_of_a_transform(uris, classes):
    params = alb.BboxParams(format='albumentations', label_fields=['category_id'])
    transform = alb.Compose([alb.HorizontalFlip(p=1)], bbox_params=params, p=0.5)
    ds = resized_windows(uris, classes, transform)
    torch.manual_seed(0)
    xmins = [float(ds[0][1].boxes[0, 0]) for _ in range(40)]
    assert {round(x) for x in xmins} == {12, 28}
    assert 8 < sum(x > 20 for x in xmins) < 32


@pytest.mark.parametrize('transform', [None, alb.HorizontalFlip(p=1), alb.Blur(p=1)])
def test_images_without_labels_are_transformed(uris, transform):
    ds = ObjectDetectionSlidingWindowGeoDataset.from_uris(
        uris[0], size=40, stride=40, out_size=20, transform=transform
    )
    x, y = ds[0]
    assert x.shape == (3, 20, 20)
    assert torch.isnan(y)


def test_random_windows_are_around_objects_and_away_from_them(uris, classes):
    def share_with_boxes(neg_ratio):
        torch.manual_seed(0)
        ds = dataset(
            ObjectDetectionRandomWindowGeoDataset,
            uris,
            classes,
            size_lims=(24, 25),
            out_size=32,
            max_windows=60,
            neg_ratio=neg_ratio,
            neg_ioa_thresh=0.05,
            ioa_thresh=0.05,
        )
        return np.mean([len(y) > 0 for _, y in (ds[i] for i in range(60))])

    assert share_with_boxes(0) == 1
    assert share_with_boxes(2) == pytest.approx(1 / 3, abs=0.15)
    assert share_with_boxes(1000) < 0.1


def test_windows_are_around_objects_of_which_enough_fits(uris, classes):
    ds = dataset(
        ObjectDetectionRandomWindowGeoDataset,
        uris,
        classes,
        size_lims=(16, 17),
        out_size=16,
        max_windows=30,
        neg_ratio=0,
        ioa_thresh=0.9,
    )
    torch.manual_seed(0)
    assert all(len(ds[i][1]) == 1 for i in range(30))


def test_a_box_counts_where_enough_of_it_is(uris, classes):
    def boxes(**kwargs):
        ds = dataset(
            ObjectDetectionRandomWindowGeoDataset,
            uris,
            classes,
            size_lims=(20, 21),
            out_size=20,
            max_windows=1,
            **kwargs,
        )
        window = next(w for w in [ds.scene.extent] if w)
        half = type(window)(0, 0, 20, 16)  # holds half of the first object
        return ds.read(half)[1][0]

    assert len(boxes()) == 0
    np.testing.assert_allclose(boxes(ioa_thresh=0.4), [[5, 6, 15, 26]], atol=1e-6)
    np.testing.assert_allclose(boxes(ioa_thresh=0.4, clip=True), [[5, 6, 15, 16]], atol=1e-6)


def test_without_labels_there_are_images_only(uris):
    ds = ObjectDetectionRandomWindowGeoDataset.from_uris(
        uris[0], size_lims=(20, 21), out_size=16, max_windows=2, neg_ratio=1
    )
    x, y = ds[0]
    assert x.shape == (3, 16, 16)
    assert torch.isnan(y)


# --- COCO


@pytest.fixture
def coco(tmp_path):
    """Writes two images, the first with two boxes; returns their folder and the COCO file."""
    (tmp_path / 'img').mkdir()
    for name in ('a.png', 'b.png'):
        Image.fromarray(np.full((20, 30, 3), 9, np.uint8)).save(tmp_path / 'img' / name)
    content = {
        'images': [{'id': 7, 'file_name': 'a.png'}, {'id': 3, 'file_name': 'b.png'}],
        'annotations': [
            {'image_id': 7, 'category_id': 1, 'bbox': [2, 3, 10, 5]},
            {'image_id': 7, 'category_id': 0, 'bbox': [0, 0, 4.5, 4]},
        ],
    }

    def write(**changes):
        path = tmp_path / 'labels.json'
        path.write_text(json.dumps(content | changes))
        return str(tmp_path / 'img'), str(path)

    return write


def test_coco_boxes(coco):
    ds = CocoDataset(*coco())
    image, (boxes, class_ids, box_format) = ds[0]
    assert (len(ds), image.shape, box_format) == (2, (20, 30, 3), 'xywh')
    assert boxes.tolist() == [[2, 3, 10, 5], [0, 0, 4.5, 4]]
    assert class_ids.tolist() == [1, 0]
    assert ds[1][1][0].shape == (0, 4)
    assert ds.class_ids == [0, 1]
    x, y = ObjectDetectionImageDataset(*coco(), transform=alb.Resize(40, 60))[0]
    assert x.shape == (3, 40, 60)
    np.testing.assert_allclose(y.boxes, [[4, 6, 24, 16], [0, 0, 9, 8]], atol=1e-4)


@pytest.mark.parametrize(
    ('changes', 'match'),
    [
        ({'images': [{'id': 7, 'file_name': 'c.png'}]}, 'c.png, which is not in'),
        ({'annotations': [{'image_id': 7}]}, 'no COCO file'),
        (
            {'annotations': [{'image_id': 8, 'category_id': 1, 'bbox': [1, 1, 1, 1]}]},
            'annotation 0 names image_id 8, which is none of the images',
        ),
        ({'images': 5}, 'no COCO file'),
    ],
)
def test_a_file_that_does_not_fit_is_one_error(coco, changes, match):
    with pytest.raises(ImageDatasetError, match=match):
        CocoDataset(*coco(**changes))


def test_categories_have_to_be_classes(coco):
    ds = ObjectDetectionImageDataset(*coco())
    ds.check_classes(['car', 'tree'])
    with pytest.raises(ImageDatasetError, match='category id 1'):
        ds.check_classes(['car'])


def test_categories_are_the_classes_of_the_config(coco):
    names = ['car', 'tree']
    listed = [{'id': 0, 'name': 'car'}, {'id': 1, 'name': 'tree'}]
    ObjectDetectionImageDataset(*coco(categories=listed)).check_classes(names)
    ObjectDetectionImageDataset(*coco(categories=listed)).check_classes(['auto', 'plant'])
    swapped = ObjectDetectionImageDataset(*coco(categories=listed[:1]))
    with pytest.raises(ImageDatasetError, match=r"category 0 'car', which is class 1 of tree, car"):
        swapped.check_classes(['tree', 'car'])
    from_1 = [{'id': 1, 'name': 'car'}, {'id': 2, 'name': 'tree'}]
    with pytest.raises(ImageDatasetError, match="calls category 1 'car', which is class 0"):
        ObjectDetectionImageDataset(*coco(categories=from_1)).check_classes(names)
    below = {'image_id': 7, 'category_id': -1, 'bbox': [0, 0, 4, 4]}
    with pytest.raises(ImageDatasetError, match='category id -1'):
        ObjectDetectionImageDataset(*coco(annotations=[below])).check_classes(names)


def test_crowds_are_no_objects_and_boxes_are_finite(coco):
    one = {'image_id': 7, 'category_id': 0, 'bbox': [0, 0, 4, 4]}
    ds = CocoDataset(*coco(annotations=[one, one | {'iscrowd': 1}]))
    assert len(ds[0][1][0]) == 1
    with pytest.raises(ImageDatasetError, match='a bbox of a'):
        CocoDataset(*coco(annotations=[one | {'bbox': [float('nan'), 0, 4, 4]}]))
