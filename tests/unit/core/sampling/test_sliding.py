import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from rastervision.core.box import Box
from rastervision.core.sampling import WindowGrid, window_grid

SIZES = st.tuples(st.integers(1, 20), st.integers(1, 20))
PADS = st.one_of(st.none(), st.tuples(st.integers(0, 9), st.integers(0, 9)))


@given(SIZES, SIZES, SIZES, PADS, st.sampled_from(['start', 'end', 'both']), SIZES)
def test_it_is_the_list_of_box_get_windows(
    extent, size, stride, padding, direction, corner
) -> None:
    h, w = extent
    box_ = Box(corner[0], corner[1], corner[0] + h, corner[1] + w)
    grid = window_grid(box_, size, stride, padding, direction)
    assert list(grid) == box_.get_windows(size, stride, padding, direction)
    assert len(grid) == len(list(grid))


def test_it_indexes_like_a_list() -> None:
    grid = window_grid(Box(0, 0, 10, 13), (4, 4), (3, 3))
    windows = list(grid)
    assert grid[-1] == windows[-1]
    assert grid[1:7:2] == windows[1:7:2]
    assert windows[3] in grid
    with pytest.raises(IndexError, match=f'There are {len(grid)} windows'):
        _ = grid[len(grid)]


def test_it_is_lazy() -> None:
    grid = window_grid(Box(0, 0, 10**9, 10**9), (256, 256), (1, 1))
    assert len(grid) > 10**17
    assert grid[10**9] == Box(1, 255, 257, 511)


L_SHAPE = Polygon([(0, 0), (60, 0), (60, 20), (20, 20), (20, 60), (0, 60)])


@pytest.mark.parametrize('within', [True, False])
@pytest.mark.parametrize(
    'aoi', [[L_SHAPE], [box(0, 0, 30, 30), box(30, 0, 60, 30)], [box(41, 41, 43, 43)]]
)
def test_filtering_by_areas(aoi, within) -> None:
    grid = window_grid(Box(0, 0, 60, 60), (10, 10), (5, 5))
    kept = grid.filter_by_aoi(aoi, within)
    assert list(kept) == Box.filter_by_aoi(list(grid), aoi, within)


def test_filtering_twice() -> None:
    grid = window_grid(Box(0, 0, 60, 60), (10, 10), (10, 10))
    both = grid.filter_by_aoi([box(0, 0, 40, 60)]).filter_by_aoi([box(20, 0, 60, 20)])
    assert [w.xmin for w in both] == [20, 30, 20, 30]


def test_filtering_in_pieces(monkeypatch) -> None:
    grid = window_grid(Box(0, 0, 60, 60), (10, 10), (5, 5))
    expected = list(grid.filter_by_aoi([L_SHAPE]))
    monkeypatch.setattr('rastervision.core.sampling.sliding._CHUNK', 7)
    assert list(grid.filter_by_aoi([L_SHAPE])) == expected


def test_an_empty_grid() -> None:
    grid = WindowGrid(range(0), range(3), 5, 5)
    assert len(grid) == 0
    assert len(grid.filter_by_aoi([L_SHAPE])) == 0
    assert np.array(list(grid)).size == 0
