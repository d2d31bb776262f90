import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import box_iou

from rastervision.pipeline.errors import DataError
from rastervision.pytorch_learner.boxlist import BoxList, collate_fn

BOXES = torch.tensor([[1.0, 0, 4, 2], [1, 1, 3, 3], [1, 0, 4.1, 2]])


@pytest.fixture
def boxes():
    return BoxList(BOXES, class_ids=torch.tensor([0, 1, 0]), scores=torch.tensor([0.9, 0.2, 0.5]))


@pytest.mark.parametrize(
    ('box_format', 'box'),
    [
        ('xyxy', [1.0, 2, 5, 8]),
        ('yxyx', [2.0, 1, 8, 5]),
        ('xywh', [1.0, 2, 4, 6]),
        ('cxcywh', [3.0, 5, 4, 6]),
    ],
)
def test_formats_are_the_same_box(box_format, box):
    made = BoxList(torch.tensor([box]), format=box_format)
    assert made.boxes.tolist() == [[1, 2, 5, 8]]
    assert made.convert_boxes(box_format).tolist() == [box]


def test_no_boxes_have_any_shape():
    empty = BoxList(torch.zeros(0), class_ids=torch.zeros(0, dtype=torch.long))
    assert empty.boxes.shape == (0, 4)
    assert empty.convert_boxes('yxyx').shape == (0, 4)
    assert len(empty) == 0


def test_fields(boxes):
    assert 'scores' in boxes
    assert 'boxes' in boxes
    assert 'area' not in boxes
    assert boxes.get_field('boxes') is boxes.boxes
    assert boxes.get_field('area') is None


def test_filters_take_boxes_with_their_extras(boxes):
    best = boxes.score_filter(0.5)
    assert best.boxes.tolist() == [[1, 0, 4, 2]]
    assert best.get_field('class_ids').tolist() == [0]
    assert boxes.ind_filter([2, 0]).get_field('scores').tolist() == pytest.approx([0.5, 0.9])
    assert len(boxes.ind_filter([])) == 0
    assert len(boxes.ind_filter(torch.tensor([True, False, True]))) == 2


def test_scores_have_to_be_there_for_a_filter():
    with pytest.raises(ValueError, match='no scores'):
        BoxList(BOXES).score_filter()


@given(st.integers(0, 1000), st.floats(0.1, 0.9))
def test_of_boxes_of_a_class_that_overlap_the_best_stays(seed, thresh):
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(20, 2, generator=generator) * 10
    boxes = torch.cat([corners, corners + 1 + torch.rand(20, 2, generator=generator) * 5], 1)
    class_ids = torch.randint(2, (20,), generator=generator)
    scores = torch.rand(20, generator=generator)
    kept = BoxList(boxes, class_ids=class_ids, scores=scores).nms(thresh)
    ids, values = kept.get_field('class_ids'), kept.get_field('scores')
    same = ids[:, None] == ids[None]
    overlaps = box_iou(kept.boxes, kept.boxes) * same
    assert (overlaps.fill_diagonal_(0) <= thresh + 1e-6).all()
    for box, class_id, score in zip(boxes, class_ids, scores, strict=True):
        rivals = (ids == class_id) & (values >= score)
        assert (box_iou(box[None], kept.boxes[rivals])[0] > thresh).any() or score in values


def test_boxes_are_cut_and_scaled(boxes):
    assert boxes.clip_boxes(img_height=2, img_width=3).boxes[1].tolist() == [1, 1, 3, 2]
    assert boxes.scale(yscale=2, xscale=3).boxes[0].tolist() == [3, 0, 12, 4]


def test_order_does_not_matter_for_equality(boxes):
    assert boxes.equal(boxes.ind_filter([2, 1, 0]))
    assert boxes.equal(boxes.copy())
    assert not boxes.equal(boxes.ind_filter([0, 1]))
    assert not boxes.equal(BoxList(BOXES))
    changed = boxes.copy()
    changed.extras['scores'][0] = 0.8
    assert not boxes.equal(changed)
    assert boxes.get_field('scores')[0] == pytest.approx(0.9)


def test_a_type_of_numbers_is_for_boxes_only(boxes):
    moved = boxes.to(torch.float64)
    assert moved.boxes.dtype == torch.float64
    assert moved.get_field('class_ids').dtype == torch.int64
    assert boxes.to('cpu', non_blocking=True).equal(boxes)


def test_lists_are_joined(boxes):
    both = BoxList.cat([boxes, boxes.ind_filter([0])])
    assert len(both) == 4
    assert both.get_field('class_ids').tolist() == [0, 1, 0, 0]


def test_a_batch_is_a_tensor_and_a_list(boxes):
    x, y = collate_fn(
        [(torch.zeros(3, 4, 5), boxes), (torch.ones(3, 4, 5), torch.tensor(torch.nan))]
    )
    assert x.shape == (2, 3, 4, 5)
    assert y[0] is boxes


def test_joining_nothing_gives_no_boxes():
    assert BoxList.cat([]).boxes.shape == (0, 4)


def test_what_boxes_share_counts_for_equality():
    boxes = torch.tensor([[0.0, 0, 1, 1]])
    assert BoxList(boxes, source='a').equal(BoxList(boxes, source='a'))
    assert not BoxList(boxes, source='a').equal(BoxList(boxes, source='b'))


def test_images_of_a_batch_have_one_shape():
    boxes = BoxList(torch.zeros(0, 4))
    with pytest.raises(DataError, match=r'\(3, 4, 4\), \(3, 6, 4\)'):
        collate_fn([(torch.zeros(3, 4, 4), boxes), (torch.zeros(3, 6, 4), boxes)])
