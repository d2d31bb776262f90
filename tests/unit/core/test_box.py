"""Box: geometry, conversions, windows."""

import pickle

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.windows import Window

from rastervision.core.box import Box, BoxSizeError

coords = st.integers(-1000, 1000)
spans = st.integers(1, 300)


@st.composite
def boxes(draw):
    y, x = draw(coords), draw(coords)
    return Box(y, x, y + draw(spans), x + draw(spans))


def test_is_a_frozen_value():
    box = Box(1, 2, 3, 4)
    assert {box: 'a'}[Box(1, 2, 3, 4)] == 'a'
    assert pickle.loads(pickle.dumps(box)) == box
    assert tuple(box) == box.tuple_format() == (1, 2, 3, 4)
    assert [box[i] for i in range(4)] == list(box)
    with pytest.raises(AttributeError):
        box.ymin = 0


def test_size():
    box = Box(1, 2, 4, 8)
    assert (box.height, box.width, box.size, box.area) == (3, 6, (3, 6), 18)
    assert box.extent == Box(0, 0, 3, 6)


@given(boxes())
def test_conversions_come_back(box):
    assert Box.from_npbox(box.npbox_format()) == box
    assert Box.from_dict(box.to_dict()) == box
    assert Box.from_shapely(box.to_shapely()).to_int() == box
    assert Box.from_rasterio(box.to_rasterio()) == box
    assert Box.from_npbox(Box.to_npboxes([box])[0]) == box
    (ymin, ymax), (xmin, xmax) = box.rasterio_format()
    assert Box(ymin, xmin, ymax, xmax) == box == box.copy()
    assert box.to_shapely().bounds == box.shapely_format()
    assert box.to_xywh() == (box.xmin, box.ymin, box.width, box.height)
    assert shapely.Polygon(box.geojson_coordinates()).equals(box.to_shapely())
    assert box.to_rasterio() == Window(box.xmin, box.ymin, box.width, box.height)


def test_slices_index_an_array():
    array = np.arange(100).reshape(10, 10)
    assert array[Box(2, 3, 6, 9).to_slices()].shape == (4, 6)
    assert array[Box(2, 3, 6, 9).to_slices(2, 3)].tolist() == [[23, 26], [43, 46]]


def test_no_boxes_make_an_empty_array():
    assert Box.to_npboxes([]).shape == (0, 4)


def test_normalize_puts_sides_in_order():
    assert Box(5, 9, 1, 2).normalize() == Box(1, 2, 5, 9)


@given(boxes(), boxes())
def test_intersection_agrees_with_shapely(a, b):
    expected = a.to_shapely().intersection(b.to_shapely())
    assert a.intersects(b) == (expected.area > 0)
    assert a.intersection(b).area == expected.area
    if expected.area:
        assert a.intersection(b) == Box.from_shapely(expected).to_int()
    else:
        assert a.intersection(b) == Box(0, 0, 0, 0)


@given(boxes(), boxes())
def test_local_and_global_coordinates_are_inverse(box, bbox):
    assert box.to_local_coords(bbox).to_global_coords(bbox) == box
    assert bbox.to_local_coords(bbox) == bbox.extent


def test_growing_and_shrinking():
    box = Box(10, 10, 20, 30)
    assert box.pad(1, 2, 3, 4) == Box(9, 8, 23, 34)
    assert box.erode(2) == box.center_crop(2, 2) == Box(12, 12, 18, 28)
    limit = Box(0, 0, 25, 100)
    assert box.buffer(7, limit) == Box(3, 3, 25, 37)
    assert box.buffer(0.1, limit) == Box(9, 8, 21, 32)
    with pytest.raises(ValueError, match='negative'):
        box.buffer(-1, limit)


def test_reproject_bounds_the_turned_corners():
    assert Box(0, 0, 2, 4).reproject(lambda p: (-p[1], p[0])) == Box(0, -2, 4, 0)


@given(boxes(), st.integers(0, 50), st.integers(0, 50), st.integers(0, 2**32))
def test_random_containers_contain_the_box(box, dy, dx, seed):
    rng = np.random.default_rng(seed)
    container = box.make_random_box_container(box.height + dy, box.width + dx, rng)
    assert container.size == (box.height + dy, box.width + dx)
    assert container.intersection(box) == box
    side = min(box.size)
    inside = box.make_random_square(side, rng)
    assert inside.size == (side, side)
    assert inside.intersection(box) == inside


def test_random_boxes_follow_their_generator():
    box = Box(0, 0, 100, 100)
    a, b = (box.make_random_square(10, np.random.default_rng(5)) for _ in range(2))
    assert a == b
    assert box.make_random_square_container(500).size == (500, 500)


def test_boxes_that_do_not_fit_are_refused():
    with pytest.raises(BoxSizeError, match='51'):
        Box(0, 0, 50, 60).make_random_square(51)
    with pytest.raises(BoxSizeError, match='59'):
        Box(0, 0, 50, 60).make_random_square_container(59)


def test_windows_of_a_large_scene():
    windows = Box(0, 0, 10_000, 10_000).get_windows(256, 256)
    assert len(windows) == 40 * 40
    assert windows[1] == Box(0, 256, 256, 512)
    assert windows[-1] == Box(9984, 9984, 10240, 10240)
    assert len(Box(0, 0, 10_000, 10_000).get_windows(256, 256, padding=0)) == 39 * 39


def test_windows_are_in_the_frame_of_the_box():
    windows = Box(100, 200, 110, 220).get_windows((5, 10), (5, 10))
    assert windows == [
        Box(100, 200, 105, 210),
        Box(100, 210, 105, 220),
        Box(105, 200, 110, 210),
        Box(105, 210, 110, 220),
    ]


def test_padding_and_direction_by_axis():
    windows = Box(0, 0, 10, 10).get_windows(10, 10, padding=(10, 0), pad_direction='both')
    assert [w.ymin for w in windows] == [-10, 0, 10]
    assert {w.xmin for w in windows} == {0}
    assert [w.xmin for w in Box(0, 0, 4, 10).get_windows(4, 4, pad_direction='start')] == [-2, 2, 6]


def test_aoi_filters():
    aoi = [shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)]
    inside, across, outside = Box(1, 5, 9, 15), Box(5, 5, 15, 8), Box(30, 30, 40, 40)
    assert Box.filter_by_aoi([inside, across, outside], aoi) == [inside]
    assert Box.filter_by_aoi([inside, across, outside], aoi, within=False) == [inside, across]
    assert Box.within_aoi(inside, aoi)
    assert not Box.within_aoi(inside, aoi[0])
    assert Box.intersects_aoi(across, aoi[0])
    assert Box.filter_by_aoi([], aoi) == Box.filter_by_aoi([inside], []) == []


def test_invalid_aoi_polygons_are_repaired():
    bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    assert Box.within_aoi(Box(4, 0, 6, 2), bow_tie)
    assert not Box.within_aoi(Box(0, 4, 2, 6), bow_tie)


@given(boxes(), boxes())
def test_a_box_is_in_another_as_shapely_covers_says(inner, outer):
    assert (inner in outer) == outer.to_shapely().covers(inner.to_shapely())


def test_only_boxes_can_be_in_a_box():
    with pytest.raises(TypeError, match='not a int'):
        3 in Box(0, 0, 3, 3)  # noqa: B015 - the question is the test
