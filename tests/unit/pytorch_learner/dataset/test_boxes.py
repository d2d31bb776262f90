"""Boxes change with their image, whoever transforms it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.pytorch_learner.alb import alb
from rastervision.pytorch_learner.dataset.boxes import (
    albu_to_yxyx,
    keep_inside,
    to_yxyx,
    xywh_to_albu,
    yxyx_to_albu,
)
from rastervision.pytorch_learner.dataset.quick_transform import QuickTransform, Resize, Turn
from rastervision.pytorch_learner.dataset.transform import object_detection_transformer
from rastervision.pytorch_learner.dataset.utils import DatasetError

BOX = [2.0, 3, 6, 10]
SIZE = (12, 20)


def picture(box, size=SIZE):
    """An image that is 255 in a box and 0 elsewhere."""
    image = np.zeros((*size, 3), np.uint8)
    ymin, xmin, ymax, xmax = map(round, box)
    image[ymin:ymax, xmin:xmax] = 255
    return image


def bright_box(image):
    """The box of the bright pixels of an image."""
    rows, columns = np.nonzero(image[..., 0] > 127)
    return [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]


STEPS = ['HorizontalFlip', 'VerticalFlip', 'Transpose', 'RandomRotate90']


@given(st.lists(st.sampled_from(STEPS), max_size=5))
def test_boxes_move_with_the_pixels(names):
    transform = QuickTransform([Turn(name, 1.0) for name in names])
    image, label = object_detection_transformer(
        (picture(BOX), (np.array([BOX]), np.array([4]), 'yxyx')), transform
    )
    boxes, class_ids, box_format = label
    assert boxes.tolist() == [bright_box(image)]
    assert class_ids.tolist() == [4]
    assert box_format == 'yxyx'


@pytest.mark.parametrize('name', STEPS[:3])
def test_both_kinds_of_transforms_agree(name):
    sample = picture(BOX), (np.array([BOX, [0.5, 0.25, 12, 20]]), np.array([4, 5]), 'yxyx')
    steps = [getattr(alb, name)(p=1), alb.Resize(24, 60)]
    theirs = object_detection_transformer(sample, alb.Compose(steps))
    quick = QuickTransform([Turn(name, 1.0), Resize(24, 60)])
    ours = object_detection_transformer(sample, quick)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_allclose(ours[1][0], theirs[1][0], atol=1e-4)
    np.testing.assert_array_equal(ours[1][1], theirs[1][1])


@pytest.mark.parametrize('field', ['class_ids', 'category_id'])
def test_a_transform_may_be_made_for_boxes(field):
    params = alb.BboxParams(format='albumentations', label_fields=[field])
    transform = alb.Compose([alb.VerticalFlip(p=1)], bbox_params=params)
    sample = picture(BOX), (np.array([BOX]), np.array([4]), 'yxyx')
    image, (boxes, class_ids, _) = object_detection_transformer(sample, transform)
    np.testing.assert_allclose(boxes, [bright_box(image)], atol=1e-4)
    assert class_ids.tolist() == [4]


@pytest.mark.parametrize(
    'params', [{'format': 'coco', 'label_fields': ['a']}, {'format': 'albumentations'}]
)
def test_a_transform_for_other_boxes_is_refused(params):
    transform = alb.Compose([alb.VerticalFlip()], bbox_params=alb.BboxParams(**params))
    with pytest.raises(DatasetError, match='bbox_params'):
        object_detection_transformer(
            (picture(BOX), (np.array([BOX]), np.array([4]), 'yxyx')), transform
        )


@pytest.mark.parametrize('transform', [QuickTransform([]), alb.Crop(0, 0, 8, 12)])
def test_what_leaves_the_image_is_cut_or_dropped(transform):
    boxes = np.array([[2, 3, 6, 30], [11.5, 0, 20, 8], [2, 2, 2, 8], [-5, -5, 4, 4]])
    sample = picture(BOX), (boxes, np.array([0, 1, 2, 3]), 'yxyx')
    image, (found, class_ids, _) = object_detection_transformer(sample, transform)
    width = image.shape[1]
    np.testing.assert_allclose(found, [[2, 3, 6, width], [0, 0, 4, 4]], atol=1e-5)
    assert class_ids.tolist() == [0, 3]


@pytest.mark.parametrize(
    'transform', [QuickTransform([Turn('Transpose', 1)]), alb.VerticalFlip(p=1)]
)
def test_an_image_may_have_no_boxes(transform):
    empty = np.zeros((0, 4)), np.zeros(0, np.int64), 'yxyx'
    _, (boxes, class_ids, _) = object_detection_transformer((picture(BOX), empty), transform)
    assert boxes.shape == (0, 4)
    assert class_ids.shape == (0,)
    assert object_detection_transformer((picture(BOX), None), transform)[1] is None


@pytest.mark.parametrize(
    ('box_format', 'box'), [('yxyx', BOX), ('xyxy', [3, 2, 10, 6]), ('xywh', [3, 2, 7, 4])]
)
def test_formats_are_the_same_box(box_format, box):
    assert to_yxyx([box], box_format).tolist() == [BOX]


def test_an_unknown_format_is_refused():
    with pytest.raises(DatasetError, match='cxcywh'):
        to_yxyx([BOX], 'cxcywh')


def test_numbers_are_those_of_release_0_31():
    boxes = np.array([[0, 1, 2, 4.0], [-2, 3, 5, 9], [7, 7, 12, 12]])
    np.testing.assert_allclose(
        yxyx_to_albu(boxes, (10, 8)),
        [[0.125, 0, 0.5, 0.2], [0.375, 0, 1, 0.5], [0.875, 0.7, 1, 1]],
    )
    np.testing.assert_allclose(
        xywh_to_albu(boxes, (10, 8)),
        [[0, 0.1, 0.25, 0.5], [0, 0.3, 0.375, 1], [0.875, 0.7, 1, 1]],
    )
    np.testing.assert_allclose(
        albu_to_yxyx(np.array([[0, 0.1, 0.2, 0.4]]), (10, 8)), [[1, 0, 4, 1.6]]
    )


def test_half_a_pixel_is_no_target():
    boxes, class_ids, _ = keep_inside(
        np.array([[0, 0, 0.5, 9], [0, 0, 1, 9]]), np.array([1, 2]), (9, 9)
    )
    assert len(boxes) == 1
    assert class_ids.tolist() == [2]
