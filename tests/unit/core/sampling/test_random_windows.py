import pickle

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from shapely.geometry import Polygon, box

from rastervision.core.box import Box
from rastervision.core.sampling import RandomWindowSampler
from rastervision.pipeline.errors import ConfigError

EXTENT = Box(0, 0, 24, 30)
L_SHAPE = Polygon([(0, 0), (30, 0), (30, 10), (10, 10), (10, 24), (0, 24)])
DIAMOND = Polygon([(15, 1), (28, 12), (15, 23), (2, 12)])


def draw(sampler, n, seed=0):
    rng = np.random.default_rng(seed)
    return [sampler.sample(rng) for _ in range(n)]


def counts(windows, allowed):
    index = {window: i for i, window in enumerate(allowed)}
    return np.bincount([index[w] for w in windows], minlength=len(allowed))


def test_every_place_is_as_likely_as_any_other() -> None:
    sampler = RandomWindowSampler(EXTENT, size_lims=(20, 21))
    allowed = EXTENT.get_windows(20, 1, padding=0)
    assert chisquare(counts(draw(sampler, 5000), allowed)).pvalue > 0.001


@pytest.mark.parametrize('efficient', [True, False])
@pytest.mark.parametrize(
    ('aoi', 'size'),
    [
        ([L_SHAPE], 8),
        ([DIAMOND], 6),
        ([box(0, 0, 12, 12), box(12, 0, 20, 12), box(22, 14, 30, 24)], 9),
        ([L_SHAPE.difference(box(3, 3, 7, 7))], 3),
        ([box(-10, -10, 12, 40)], 10),
    ],
)
def test_every_place_inside_the_area_is_as_likely_as_any_other(aoi, size, efficient) -> None:
    sampler = RandomWindowSampler(
        EXTENT, size_lims=(size, size + 1), aoi_polygons=aoi, efficient=efficient, max_attempts=9999
    )
    union = shapely.union_all(aoi)
    allowed = [w for w in EXTENT.get_windows(size, 1, padding=0) if union.covers(w.to_shapely())]
    drawn = counts(draw(sampler, 20 * len(allowed)), allowed)
    assert chisquare(drawn).pvalue > 0.001


@pytest.mark.parametrize('within', [True, False])
def test_many_areas_are_searched_as_one(within) -> None:
    areas = [box(x, y, x + 3, y + 3) for x in range(0, 30, 4) for y in range(0, 24, 4)]
    sampler = RandomWindowSampler(
        EXTENT, size_lims=(2, 3), aoi_polygons=areas, within_aoi=within, efficient=False
    )
    union = shapely.union_all(areas)
    test = union.covers if within else union.intersects
    allowed = [w for w in EXTENT.get_windows(2, 1, padding=0) if test(w.to_shapely())]
    assert chisquare(counts(draw(sampler, 20 * len(allowed)), allowed)).pvalue > 0.001


def test_a_pickled_sampler_draws_the_same() -> None:
    sampler = RandomWindowSampler(EXTENT, size_lims=(4, 6), aoi_polygons=[DIAMOND, L_SHAPE])
    assert draw(pickle.loads(pickle.dumps(sampler)), 20) == draw(sampler, 20)


def test_an_area_of_just_the_size_of_the_window_is_found() -> None:
    sampler = RandomWindowSampler(EXTENT, size_lims=(8, 9), aoi_polygons=[box(5, 6, 13, 14)])
    assert set(draw(sampler, 20)) == {Box(6, 5, 14, 13)}


def test_touching_windows_are_drawn_by_the_area_that_they_hold() -> None:
    sampler = RandomWindowSampler(
        EXTENT, size_lims=(5, 6), aoi_polygons=[box(10, 10, 12, 12)], within_aoi=False
    )
    allowed = [w for w in EXTENT.get_windows(5, 1, padding=0) if w.intersects(Box(10, 10, 12, 12))]
    overlap = np.array([w.intersection(Box(10, 10, 12, 12)).area for w in allowed])
    drawn = counts(draw(sampler, 20_000), allowed)
    assert chisquare(drawn, overlap / overlap.sum() * drawn.sum()).pvalue > 0.001


def test_touching_windows_without_drawing_from_the_area() -> None:
    sampler = RandomWindowSampler(
        EXTENT,
        size_lims=(5, 6),
        aoi_polygons=[box(10, 10, 12, 12)],
        within_aoi=False,
        efficient=False,
        max_attempts=1000,
    )
    area = box(10, 10, 12, 12)
    assert all(area.intersects(w.to_shapely()) for w in draw(sampler, 50))


@settings(max_examples=60)
@given(
    st.integers(1, 40),
    st.integers(0, 10),
    st.integers(1, 20),
    st.integers(0, 5),
    st.one_of(st.none(), st.integers(0, 12)),
    st.integers(0, 100),
)
def test_sizes_and_places_stay_in_their_limits(h, dh, w, dw, padding, seed) -> None:
    lims = {'h_lims': (h, h + dh + 1), 'w_lims': (w, w + dw + 1)}
    pad = padding or 0
    if padding is not None and (h + dh > 24 + 2 * pad or w + dw > 30 + 2 * pad):
        with pytest.raises(ConfigError, match='do not fit'):
            RandomWindowSampler(EXTENT, padding=padding, **lims)
        return
    sampler = RandomWindowSampler(EXTENT, padding=padding, **lims)
    for window in draw(sampler, 20, seed):
        assert h <= window.height <= h + dh
        assert w <= window.width <= w + dw
        if padding is None and window.height > 24:
            assert window.ymin <= 0
            assert window.ymax >= 24
        else:
            assert -pad <= window.ymin <= window.ymax <= 24 + pad
        assert isinstance(window.ymin, int)


def test_square_windows_of_random_size() -> None:
    windows = draw(RandomWindowSampler(EXTENT, size_lims=(3, 6)), 200)
    assert {w.size for w in windows} == {(3, 3), (4, 4), (5, 5)}


def test_the_seed_decides() -> None:
    for kw in ({}, {'aoi_polygons': [DIAMOND]}):
        sampler = RandomWindowSampler(EXTENT, size_lims=(4, 6), **kw)
        assert draw(sampler, 20, 1) == draw(sampler, 20, 1)
        assert draw(sampler, 20, 1) != draw(sampler, 20, 2)


@pytest.mark.parametrize(
    ('kw', 'message'),
    [
        ({}, 'either size_lims, or both'),
        ({'h_lims': (3, 4)}, 'either size_lims, or both'),
        ({'size_lims': (3, 4), 'w_lims': (3, 4)}, 'either size_lims, or both'),
        ({'size_lims': (4, 4)}, r'size_lims \(4, 4\)'),
        ({'size_lims': (0, 4)}, r'size_lims \(0, 4\)'),
        (
            {'size_lims': (25, 26), 'padding': 0},
            r"25x25 .*scene 's' \(24x30 pixels\).*padding=None",
        ),
        ({'size_lims': (9, 10), 'aoi_polygons': [box(0, 0, 8, 20)]}, 'large enough.*within_aoi'),
        ({'size_lims': (3, 4), 'aoi_polygons': [box(50, 50, 60, 60)]}, 'does not touch'),
    ],
)
def test_impossible_options_are_refused(kw, message) -> None:
    with pytest.raises(ConfigError, match=message):
        RandomWindowSampler(EXTENT, scene_id='s', **kw)


@pytest.mark.parametrize('efficient', [True, False])
def test_it_gives_up_with_advice(efficient) -> None:
    # a window of 10 fits into the bounding box, but nowhere into the triangle
    aoi = [Polygon([(0, 0), (14, 0), (0, 14)])]
    sampler = RandomWindowSampler(
        EXTENT, size_lims=(10, 11), aoi_polygons=aoi, efficient=efficient, max_attempts=20
    )
    with pytest.raises(ConfigError, match=r'20 attempts.*max_sample_attempts'):
        sampler.sample(np.random.default_rng(0))
