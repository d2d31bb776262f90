import numpy as np
import pytest
import shapely
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import batched_nms, box_iou

from rastervision.core.box import Box
from rastervision.core.data.label import boxes as box_ops


def random_boxes(rng: np.random.Generator, n: int, span: float = 100, size: float = 30):
    starts = rng.uniform(0, span, (n, 2))
    return np.hstack([starts, starts + rng.uniform(0, size, (n, 2))])


def brute_force_nms(boxes, scores, thresh, class_ids):
    kept = []
    for i in sorted(range(len(boxes)), key=lambda i: (-scores[i], i)):
        rivals = [j for j in kept if class_ids[j] == class_ids[i]]
        overlaps = box_ops.iou(boxes[rivals], boxes[[i] * len(rivals)])
        if not (overlaps > thresh).any():
            kept.append(i)
    return kept


def test_overlaps_are_those_of_shapely():
    rng = np.random.default_rng(0)
    a, b = random_boxes(rng, 200), random_boxes(rng, 200)
    shapes_a, shapes_b = box_ops.to_shapely(a), box_ops.to_shapely(b)
    shared = shapely.area(shapely.intersection(shapes_a, shapes_b))
    assert (shared > 0).sum() > 10
    np.testing.assert_allclose(box_ops.box_areas(a), shapely.area(shapes_a))
    np.testing.assert_allclose(box_ops.intersection_areas(a, b), shared, atol=1e-9)
    union = shapely.area(shapely.union(shapes_a, shapes_b))
    np.testing.assert_allclose(box_ops.iou(a, b), shared / union, atol=1e-12)
    np.testing.assert_allclose(box_ops.ioa(a, b), shared / shapely.area(shapes_a), atol=1e-12)


def test_boxes_without_area_overlap_with_nothing():
    line = np.array([[0.0, 0, 5, 0]])
    assert box_ops.iou(line, line).tolist() == [0]
    assert box_ops.ioa(line, np.array([[0, 0, 9, 9]])).tolist() == [0]
    upside_down = np.array([[5.0, 5, 0, 0]])
    assert box_ops.box_areas(upside_down).tolist() == [0]


def test_clipping_leaves_what_is_inside():
    boxes = np.array([[-5.0, 2, 5, 20], [1, 1, 2, 2], [30, 30, 40, 40]])
    clipped = box_ops.clip_boxes(boxes, Box(0, 0, 10, 10))
    assert clipped.tolist()[:2] == [[0, 2, 5, 10], [1, 1, 2, 2]]
    assert box_ops.box_areas(clipped)[2] == 0


@pytest.mark.parametrize('size', [3, 2**19])
def test_touching_pairs_are_all_pairs(monkeypatch, size):
    monkeypatch.setattr(box_ops, 'SLICE', min(size, 256))
    monkeypatch.setattr(box_ops, 'MAX_PAIRS', size)
    rng = np.random.default_rng(1)
    a, b = random_boxes(rng, 60), random_boxes(rng, 50)
    iou = box_iou(torch.tensor(a), torch.tensor(b)).numpy()
    parts = list(box_ops.touching_pairs(a, box_ops.box_tree(b)))
    assert max(len(i) for i, _ in parts) <= size + (iou > 0).sum(axis=1).max()
    of_parts = [set(i.tolist()) for i, _ in parts]
    assert sum(map(len, of_parts)) == len(set.union(*of_parts))  # no box is in two parts
    i, j = (np.concatenate(column) for column in zip(*parts, strict=True))
    assert (np.diff(i) >= 0).all()
    assert {(p, q) for p, q in np.argwhere(iou > 0).tolist()} == set(
        zip(i.tolist(), j.tolist(), strict=True)
    )
    nothing = np.zeros((0, 4))
    for one, other in ((nothing, b), (a, nothing), (nothing, nothing)):
        pairs = box_ops.touching_pairs(one, box_ops.box_tree(other))
        assert not any(len(i) for i, _ in pairs)


def test_a_crowd_is_compared_a_few_pairs_at_a_time(monkeypatch):
    """Boxes in one place that all stay: every two of them are compared, but never all at once."""
    rng = np.random.default_rng(4)
    boxes = np.array([0, 0, 50, 50]) + rng.uniform(0, 9, (900, 4))
    order = np.argsort(-(scores := rng.random(900)))
    monkeypatch.setattr(box_ops, 'CHUNK', 100)
    monkeypatch.setattr(box_ops, 'MAX_PAIRS', 5000)
    sizes = []
    iou = box_ops.iou
    monkeypatch.setattr(box_ops, 'iou', lambda a, b: sizes.append(len(a)) or iou(a, b))
    kept = box_ops.non_max_suppression(boxes, scores, 0.9999)
    assert np.array_equal(kept, order)
    assert max(sizes) <= 5000 + 900
    assert sum(sizes) >= 900 * 899 / 2
    sizes.clear()
    assert np.array_equal(box_ops.non_max_suppression(boxes, scores, 1.0), order)
    assert not sizes  # no two boxes overlap by more than all


@pytest.mark.parametrize('chunk', [7, 2048])
@pytest.mark.parametrize('thresh', [0.0, 0.3, 0.7, 1.0])
def test_suppression_is_greedy(monkeypatch, chunk, thresh):
    monkeypatch.setattr(box_ops, 'CHUNK', chunk)
    rng = np.random.default_rng(2)
    boxes, scores = random_boxes(rng, 150), rng.integers(0, 40, 150) / 40
    class_ids = rng.integers(0, 3, 150)
    kept = box_ops.non_max_suppression(boxes, scores, thresh, class_ids)
    assert kept.tolist() == brute_force_nms(boxes, scores, thresh, class_ids)
    if thresh < 1:
        assert len(kept) < 150


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 60), thresh=st.floats(0.05, 0.95))
def test_suppression_is_that_of_torchvision(seed, n, thresh):
    rng = np.random.default_rng(seed)
    boxes, scores = random_boxes(rng, n, span=40), rng.permutation(n) / 64
    class_ids = rng.integers(0, 2, n)
    xyxy = torch.tensor(boxes[:, [1, 0, 3, 2]])
    expected = batched_nms(xyxy, torch.tensor(scores), torch.tensor(class_ids), thresh)
    kept = box_ops.non_max_suppression(boxes, scores, thresh, class_ids)
    assert kept.tolist() == expected.tolist()


def test_suppression_of_many_boxes_in_one_place_compares_few(monkeypatch):
    monkeypatch.setattr(box_ops, 'CHUNK', 50)
    compared = 0
    plain = box_ops.iou

    def counting(a, b):
        nonlocal compared
        compared += len(a)
        return plain(a, b)

    monkeypatch.setattr(box_ops, 'iou', counting)
    boxes = np.tile([[0.0, 0, 10, 10]], (2000, 1))
    kept = box_ops.non_max_suppression(boxes, np.ones(2000), 0.5)
    assert kept.tolist() == [0]
    assert compared < 50 * 50 + 2 * 2000


def test_suppression_without_classes_takes_all_for_one():
    boxes = np.array([[0.0, 0, 10, 10], [0, 1, 10, 11]])
    scores = np.array([0.5, 0.6])
    assert box_ops.non_max_suppression(boxes, scores, 0.5).tolist() == [1]
    assert box_ops.non_max_suppression(boxes, scores, 0.5, np.array([0, 1])).tolist() == [1, 0]
