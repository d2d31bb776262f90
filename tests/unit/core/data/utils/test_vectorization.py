import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from rastervision.core.data.utils.vectorization import (
    BuildingVectorizer,
    Denoiser,
    PolygonVectorizer,
    denoise,
    get_kernel,
    get_rectangle,
    mask_to_building_polygons,
    mask_to_polygons,
    open_mask,
)

masks = hnp.arrays(bool, st.tuples(st.integers(1, 25), st.integers(1, 12)))


def as_set(polygons):
    return {shapely.normalize(p).wkb for p in polygons}


def streamed(vectorizer, mask, height):
    bands = [vectorizer.add(mask[y : y + height]) for y in range(0, len(mask), height)]
    return np.concatenate([*bands, vectorizer.finish()])


@given(masks, hnp.arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 4))), st.integers(0, 1))
@settings(deadline=None, max_examples=60)
def test_opening_is_the_union_of_the_elements_that_fit(mask, element, border):
    (h, w), (height, width) = element.shape, mask.shape
    element[h // 2, w // 2] = True
    framed = np.pad(mask, 4, constant_values=bool(border))
    expected = np.zeros_like(framed)
    for y in range(height):
        for x in range(width):
            at = np.s_[y + 4 - h // 2 :, x + 4 - w // 2 :]
            if framed[at][:h, :w][element].all():
                expected[at][:h, :w] |= element
    opened = open_mask(mask.astype(np.uint8), element.astype(np.uint8), border=border)
    np.testing.assert_array_equal(opened, expected[4:-4, 4:-4])


@given(masks, st.integers(2, 9))
@settings(deadline=None, max_examples=60)
def test_denoising_only_removes_and_twice_is_once(mask, diameter):
    once = denoise(mask, diameter)
    assert (once <= mask).all()
    np.testing.assert_array_equal(denoise(once, diameter), once)


def test_denoising_by_3_opens_with_a_cross():
    mask = np.random.default_rng(0).random((60, 50)) < 0.8
    cross = ndimage.generate_binary_structure(2, 1)
    inner = np.s_[2:-2, 2:-2]  # away from the border, where conventions differ
    expected = ndimage.binary_opening(mask, cross)
    np.testing.assert_array_equal(denoise(mask, 3)[inner], expected[inner])


@pytest.mark.parametrize('diameter', [0, 1])
def test_no_denoising(diameter):
    mask = np.array([[0, 1], [1, 0]])
    assert denoise(mask, diameter).tolist() == mask.tolist()


@given(masks, st.integers(0, 9), st.lists(st.integers(1, 7), min_size=1, max_size=4))
@settings(deadline=None, max_examples=80)
def test_denoising_bands_is_denoising_the_whole(mask, diameter, heights):
    denoiser, parts, y, i = Denoiser(mask.shape[1], diameter), [], 0, 0
    while y < len(mask):
        band = mask[y : y + heights[i % len(heights)]]
        parts.append(denoiser.add(band))
        y, i = y + len(band), i + 1
    parts.append(denoiser.finish())
    np.testing.assert_array_equal(np.concatenate(parts), denoise(mask, diameter))


@pytest.mark.parametrize('height', [3, 17, 200])
@pytest.mark.parametrize('kind', [PolygonVectorizer, BuildingVectorizer])
def test_polygons_do_not_depend_on_the_bands(kind, height):
    mask = ndimage.binary_dilation(np.random.default_rng(3).random((120, 90)) < 0.03, iterations=3)
    whole = streamed(kind(90, 4), mask, 120)
    assert as_set(streamed(kind(90, 4), mask, height)) == as_set(whole)


def test_a_transform_is_applied_to_all_vertices():
    mask = np.zeros((4, 5), bool)
    mask[1:3, 2:4] = True
    transform = Affine(2, 0.5, 100, 0, -3, 50)
    (polygon,) = mask_to_polygons(mask, transform)
    corners = [transform @ xy for xy in [(2, 1), (2, 3), (4, 3), (4, 1)]]
    assert polygon.equals(shapely.Polygon(corners))


# ---- buildings


def row_of_houses(angle=0.0):
    """Three houses of 20 x 16 pixels, joined by walls of 3 pixels, turned around the middle."""
    parts = [shapely.box(x, 40, x + 20, 56) for x in (20, 44, 68)] + [shapely.box(20, 44, 88, 47)]
    shape = shapely.affinity.rotate(shapely.union_all(parts), angle, origin=(54, 54))
    points = shapely.points(*np.meshgrid(np.arange(108) + 0.5, np.arange(108) + 0.5))
    return shapely.contains(shape, points)


@pytest.mark.parametrize('angle', [0, 90, 30, 45, 117])
def test_a_row_of_houses_is_broken_at_its_walls(angle):
    mask = row_of_houses(angle)
    assert len(list(mask_to_polygons(mask))) == 1
    houses = list(mask_to_building_polygons(mask))
    assert len(houses) == 3
    areas = sorted(house.area for house in houses)
    assert areas[0] > 0.85 * 20 * 16
    assert areas[-1] < 1.1 * 20 * 16
    whole = shapely.union_all(list(mask_to_polygons(mask)))
    assert all(whole.covers(house) for house in houses)


def test_a_width_of_0_breaks_nothing():
    mask = row_of_houses()
    whole = list(mask_to_polygons(mask))
    assert as_set(mask_to_building_polygons(mask, width_factor=0)) == as_set(whole)


def test_what_is_too_thin_everywhere_is_kept_as_it_is():
    y, x = np.mgrid[-20:21, -20:21]
    disk = x**2 + y**2 < 15**2
    mask = disk & ~ndimage.binary_erosion(disk, np.ones((3, 3)))
    whole = list(mask_to_polygons(mask))
    assert as_set(mask_to_building_polygons(mask, min_area=0)) == as_set(whole)


def test_small_polygons_are_left_out_before_and_after_breaking():
    mask = row_of_houses()
    mask[100:103, 100:103] = True
    assert len(list(mask_to_building_polygons(mask, min_area=0))) == 4
    assert len(list(mask_to_building_polygons(mask, min_area=10))) == 3
    assert not list(mask_to_building_polygons(mask, min_area=400))


def test_many_clusters_are_broken_each_for_itself():
    tiles = [row_of_houses(angle) for angle in (0, 20, 60, 90)]
    mask = np.block([[tiles[0], tiles[1]], [tiles[2], tiles[3]]])
    alone = [
        shapely.affinity.translate(p, 108 * (i % 2), 108 * (i // 2))
        for i, tile in enumerate(tiles)
        for p in mask_to_building_polygons(tile)
    ]
    assert as_set(mask_to_building_polygons(mask)) == as_set(alone)


def test_rectangle():
    assert get_rectangle(np.zeros((5, 5))) is None
    mask = np.zeros((20, 20), bool)
    mask[4:8, 3:13] = True
    (x, y), size, angle = get_rectangle(mask)
    assert (x, y) == (8, 6)
    assert sorted(size) == [4, 10]
    assert angle % 90 == 0


def test_kernel_lies_across_the_rectangle():
    across = get_kernel(((0, 0), (40.0, 10.0), 0.0), width_factor=0.5)
    ys, xs = np.nonzero(across)
    assert np.ptp(xs) == 0
    assert np.ptp(ys) + 1 == 5
    turned = get_kernel(((0, 0), (40.0, 10.0), 90.0), width_factor=0.5)
    np.testing.assert_array_equal(turned, across.T)
    thick = get_kernel(((0, 0), (40.0, 10.0), 0.0), width_factor=0.5, thickness=0.125)
    assert np.ptp(np.nonzero(thick)[1]) + 1 == 5
    assert get_kernel(((0, 0), (40.0, 3.0), 0.0), width_factor=0.5) is None
