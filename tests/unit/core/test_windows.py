"""The tiling rule: coverage, limits and counts."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rastervision.core.windows import axis_starts, num_windows, required_padding

lengths = st.integers(1, 500)
sizes = st.integers(1, 120)
directions = st.sampled_from(['both', 'start', 'end'])


@given(lengths, sizes, sizes, directions)
def test_every_pixel_is_covered_when_padding_is_as_needed(length, size, stride, direction):
    assume(stride <= size)
    starts = axis_starts(length, size, stride, None, direction)
    seen = {p for start in starts for p in range(start, start + size)}
    assert set(range(length)) <= seen


@given(lengths, sizes, sizes, st.integers(0, 100), directions)
def test_windows_lie_in_the_padded_axis_and_are_all_that_do(
    length, size, stride, padding, direction
):
    starts = axis_starts(length, size, stride, padding, direction)
    first = 0 if direction == 'end' else -padding
    last = length if direction == 'start' else length + padding
    assert list(starts) == [s for s in range(first, last, stride) if s + size <= last]
    assert len(starts) == num_windows(last - first, size, stride)


@given(lengths, st.integers(1, 120), st.integers(1, 120), st.integers(0, 40))
def test_what_cropping_leaves_of_the_windows_covers_every_pixel(length, size, stride, crop):
    assume(stride <= size - 2 * crop)
    padding = required_padding(length, size, stride, 'both', crop)
    starts = axis_starts(length, size, stride, padding, 'both')
    seen = {p for s in starts for p in range(s + crop, s + size - crop)}
    assert set(range(length)) <= seen


@given(lengths, sizes, sizes, directions)
def test_required_padding_is_less_than_one_step(length, size, stride, direction):
    padding = required_padding(length, size, stride, direction)
    assert padding < stride or padding < size


@pytest.mark.parametrize(('length', 'padding'), [(406, 32), (438, 41), (439, 41)])
def test_padding_for_cropping_is_that_of_release_0_31(length, padding):
    # derived from the scores in reference/fixtures/semantic_segmentation/predict
    assert required_padding(length, 100, 50, 'both', crop_sz=10) == padding


def test_axis_shorter_than_a_window_has_none_without_padding():
    assert len(axis_starts(99, 100, 50, 0)) == 0
    assert list(axis_starts(99, 100, 50)) == [0]


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        ((10, 0, 1), 'size=0'),
        ((10, 1, -2), 'stride=-2'),
        ((10, 1, 1, -1), 'padding'),
        ((10, 1, 1, 0, 'left'), "'left'"),
    ],
)
def test_senseless_arguments_are_refused(args, message):
    with pytest.raises(ValueError, match=message):
        axis_starts(*args)


@pytest.mark.parametrize(
    ('stride', 'direction', 'crop', 'message'),
    [(50, 'end', 10, "'both'"), (90, 'both', 10, 'gaps'), (1, 'both', 50, 'keeps 0 of 100')],
)
def test_crop_that_leaves_gaps_is_refused(stride, direction, crop, message):
    with pytest.raises(ValueError, match=message):
        required_padding(1000, 100, stride, direction, crop)
