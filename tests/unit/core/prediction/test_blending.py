import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.prediction import Blender, ScoreTile, blend, weight_window
from rastervision.pipeline.errors import ConfigError


def tile(box, scores, valid=None):
    valid = np.ones(box.size, bool) if valid is None else valid
    return ScoreTile(box, scores.astype(np.float32), valid)


def blended(tiles, extent, num_classes, **kwargs):
    """Scores and validity of the whole extent, with the bands checked."""
    bands = list(blend(tiles, extent, num_classes, **kwargs))
    assert all(b.box.xmin == 0 and b.box.xmax == extent.width for b in bands)
    edges = [0, *(b.box.ymax for b in bands)]
    assert edges[:-1] == [b.box.ymin for b in bands]
    assert edges[-1] == extent.height
    scores = np.concatenate([b.scores for b in bands], axis=1)
    return scores, np.concatenate([b.valid for b in bands])


def naive(tiles, extent, num_classes, weight='mean', crop_sz=0):
    """The whole scene at once, in float64; cropped edges count where nothing else does."""
    h, w = extent.size
    shape = (h + 200, w + 200)  # room for windows that hang over
    total, seen = np.zeros((num_classes, *shape)), np.zeros(shape)
    for cropped in (True, False):
        extra, extra_seen = np.zeros_like(total), np.zeros(shape)
        for t in tiles:
            weights = weight_window(t.box.size, weight).astype(float)
            weights = weights * usable(t.box, extent, crop_sz, cropped)
            at = t.box.translate(100, 100).to_slices()
            extra[:, *at] += t.scores * weights
            extra_seen[at] += weights
        free = seen == 0
        total += extra * free
        seen += extra_seen * free
    inner = (slice(100, 100 + h), slice(100, 100 + w))
    with np.errstate(invalid='ignore'):
        return (total / seen)[:, *inner], seen[inner] > 0


def usable(box, extent, crop, cropped):
    """1 for the pixels of a window that may be used; all edges at the border unless cropped."""
    top, left = (0 if side <= 0 and not cropped else crop for side in (box.ymin, box.xmin))
    bottom = 0 if box.ymax >= extent.height and not cropped else crop
    right = 0 if box.xmax >= extent.width and not cropped else crop
    mask = np.zeros(box.size)
    mask[top : box.height - bottom, left : box.width - right] = 1
    return mask


def sliding(extent, size, stride, offset=0):
    """Windows that cover the extent; the first ones hang over by `offset`."""
    return [
        Box(y, x, y + size, x + size)
        for y in range(-offset, extent.height + offset, stride)
        for x in range(-offset, extent.width + offset, stride)
    ]


@st.composite
def layouts(draw):
    extent = Box(0, 0, draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    size = draw(st.integers(2, 20))
    crop = draw(st.integers(0, (size - 1) // 2))
    stride = draw(st.integers(1, max(1, size - 2 * crop)))
    offset = draw(st.integers(0, crop + 3))
    windows = [w for w in sliding(extent, size, stride, offset) if w.intersects(extent)]
    return extent, windows, crop


@given(layouts(), st.sampled_from(['mean', 'hann']), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_bands_equal_the_blend_of_the_whole_scene(layout, weight, seed):
    extent, windows, crop = layout
    rng = np.random.default_rng(seed)
    tiles = [tile(w, rng.random((2, *w.size)), rng.random(w.size) < 0.5) for w in windows]
    expected, covered = naive(tiles, extent, 2, weight, crop)
    if not covered.all():
        with pytest.raises(ConfigError, match='in no window'):
            blended(tiles, extent, 2, weight=weight, crop_sz=crop)
        return
    scores, _ = blended(tiles, extent, 2, weight=weight, crop_sz=crop)
    np.testing.assert_allclose(scores, expected, rtol=2e-5, atol=1e-6)


@given(layouts(), st.sampled_from(['mean', 'hann']), st.floats(0, 1, width=32))
@settings(deadline=None, max_examples=60)
def test_constant_scores_come_back(layout, weight, value):
    extent, windows, crop = layout
    tiles = [tile(w, np.stack([np.full(w.size, v) for v in (0, value, 1)])) for w in windows]
    try:
        scores, valid = blended(tiles, extent, 3, weight=weight, crop_sz=crop)
    except ConfigError:
        return
    assert (scores[0] == 0).all()
    np.testing.assert_allclose(scores[1], value, rtol=2e-5, atol=1e-37)
    assert (scores[2] == 1).all()
    assert valid.all()


@given(layouts(), st.sampled_from(['mean', 'hann']), st.integers(0, 2**32 - 1), st.data())
@settings(deadline=None, max_examples=100)
def test_a_region_is_the_same_part_of_the_whole_bit_for_bit(layout, weight, seed, data):
    extent, windows, crop = layout
    rng = np.random.default_rng(seed)
    tiles = [tile(w, rng.random((2, *w.size)), rng.random(w.size) < 0.5) for w in windows]
    try:
        scores, valid = blended(tiles, extent, 2, weight=weight, crop_sz=crop)
    except ConfigError:
        return
    ymin, ymax = sorted(data.draw(st.sets(st.integers(0, extent.height), min_size=2, max_size=2)))
    xmin, xmax = sorted(data.draw(st.sets(st.integers(0, extent.width), min_size=2, max_size=2)))
    region = Box(ymin, xmin, ymax, xmax)
    # only the windows that touch it are needed, and others do no harm
    needed = [t for t in tiles if t.box.intersects(region) or data.draw(st.booleans())]
    bands = list(blend(needed, extent, 2, weight, crop, region))
    edges = [ymin, *(band.box.ymax for band in bands)]
    assert [band.box for band in bands] == [
        Box(y0, xmin, y1, xmax) for y0, y1 in zip(edges, [*edges[1:], ymax], strict=False)
    ][: len(bands)]
    assert edges[-1] == ymax
    part = region.to_slices()
    assert np.array_equal(np.concatenate([b.scores for b in bands], axis=1), scores[:, *part])
    assert np.array_equal(np.concatenate([b.valid for b in bands]), valid[part])


def test_a_pixel_is_valid_when_any_window_says_so():
    extent = Box(0, 0, 4, 6)
    left, right = Box(0, 0, 4, 4), Box(0, 2, 4, 6)
    scores = np.zeros((1, 4, 4))
    says = np.zeros((4, 4), bool)
    says[:, 3] = True
    _, valid = blended([tile(left, scores, says), tile(right, scores, ~says)], extent, 1)
    assert valid.tolist() == [[False, False, True, True, True, False]] * 4


def test_cropped_edges_count_only_where_nothing_else_does():
    extent = Box(0, 0, 4, 6)
    # both windows touch the upper and lower border; each one's inner edge is cut
    tiles = [tile(Box(0, 0, 4, 4), np.zeros((1, 4, 4))), tile(Box(0, 2, 4, 6), np.ones((1, 4, 4)))]
    scores, _ = blended(tiles, extent, 1, crop_sz=1)
    assert scores[0].tolist() == [[0, 0, 0, 1, 1, 1]] * 4
    # a window that shows the border with its middle takes over from one that shows it by its edge
    boxes = Box(-2, -2, 3, 8), Box(-1, -2, 4, 8)
    tiles = [tile(box, np.full((1, 5, 10), i)) for i, box in enumerate(boxes)]
    scores, _ = blended(tiles, extent, 1, crop_sz=2)
    assert scores[0, :, 0].tolist() == [0, 1, 1, 1]


def test_rows_are_given_out_as_soon_as_they_are_finished():
    blender = Blender(Box(0, 0, 8, 4), 1)
    given_out = []
    for y in range(0, 8, 2):
        blender.add(tile(Box(y, 0, y + 4, 4), np.zeros((1, 4, 4))))
        given_out.append([(b.box.ymin, b.box.ymax) for b in blender.finished()])
    assert given_out == [[], [(0, 2)], [(2, 4)], [(4, 6)]]
    assert [(b.box.ymin, b.box.ymax) for b in blender.flush()] == [(6, 8)]


def test_the_windows_may_all_come_before_the_first_band_is_asked_for():
    extent = Box(0, 0, 23, 9)
    rng = np.random.default_rng(0)
    tiles = [tile(w, rng.random((2, *w.size))) for w in sliding(extent, 6, 4)]
    blender = Blender(extent, 2)
    for one in tiles:
        blender.add(one)
    (band,) = blender.flush()
    assert np.array_equal(band.scores, blended(tiles, extent, 2)[0])


def test_memory_does_not_grow_with_the_height_of_the_scene():
    def peak(height):
        extent = Box(0, 0, height, 512)
        scores, valid = np.ones((4, 64, 64), np.float32), np.ones((64, 64), bool)
        tiles = (ScoreTile(w, scores, valid) for w in sliding(extent, 64, 32))
        tracemalloc.start()
        try:
            for _ in blend(tiles, extent, 4, 'hann'):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(512)
    assert peak(2048) < 1.05 * peak(512)
    assert peak(2048) < 2.5 * 4 * (4 + 2) * 512 * (64 + 32)


def test_bands_stay_as_they_are_when_more_windows_come():
    tiles = [tile(Box(y, 0, y + 4, 4), np.full((1, 4, 4), y)) for y in range(0, 12, 2)]
    bands = list(blend(tiles, Box(0, 0, 12, 4), 1))
    assert [b.scores.flat[0] for b in bands] == [0, 1, 3, 5, 7, 9]


def test_a_gap_between_cropped_windows_is_an_error_that_names_the_place():
    windows = sliding(Box(0, 0, 20, 20), 10, 10)
    tiles = [tile(w, np.zeros((1, 10, 10))) for w in windows]
    with pytest.raises(ConfigError, match=r'row 0, column 8 is in no window \(crop_sz=2\)'):
        blended(tiles, Box(0, 0, 20, 20), 1, crop_sz=2)


def test_a_crop_of_the_whole_window_is_an_error():
    with pytest.raises(ConfigError, match='crop_sz=5 leaves nothing'):
        Blender(Box(0, 0, 20, 20), 1, crop_sz=5).add(tile(Box(0, 0, 10, 10), np.zeros((1, 10, 10))))
    with pytest.raises(ConfigError, match='crop_sz must not be negative'):
        Blender(Box(0, 0, 20, 20), 1, crop_sz=-1)


def test_windows_must_come_from_top_to_bottom():
    blender = Blender(Box(0, 0, 20, 20), 1)
    blender.add(tile(Box(4, 0, 8, 4), np.zeros((1, 4, 4))))
    with pytest.raises(ValueError, match='starts at row 4'):
        blender.add(tile(Box(0, 0, 4, 4), np.zeros((1, 4, 4))))


def test_the_number_of_classes_must_fit():
    with pytest.raises(ValueError, match='3 scores for 2 classes'):
        Blender(Box(0, 0, 4, 4), 2).add(tile(Box(0, 0, 4, 4), np.zeros((3, 4, 4))))


@pytest.mark.parametrize('size', [(1, 1), (5, 8)])
def test_hann_weights_are_above_zero_and_fall_off_from_the_centre(size):
    weights = weight_window(size, 'hann')
    assert weights.shape == size
    assert (weights > 0).all()
    np.testing.assert_allclose(weights, weights[::-1, ::-1], rtol=1e-6)
    assert (np.diff(weights, axis=0)[: (size[0] - 1) // 2] > 0).all()
