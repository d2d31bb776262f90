import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data.label import (
    SemanticSegmentationDiscreteLabels,
    SemanticSegmentationLabels,
    SemanticSegmentationSmoothLabels,
)
from rastervision.core.data.label.utils import discard_prediction_edges
from rastervision.pipeline.errors import ConfigError

EXTENT = Box(0, 0, 12, 15)
WHOLE = EXTENT


@st.composite
def windows(draw):
    y, x = draw(st.integers(-4, 10)), draw(st.integers(-4, 13))
    return Box(y, x, y + draw(st.integers(1, 8)), x + draw(st.integers(1, 8)))


def padded_sum(boxes, arrays, channels):
    """Oracle: arrays summed up on a canvas with room around the extent."""
    canvas = np.zeros((channels, 40, 40))
    for box, array in zip(boxes, arrays, strict=True):
        canvas[:, *box.translate(10, 10).to_slices()] += array
    return canvas[:, 10:22, 10:25]


@given(st.lists(windows(), max_size=6), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_discrete_labels_are_a_vote(boxes, seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.integers(-1, 3, box.size) for box in boxes]
    labels = SemanticSegmentationLabels.from_predictions(boxes, arrays, EXTENT, 3)
    assert isinstance(labels, SemanticSegmentationDiscreteLabels)
    one_hot = [np.stack([a == i for i in range(3)]) for a in arrays]
    votes = padded_sum(boxes, one_hot, 3)
    expected = np.where(votes.any(0), votes.argmax(0), -1)
    np.testing.assert_array_equal(labels.get_label_arr(WHOLE), expected)
    np.testing.assert_array_equal(
        labels.get_label_arr(WHOLE, 2), np.where(expected < 0, 2, expected)
    )
    shares = votes / np.maximum(votes.sum(0), 1)
    np.testing.assert_allclose(labels.get_score_arr(WHOLE), shares, rtol=1e-6)
    np.testing.assert_array_equal(labels.get_class_mask(WHOLE, 1), expected == 1)
    np.testing.assert_array_equal(labels.get_class_mask(WHOLE, 1, 0.5), shares[1] >= 0.5)


@given(st.lists(windows(), max_size=6), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_smooth_labels_are_a_mean(boxes, seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.random((3, *box.size)) for box in boxes]
    labels = SemanticSegmentationLabels.from_predictions(boxes, arrays, EXTENT, 3, smooth=True)
    assert isinstance(labels, SemanticSegmentationSmoothLabels)
    hits = padded_sum(boxes, [np.ones(box.size) for box in boxes], 1)
    mean = padded_sum(boxes, arrays, 3) / np.maximum(hits, 1)
    np.testing.assert_allclose(labels.get_score_arr(WHOLE), mean, rtol=1e-5)
    expected = np.where(hits[0] > 0, mean.argmax(0), -1)
    np.testing.assert_array_equal(labels.get_label_arr(WHOLE), expected)
    np.testing.assert_array_equal(labels.get_class_mask(WHOLE, 0), labels[WHOLE][0] >= 1 / 3)


@pytest.mark.parametrize('smooth', [False, True])
def test_labels_of_two_parts_add_up_to_those_of_all(smooth):
    rng = np.random.default_rng(0)
    boxes = EXTENT.get_windows(5, 3)
    arrays = [rng.random((2, 5, 5)) if smooth else rng.integers(0, 2, (5, 5)) for _ in boxes]

    def make(part):
        return SemanticSegmentationLabels.from_predictions(
            boxes[part], arrays[part], EXTENT, 2, smooth=smooth
        )

    added = make(slice(0, 9)) + make(slice(9, None))
    whole = make(slice(None))
    assert type(added) is type(whole)
    np.testing.assert_allclose(added.get_score_arr(WHOLE), whole.get_score_arr(WHOLE), rtol=1e-6)


def test_labels_of_other_extents_cannot_be_added():
    small = SemanticSegmentationLabels.make_empty(Box(0, 0, 3, 3), 2)
    with pytest.raises(ValueError, match='cannot be added'):
        small + SemanticSegmentationLabels.make_empty(EXTENT, 2)


@pytest.mark.parametrize(
    'kind',
    [
        SemanticSegmentationDiscreteLabels,
        SemanticSegmentationSmoothLabels,
    ],
)
def test_a_kind_makes_its_own_kind(kind):
    assert type(kind.make_empty(EXTENT, 2)) is kind
    assert type(kind.from_predictions([], [], EXTENT, 2)) is kind


@pytest.mark.parametrize('smooth', [False, True])
def test_setting_replaces_and_deleting_takes_away(smooth):
    labels = SemanticSegmentationLabels.make_empty(EXTENT, 3, smooth=smooth)
    one_hot = np.eye(3)[:, :, None, None]

    def values(class_id, size):
        return np.broadcast_to(one_hot[class_id], (3, *size)) if smooth else np.full(size, class_id)

    labels.add_window(WHOLE, values(0, WHOLE.size))
    labels.add_window(WHOLE, values(0, WHOLE.size))
    part = Box(2, 3, 20, 20)
    labels[part] = values(2, part.size)
    expected = np.zeros(EXTENT.size, int)
    expected[2:, 3:] = 2
    np.testing.assert_array_equal(labels.get_label_arr(WHOLE), expected)
    del labels[Box(0, 0, 4, 4)]
    expected[:4, :4] = -1
    np.testing.assert_array_equal(labels.get_label_arr(WHOLE), expected)
    assert (labels.get_score_arr(Box(0, 0, 4, 4)) == 0).all()


@pytest.mark.parametrize('smooth', [False, True])
def test_pixels_outside_of_the_aoi_go_to_the_null_class(smooth):
    labels = SemanticSegmentationLabels.make_empty(EXTENT, 3, smooth=smooth)
    values = np.eye(3)[:, :, None, None][1] if smooth else np.array([[1]])
    labels[WHOLE] = np.broadcast_to(values, (3, *WHOLE.size) if smooth else WHOLE.size)
    aoi = [shapely.box(2, 1, 5, 30), shapely.box(8, 3, 9, 4)]
    assert labels.filter_by_aoi(aoi, null_class_id=2) is labels
    expected = np.full(EXTENT.size, 2)
    expected[1:, 2:5] = 1
    expected[3, 8] = 1
    np.testing.assert_array_equal(labels.get_label_arr(WHOLE), expected)
    np.testing.assert_array_equal(labels.get_score_arr(WHOLE).sum(0), np.ones(EXTENT.size))
    labels.filter_by_aoi([], null_class_id=0)
    np.testing.assert_array_equal(labels.get_label_arr(WHOLE), expected)


def test_windows_cover_the_extent_and_stay_in_it():
    labels = SemanticSegmentationLabels.make_empty(Box(0, 0, 2100, 900), 2)
    boxes = labels.get_windows()
    assert sum(b.area for b in boxes) == 2100 * 900
    assert max(b.ymax for b in boxes) == 2100
    assert labels.get_windows(size=900, stride=900)[-1] == Box(1800, 0, 2100, 900)


def test_what_lies_outside_has_no_label():
    labels = SemanticSegmentationLabels.make_empty(EXTENT, 2)
    labels[WHOLE] = np.ones(WHOLE.size, int)
    got = labels.get_label_arr(Box(-1, 14, 1, 16))
    assert got.tolist() == [[-1, -1], [1, -1]]
    assert labels.get_label_arr(Box(-1, 14, 1, 16), null_class_id=0).dtype == np.uint8


def test_values_must_fit_their_window():
    labels = SemanticSegmentationLabels.make_empty(EXTENT, 2)
    with pytest.raises(ValueError, match='do not fit'):
        labels.add_window(Box(0, 0, 2, 2), np.zeros((3, 2), int))
    with pytest.raises(ValueError, match=r'must start at \(0, 0\)'):
        SemanticSegmentationLabels.make_empty(Box(1, 0, 2, 2), 2)


def test_crop_sz_cuts_all_edges():
    boxes, arrays = [Box(0, 0, 6, 6), Box(0, 4, 6, 10)], [np.zeros((6, 6)), np.ones((6, 6))]
    labels = SemanticSegmentationLabels.from_predictions(boxes, arrays, EXTENT, 2, crop_sz=1)
    expected = np.full(EXTENT.size, -1)
    expected[1:5, 1:5] = 0
    expected[1:5, 5:9] = 1
    np.testing.assert_array_equal(labels.get_label_arr(WHOLE), expected)


def test_discard_prediction_edges():
    scores = np.arange(2 * 5 * 6).reshape(2, 5, 6)
    boxes, arrays = discard_prediction_edges([Box(10, 20, 15, 26)], [scores], 2)
    assert boxes == [Box(12, 22, 13, 24)]
    np.testing.assert_array_equal(next(arrays), scores[:, 2:3, 2:4])
    boxes, arrays = discard_prediction_edges([Box(0, 0, 5, 6)], [scores], 0)
    assert next(arrays) is scores
    with pytest.raises(ConfigError, match='crop_sz=3 leaves nothing of a window of 5 x 6'):
        discard_prediction_edges([Box(0, 0, 5, 6)], [scores], 3)
