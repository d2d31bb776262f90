import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize

from rastervision.core.box import Box
from rastervision.core.data.utils import rasterizing
from rastervision.core.data.utils.features import as_geoms
from rastervision.core.data.utils.rasterizing import Edges, rasterize_polygons, thin_outside

SIZE = 64


def draw_all(geoms, values, all_touched=False, shift=0):
    """Everything at once, with a frame of `shift` pixels around it."""
    moved = shapely.transform(geoms, lambda xy: xy + shift)
    shapes = list(zip(moved, values.tolist(), strict=True))
    shape = (SIZE + 2 * shift, SIZE + 2 * shift)
    if not shapes:
        return np.full(shape, 9, dtype=np.uint8)
    return rasterize(shapes, out_shape=shape, fill=9, all_touched=all_touched, dtype='uint8')


def stars(seed: int, n: int, corners: int, grid: float):
    """Polygons with holes, with vertices at multiples of `grid`."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-10, SIZE + 10, (n, 1, 2))
    angles = np.sort(rng.uniform(0, 2 * np.pi, (n, corners)), axis=1)
    radii = rng.uniform(2, 40, (n, corners))
    xy = centres + radii[..., None] * np.stack([np.cos(angles), np.sin(angles)], -1)
    holes = shapely.buffer(shapely.points(centres[:, 0]), 1.5, quad_segs=2)
    rings = shapely.difference(shapely.make_valid(shapely.polygons(xy)), holes)
    parts = shapely.get_parts(shapely.set_precision(rings, grid))
    return parts[shapely.get_type_id(parts) == 3]


WINDOWS = st.tuples(st.integers(-20, SIZE), st.integers(-20, SIZE), st.integers(1, 40))


# sums and quotients of multiples of a power of two are exact, wherever the origin is
GRIDS = {'whole': 1, 'half': 1 / 2, 'fine': 1 / 64, 'touched': 1 / 64}


@settings(max_examples=100)
@given(st.integers(0, 10_000), WINDOWS, st.sampled_from([*GRIDS]), st.booleans(), st.booleans())
def test_windows_are_cut_outs_of_the_whole(seed, corner, kind, large, thin) -> None:
    all_touched = kind == 'touched'
    geoms = stars(seed, n=8, corners=9, grid=GRIDS[kind])
    values = np.arange(len(geoms)).astype(np.uint8) % 8
    frame = 64
    y, x, size = corner
    window = Box(y, x, y + size, x + size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rasterizing, 'MANY_PIXELS', 0 if large else 10**9)
        patch.setattr(rasterizing, '_MANY_VERTICES', 0 if thin else 10**9)
        drawn = rasterize_polygons(geoms, values, window, 9, all_touched)
    ys, xs = window.translate(frame, frame).to_slices()
    assert np.array_equal(drawn, draw_all(geoms, values, all_touched, shift=frame)[ys, xs])


@settings(max_examples=100)
@given(
    st.integers(0, 10_000),
    st.sampled_from([*GRIDS]),
    st.tuples(st.integers(1, 99), st.integers(1, 99)),
)
def test_any_resolution_is_the_same_as_by_gdal(seed, kind, shape) -> None:
    geoms = stars(seed, n=5, corners=7, grid=GRIDS[kind])
    values = np.arange(len(geoms)).astype(np.uint8) % 3
    window = Box(0, 0, SIZE, SIZE)
    drawn = rasterize_polygons(geoms, values, window, 9, out_shape=shape)
    scale = np.array([shape[1] / SIZE, shape[0] / SIZE])
    shapes = zip(shapely.transform(geoms, lambda xy: xy * scale), values.tolist(), strict=True)
    assert np.array_equal(drawn, rasterize(list(shapes), out_shape=shape, fill=9, dtype='uint8'))


@given(st.integers(0, 10_000), st.lists(st.integers(0, 5)))
def test_edges_of_chosen_polygons_are_taken_from_those_of_all(seed, chosen) -> None:
    geoms = stars(seed, n=6, corners=5, grid=1)
    chosen = np.array([i for i in chosen if i < len(geoms)], dtype=np.intp)
    taken, made = Edges.of(geoms).take(chosen), Edges.of(geoms[chosen])
    assert np.array_equal(taken.points, made.points)
    assert np.array_equal(taken.offsets, made.offsets)


def test_later_polygons_cover_earlier_ones() -> None:
    geoms = as_geoms([shapely.box(0, 0, 4, 4), shapely.box(2, 2, 6, 6)])
    drawn = rasterize_polygons(geoms, np.array([1, 2], dtype=np.uint8), Box(0, 0, 6, 6), 0)
    assert drawn[3, 3] == 2
    assert drawn[1, 1] == 1
    assert drawn[0, 5] == 0


def test_thinning_drops_most_of_what_is_far_away() -> None:
    circle = shapely.Point(500, 500).buffer(400, 2000)
    coords, offsets = shapely.get_coordinates(circle), np.array([0, len(circle.exterior.coords)])
    window = Box(480, 80, 520, 120)
    thinned, thinned_offsets = thin_outside(coords, offsets, window)
    assert len(thinned) < len(coords) / 10
    assert thinned_offsets.tolist() == [0, len(thinned)]
    inside = (coords[:, 0] < 120) & (abs(coords[:, 1] - 500) < 20)
    assert {*map(tuple, coords[inside])} <= {*map(tuple, thinned)}


def test_another_resolution_is_drawn_at_that_resolution() -> None:
    geoms = as_geoms([shapely.box(0, 0, 10, 20)])
    ones = np.ones(1, dtype=np.uint8)
    drawn = rasterize_polygons(geoms, ones, Box(0, 0, 20, 20), 0, out_shape=(5, 10))
    assert drawn.shape == (5, 10)
    assert drawn[:, :5].all()
    assert not drawn[:, 5:].any()


def test_nothing_to_draw_is_background() -> None:
    none = np.empty(0, dtype=np.uint8)
    assert (rasterize_polygons(as_geoms([]), none, Box(0, 0, 2, 3), 7) == 7).all()
