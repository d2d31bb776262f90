"""Windows of a class lie around its labels, as sizes and areas of interest allow."""

import numpy as np
import pytest
import shapely
from scipy.stats import chisquare
from shapely.geometry import box

from rastervision.core.box import Box
from rastervision.core.data.utils.features import as_geoms
from rastervision.core.sampling import RandomWindowSampler
from rastervision.core.sampling.class_places import PolygonPlaces
from rastervision.core.sampling.class_windows import PROBES, ClassWindowSampler

EXTENT = Box(0, 0, 20_000, 20_000)
RARE = box(12_345, 678, 12_365, 698)  # 400 of 400,000,000 pixels


def class_windows(polygons, class_of=None, extent=EXTENT, background=None, **kwargs):
    sampler = RandomWindowSampler(extent, **{'size_lims': (50, 100), **kwargs})
    ids = np.arange(1, 1 + len(polygons))
    places = PolygonPlaces(as_geoms(polygons), ids, sampler.region(), background)
    return ClassWindowSampler(sampler, places, class_of)


def drawn(windows, class_id, n=100, seed=0):
    rng = np.random.default_rng(seed)
    return [windows.sample(class_id, rng) for _ in range(n)]


def in_rare(window):
    """1 for windows that hold half of RARE."""
    return int(window.to_shapely().intersection(RARE).area >= RARE.area / 2)


def test_a_class_of_a_millionth_of_the_scene_is_found() -> None:
    windows = class_windows([RARE], in_rare)
    assert windows.shares == {0: 1, 1: pytest.approx(1e-6)}
    assert all(in_rare(window) for window in drawn(windows, 1))
    assert not any(in_rare(window) for window in drawn(windows, 0))


def test_windows_hold_a_pixel_of_the_class_at_any_place_in_them() -> None:
    pixel = box(700, 500, 701, 501)
    windows = drawn(class_windows([pixel], size_lims=(8, 9)), 1, 4000)
    offsets = np.array([[500 - w.ymin, 700 - w.xmin] for w in windows])
    counts = np.zeros((8, 8), dtype=int)
    np.add.at(counts, tuple(offsets.T), 1)
    assert chisquare(counts.ravel()).pvalue > 0.001


def test_sizes_are_drawn_from_their_range() -> None:
    windows = drawn(class_windows([RARE], size_lims=None, h_lims=(5, 9), w_lims=(20, 22)), 1)
    assert {w.height for w in windows} == {5, 6, 7, 8}
    assert {w.width for w in windows} == {20, 21}


@pytest.mark.parametrize('corner', [box(0, 0, 1, 1), box(19_999, 0, 20_000, 1)])
@pytest.mark.parametrize('padding', [0, 10, None])
def test_windows_keep_to_the_padded_extent(corner, padding) -> None:
    limits = EXTENT.to_shapely().buffer(padding or 0, join_style='mitre')
    for window in drawn(class_windows([corner], padding=padding), 1):
        assert limits.covers(window.to_shapely())
        assert window.to_shapely().covers(corner)


@pytest.mark.parametrize('within', [True, False])
def test_windows_keep_to_areas_of_interest(within) -> None:
    """A tight AOI, one that is too small, and a slanted one."""
    aoi = [box(100, 100, 199, 199), box(300, 100, 340, 199), shapely.Point(900, 900).buffer(200)]
    labels = [box(150, 150, 350, 160), box(1000, 850, 1300, 851), box(320, 120, 330, 130)]
    windows = class_windows(labels, aoi_polygons=aoi, within_aoi=within, size_lims=(60, 100))
    union = shapely.union_all(aoi)
    assert set(windows.shares) == ({1, 2} if within else {1, 2, 3})
    for class_id in windows.shares:
        for window in drawn(windows, class_id):
            shape = window.to_shapely()
            assert union.covers(shape) if within else union.intersects(shape)
            assert shape.intersects(labels[class_id - 1])


def test_an_aoi_of_the_size_of_the_windows_is_no_needle_in_a_haystack() -> None:
    aoi = [box(x, 0, x + 300, 300) for x in range(0, 20_000, 400)]
    windows = class_windows([box(0, 0, 20_000, 10)], aoi_polygons=aoi, size_lims=(300, 301))
    found = drawn(windows, 1)
    assert all(w.ymin == 0 and w.xmin % 400 == 0 for w in found)
    assert len(set(found)) > 30


def test_classes_that_no_window_can_be_of_are_missed() -> None:
    windows = class_windows([RARE], lambda _: 7)
    assert windows.missed == {1}
    assert windows.shares == {7: 1}


def test_a_class_that_cannot_be_found_again_is_any_window() -> None:
    looks = iter([1] * (1 + PROBES))
    windows = class_windows([RARE], lambda _: next(looks, 0))
    (window,) = drawn(windows, 1, 1)
    assert EXTENT.to_shapely().covers(window.to_shapely())


def test_a_background_between_polygons_is_found() -> None:
    """A strip of 30 pixels in 2,000; everything else is class 1."""
    extent = Box(0, 0, 2000, 2000)
    most = [box(0, 0, 2000, 1000), box(0, 1030, 2000, 2000)]

    def class_of(window):
        shape = window.to_shapely()
        return int(sum(shape.intersection(p).area for p in most) >= shape.area / 2)

    windows = class_windows(most, class_of, extent, background=0, size_lims=(20, 24))
    assert {class_of(window) for window in drawn(windows, 0)} == {0}


def test_the_generator_decides() -> None:
    windows = class_windows([RARE], in_rare)
    assert drawn(windows, 1) == drawn(class_windows([RARE], in_rare), 1)
    assert drawn(windows, 1) != drawn(windows, 1, seed=1)
