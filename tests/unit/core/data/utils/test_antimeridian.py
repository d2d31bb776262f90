"""Polygons in longitude and latitude at the antimeridian and at poles."""

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rastervision.core.data.crs_transformer import IdentityCRSTransformer, RasterioCRSTransformer
from rastervision.core.data.utils.placement import Placement
from rastervision.core.grid import to_crs

POLES = {crs: Affine(500, 0, -150_000, 0, -500, 150_000) for crs in ('EPSG:3031', 'EPSG:3413')}
ACROSS = {
    'EPSG:32601': Affine(500, 0, 180_000 - 150_000, 0, -500, 1_900_000),
    'EPSG:3832': Affine(500, 0, 3_339_585 - 150_000, 0, -500, 1_900_000),
}
IMAGES = {
    crs: RasterioCRSTransformer(transform, crs, round_pixels=False)
    for crs, transform in {**POLES, **ACROSS}.items()
}
edges = st.integers(0, 600) | st.floats(0, 600)


def rectangle(y, x, height, width):
    return shapely.box(x, y, x + width, y + height)


rectangles = st.builds(rectangle, edges, edges, st.floats(1, 400), st.floats(1, 400))


def place(transformer, polygon):
    (placed,) = Placement(transformer)(np.array([polygon], dtype=object))
    return placed


@pytest.mark.parametrize('crs', IMAGES)
@given(rectangles)
@example(shapely.box(290, 290, 310, 310))  # around the pole
@example(shapely.box(300, 290, 310, 310))  # the pole on an edge
@example(shapely.box(300, 300, 310, 310))  # the pole at a corner
@example(shapely.box(280, 300.001, 600, 300.01))  # thin, beside the pole
@settings(deadline=None, max_examples=100)
def test_rectangles_stay_within_the_map_and_keep_their_bounds(crs, polygon):
    placed = place(IMAGES[crs], polygon)
    assert placed.is_valid
    xmin, ymin, xmax, ymax = placed.bounds
    assert -180 <= xmin <= xmax <= 180
    assert -90 <= ymin <= ymax <= 90
    back = IMAGES[crs].map_to_pixel(placed)
    assert np.allclose(back.bounds, polygon.bounds, atol=1e-6, rtol=0)


def agreement(transformer, polygon):
    """How many of many points around a polygon are in it on the map if they are in it in pixels."""
    xmin, ymin, xmax, ymax = polygon.bounds
    rng = np.random.default_rng(0)
    x, y = rng.uniform((xmin - 5, ymin - 5), (xmax + 5, ymax + 5), (2000, 2)).T
    inside = shapely.contains_xy(polygon, x, y)
    placed = place(transformer, polygon)
    assert placed.is_valid
    assert inside.any()
    return np.mean(shapely.contains_xy(placed, *transformer.pixel_to_map((x, y))) == inside)


@pytest.mark.parametrize('crs', POLES)
@given(rectangles, st.floats(0.01, 0.99), st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=50)
def test_a_rectangle_around_the_pole_holds_the_same_places(crs, polygon, across, down):
    xmin, ymin, xmax, ymax = polygon.bounds
    around = shapely.transform(
        polygon,
        lambda xy: xy - [xmin - 300 + across * (xmax - xmin), ymin - 300 + down * (ymax - ymin)],
    )
    assert agreement(IMAGES[crs], around) > 0.995
    xmin, ymin, xmax, ymax = place(IMAGES[crs], around).bounds
    assert (xmin, xmax) == (-180, 180)
    assert (ymin if crs == 'EPSG:3031' else -ymax) == -90


@pytest.mark.parametrize('crs', ['EPSG:3031', '+proj=aeqd +lat_0=90 +lon_0=20'])
@pytest.mark.parametrize('flip', [1, -1])
def test_the_pole_is_that_inside_beyond_the_equator_too(crs, flip):
    size = 100_000 * flip  # south is up in one of the images
    transform = Affine(abs(size), 0, -15_000_000, 0, -size, 15_000_000 * flip)
    transformer = RasterioCRSTransformer(transform, crs, round_pixels=False)
    polygon = shapely.box(10, 20, 290, 280)
    assert agreement(transformer, polygon) > 0.99
    assert agreement(transformer, shapely.reverse(polygon)) > 0.99


@pytest.mark.parametrize('crs', POLES)
@pytest.mark.parametrize('pole_in_hole', [True, False])
def test_holes_stay_holes(crs, pole_in_hole):
    hole = shapely.box(280, 290, 320, 310) if pole_in_hole else shapely.box(250, 340, 280, 350)
    ring = shapely.box(200, 220, 410, 400) - hole
    assert agreement(IMAGES[crs], ring) > 0.99


@pytest.mark.parametrize('crs', ACROSS)
def test_holes_across_the_antimeridian(crs):
    polygon = shapely.box(200, 220, 410, 400) - shapely.box(260, 300, 340, 350)
    assert agreement(IMAGES[crs], polygon) > 0.99
    west, east = sorted(place(IMAGES[crs], polygon).geoms, key=lambda part: part.bounds[0])
    assert (west.bounds[0], east.bounds[2]) == (-180, 180)


@pytest.mark.parametrize(
    ('crs', 'transform'),
    [
        ('EPSG:4326', Affine(0.6, 0, -180, 0, -0.6, 90)),
        ('EPSG:4326', Affine(0.6, 0, 0, 0, -0.6, 90)),
        ('EPSG:4087', Affine(60_000, 0, -18_000_000, 0, -60_000, 10_000_000)),
    ],
)
def test_polygons_of_the_whole_earth_stay_as_they_are(crs, transform):
    transformer = RasterioCRSTransformer(transform, crs, round_pixels=False)
    polygon = shapely.box(10, 0, 590, 290)
    assert place(transformer, polygon) == transformer.pixel_to_map(polygon)


def test_only_longitudes_are_cut():
    polygon = shapely.box(100, 100, 500, 500)
    for crs, transformer in IMAGES.items():
        placement = Placement(transformer, crs='image')
        assert placement.crs == to_crs(crs)
        (placed,) = placement(np.array([polygon], dtype=object))
        assert placed == transformer.variant(crs).pixel_to_map(polygon)
    placement = Placement(IdentityCRSTransformer(), crs='image')
    assert placement.crs is None
    assert placement(np.array([polygon], dtype=object))[0] == polygon
