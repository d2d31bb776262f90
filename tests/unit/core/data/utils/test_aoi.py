import numpy as np
import shapely

from rastervision.core.box import Box
from rastervision.core.data.utils import aoi
from rastervision.core.data.utils.aoi import AOIMask


def test_pixels_whose_centre_is_inside():
    polygons = [shapely.box(1.4, 0, 3.6, 2), shapely.Point(50, 50).buffer(1), shapely.Polygon()]
    assert AOIMask(polygons)(Box(0, 0, 3, 5)).astype(int).tolist() == [
        [0, 1, 1, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0],
    ]


def test_windows_are_parts_of_the_whole_mask():
    polygons = [shapely.Point(20, 15).buffer(9.3), shapely.box(0, 0, 4, 40)]
    whole = AOIMask(polygons)(Box(0, 0, 40, 40))
    for window in Box(0, 0, 40, 40).get_windows(13, 9):
        inside = window.intersection(Box(0, 0, 40, 40))
        np.testing.assert_array_equal(AOIMask(polygons)(inside), whole[inside.to_slices()])


def test_a_window_without_any_is_empty():
    assert not AOIMask([shapely.box(0, 0, 1, 1)])(Box(5, 5, 8, 8)).any()


def test_a_mask_of_many_polygons_is_that_of_each(monkeypatch):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 100, (200, 2))
    polygons = shapely.box(*corners.T, *(corners + 5).T)
    drawn = []

    def draw(geoms, *_, **__):
        drawn.append(geoms)
        return np.zeros((1, 1), dtype=np.uint8)

    monkeypatch.setattr(aoi, 'rasterize_polygons', draw)
    AOIMask(list(polygons))(Box(20, 30, 40, 60))
    near = shapely.intersects(shapely.envelope(polygons), shapely.box(30, 20, 60, 40))
    assert set(drawn[0]) == set(polygons[near])
    assert 0 < near.sum() < 50
