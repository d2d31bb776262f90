import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.prediction import WindowBoxes, WindowPlan
from rastervision.core.prediction.merging import merge_windows

EXTENT = Box(0, 0, 200, 200)


def result(window, boxes, class_ids=None, scores=None, valid=True):
    """What was found in a window, with boxes in the extent frame."""
    boxes = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    n = len(boxes)
    return WindowBoxes(
        window,
        boxes - np.array([window.ymin, window.xmin] * 2, dtype=np.float32),
        np.zeros(n, dtype=np.int64) if class_ids is None else np.array(class_ids),
        np.full(n, 0.9, dtype=np.float32) if scores is None else np.array(scores, np.float32),
        valid,
    )


def merged(*results, score=0.5, merge=0.5, extent=EXTENT, **kwargs):
    labels = merge_windows(results, extent, score, merge, **kwargs)
    return labels.get_npboxes().tolist()


def what_a_model_sees(window, objects, class_ids, rng, least_pixels=None):
    """The visible parts of objects, cut by the window; the less is visible, the surer it is."""
    low, high = np.array(window.tuple_format()[:2]), np.array(window.tuple_format()[2:])
    visible = np.clip(objects, [*low, *low], [*high, *high])
    share = np.prod(visible[:, 2:] - visible[:, :2], axis=1) / np.prod(
        objects[:, 2:] - objects[:, :2], axis=1
    )
    seen = share > 0.1
    if least_pixels is not None:
        seen = (visible[:, 2:] - visible[:, :2]).min(axis=1) >= least_pixels
    scores = 0.99 - 0.3 * share[seen] + rng.uniform(0, 0.01, seen.sum())
    return result(window, visible[seen], class_ids[seen], scores)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    chip_sz=st.integers(40, 70),
    shape=st.tuples(st.integers(60, 160), st.integers(60, 160)),
)
def test_objects_on_a_grid_are_recovered_exactly(seed, chip_sz, shape):
    """Windows cut many objects, and like the pieces better; each is seen whole by one of them."""
    rng = np.random.default_rng(seed)
    extent = Box(0, 0, *shape)
    stride = chip_sz // 2
    size = stride - 6  # what surely fits between the borders of some window, with a margin
    ys, xs = np.meshgrid(np.arange(2, shape[0] - size, size + 3), np.arange(1, shape[1] - size, 40))
    starts = np.stack([ys.ravel(), xs.ravel()], axis=1)
    objects = np.hstack([starts, starts + size]).astype(float)
    class_ids = rng.integers(0, 3, len(objects))
    results = [
        what_a_model_sees(window, objects, class_ids, rng)
        for window in WindowPlan(extent, chip_sz, stride, 4).windows
    ]
    labels = merge_windows(results, extent, 0.5, 0.5)
    found = sorted(zip(labels.get_npboxes().tolist(), labels.get_class_ids().tolist(), strict=True))
    assert found == sorted(zip(objects.tolist(), class_ids.tolist(), strict=True))


def test_boxes_of_windows_come_to_the_extent_frame():
    windows = Box(0, 0, 100, 100), Box(100, 50, 200, 150)
    boxes = merged(
        result(windows[0], [[10, 10, 20, 20]], scores=[0.6]),
        result(windows[1], [[140.5, 70, 160, 90]], scores=[0.7]),
    )
    assert boxes == [[140.5, 70, 160, 90], [10, 10, 20, 20]]


def test_low_scores_and_windows_without_data_do_not_count():
    window = Box(0, 0, 100, 100)
    low = result(window, [[0, 0, 5, 5], [20, 20, 30, 30]], scores=[0.5, 0.51])
    assert merged(low) == [[20, 20, 30, 30]]
    assert merged(result(window, [[0, 0, 5, 5]], valid=False)) == []
    assert merged() == []


def test_boxes_are_cut_to_the_scene():
    window = Box(150, 150, 250, 250)
    boxes = merged(result(window, [[190, 190, 220, 195], [210, 160, 220, 170]]))
    assert boxes == [[190, 190, 200, 195]]


def test_a_cut_box_loses_to_the_whole_one_whatever_the_scores():
    left, right = Box(0, 0, 100, 100), Box(0, 50, 100, 150)
    cut = result(left, [[10, 90, 20, 100]], scores=[0.99])
    whole = result(right, [[10, 90, 20, 130]], scores=[0.6])
    assert merged(cut, whole) == [[10, 90, 20, 130]]
    assert merged(whole, cut) == [[10, 90, 20, 130]]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    chip_sz=st.integers(30, 60),
    stride_share=st.sampled_from([0.25, 0.5, 0.75]),
    shape=st.tuples(st.integers(90, 200), st.integers(90, 200)),
)
def test_objects_larger_than_the_windows_are_recovered_exactly(seed, chip_sz, stride_share, shape):
    rng = np.random.default_rng(seed)
    middle = [rng.integers(40, side - 40) for side in shape]
    corners = [(y, x) for y in (0, middle[0]) for x in (0, middle[1])]
    starts = np.array(corners) + rng.integers(2, 15, (4, 2))
    ends = np.where(np.array(corners) > 0, shape, middle) - rng.integers(2, 15, (4, 2))
    objects = np.hstack([starts, ends]).astype(float)
    class_ids = rng.integers(0, 3, 4)
    plan = WindowPlan(Box(0, 0, *shape), chip_sz, int(chip_sz * stride_share), 4)
    results = [what_a_model_sees(w, objects, class_ids, rng, least_pixels=4) for w in plan.windows]
    for across_classes in (True, False):
        labels = merge_windows(results, Box(0, 0, *shape), 0.5, 0.5, across_classes)
        boxes, ids = labels.get_npboxes().tolist(), labels.get_class_ids().tolist()
        found = sorted(zip(boxes, ids, strict=True))
        assert found == sorted(zip(objects.tolist(), class_ids.tolist(), strict=True))


def test_pieces_of_an_object_that_nobody_sees_whole_become_one():
    windows = [Box(0, x, 100, x + 100) for x in (0, 50, 100)]
    parts = [[10, 90, 20, 100], [10, 90, 21, 150], [9, 100, 20, 170]]
    results = [
        result(w, [p], class_ids=[i], scores=[0.7 + i / 10])
        for i, (w, p) in enumerate(zip(windows, parts, strict=True))
    ]
    labels = merge_windows(results, EXTENT, 0.5, 0.5)
    assert labels.get_npboxes().tolist() == [[9, 90, 21, 170]]
    assert labels.get_class_ids().tolist() == [2]
    assert labels.get_scores().tolist() == pytest.approx([0.9])
    assert len(merge_windows(results, EXTENT, 0.5, 0.5, across_classes=False)) == 3
    assert merged(*results[:2]) == [parts[1]]  # begins in the second window: it shows more
    assert merged(results[0], results[2]) == [parts[2], parts[0]]  # nothing found in between


def test_pieces_that_windows_do_not_agree_about_stay_apart():
    left, right, apart = (Box(0, x, 100, x + 100) for x in (0, 50, 100))
    piece = result(left, [[10, 20, 40, 100]])
    for other in (
        result(right, [[30, 50, 60, 150]]),  # elsewhere in the overlap of the windows
        result(right, [[10, 60, 40, 150]]),  # begins in the overlap
        result(apart, [[10, 100, 40, 180]]),  # the windows have no overlap
        result(Box(50, 50, 150, 150), [[50, 50, 70, 150]]),  # neither beside nor below
    ):
        assert len(merged(piece, other, merge=0.6)) == 2


def test_a_cut_box_stays_where_nobody_sees_more():
    left, right = Box(0, 0, 100, 100), Box(0, 50, 100, 150)
    cut = result(left, [[10, 90, 20, 100]])
    elsewhere = result(right, [[50, 90, 60, 130]])
    assert merged(cut, elsewhere) == [[10, 90, 20, 100], [50, 90, 60, 130]]


def test_the_border_of_the_scene_cuts_nothing():
    first, second = Box(0, 0, 100, 100), Box(0, 100, 100, 200)
    at_border = result(first, [[0, 0, 10, 10]], scores=[0.6])
    around = result(second, [[0, 0, 12, 30]], scores=[0.9])
    assert len(merged(at_border, around)) == 2


def test_boxes_of_one_window_do_not_cut_each_other():
    window = Box(0, 0, 100, 100)
    both = result(window, [[10, 90, 20, 100], [10, 60, 20, 97]], scores=[0.9, 0.8])
    assert len(merged(both, merge=0.3)) == 2


@pytest.mark.parametrize('merge', [0.5, 1.0])
def test_the_threshold_says_how_much_must_overlap(merge):
    left, right = Box(0, 0, 100, 100), Box(0, 50, 100, 150)
    cut = result(left, [[10, 80, 20, 100]], scores=[0.7])
    whole = result(right, [[10, 85, 20, 105]], scores=[0.6])
    assert len(merged(cut, whole, merge=merge)) == (1 if merge == 0.5 else 2)


def test_classes_can_be_kept_apart():
    window = Box(0, 0, 100, 100)
    both = result(window, [[10, 10, 20, 20]] * 2, class_ids=[0, 1], scores=[0.7, 0.8])
    assert len(merged(both)) == 1
    assert len(merged(both, across_classes=False)) == 2
    cut = result(Box(0, 0, 100, 100), [[10, 90, 20, 100]], class_ids=[1])
    whole = result(Box(0, 50, 100, 150), [[10, 90, 20, 130]], class_ids=[0])
    assert len(merged(cut, whole)) == 1
    assert len(merged(cut, whole, across_classes=False)) == 2


def test_a_cut_box_within_a_large_one_of_another_class_stays():
    left, right = Box(0, 0, 100, 100), Box(0, 50, 100, 150)
    car = result(left, [[40, 85, 52, 100]], class_ids=[1], scores=[0.99])
    field = result(right, [[2, 53, 98, 147]], class_ids=[0], scores=[0.51])
    assert len(merged(car, field)) == 2
    bite = result(left, [[2, 55, 98, 100]], class_ids=[1], scores=[0.99])
    assert merged(bite, field) == [[2, 53, 98, 147]]


def test_the_order_of_windows_does_not_matter():
    rng = np.random.default_rng(0)
    starts = rng.uniform(0, 180, (60, 2))
    objects = np.hstack([starts, starts + rng.uniform(5, 20, (60, 2))])
    ids = rng.integers(0, 2, 60)
    windows = WindowPlan(EXTENT, 50, 25, 4).windows
    results = [what_a_model_sees(window, objects, ids, rng) for window in windows]
    labels = merge_windows(results, EXTENT, 0.5, 0.5)
    again = merge_windows(results[::-1], EXTENT, 0.5, 0.5)
    assert 30 < len(labels) < 90
    labels.assert_equal(again)
