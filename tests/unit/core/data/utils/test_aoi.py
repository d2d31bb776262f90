import numpy as np
import shapely

from rastervision.core.box import Box
from rastervision.core.data.utils.aoi import aoi_mask


def test_pixels_whose_centre_is_inside():
    polygons = [shapely.box(1.4, 0, 3.6, 2), shapely.Point(50, 50).buffer(1), shapely.Polygon()]
    assert aoi_mask(polygons, Box(0, 0, 3, 5)).astype(int).tolist() == [
        [0, 1, 1, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0],
    ]


def test_windows_are_parts_of_the_whole_mask():
    polygons = [shapely.Point(20, 15).buffer(9.3), shapely.box(0, 0, 4, 40)]
    whole = aoi_mask(polygons, Box(0, 0, 40, 40))
    for window in Box(0, 0, 40, 40).get_windows(13, 9):
        inside = window.intersection(Box(0, 0, 40, 40))
        np.testing.assert_array_equal(aoi_mask(polygons, inside), whole[inside.to_slices()])


def test_a_window_without_any_is_empty():
    assert not aoi_mask([shapely.box(0, 0, 1, 1)], Box(5, 5, 8, 8)).any()
