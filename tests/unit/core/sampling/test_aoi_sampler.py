import numpy as np
import pytest
import shapely
from scipy.stats import chisquare
from shapely.geometry import MultiPolygon, Point, Polygon, box

from rastervision.core.sampling import AoiSampler

HOLED = Polygon(box(0, 0, 10, 10).exterior, [box(2, 2, 8, 8).exterior.coords[::-1]])
CONCAVE = Polygon([(0, 0), (10, 0), (10, 2), (2, 2), (2, 10), (0, 10)])
SHAPES = {
    'square': [box(0, 0, 10, 10)],
    'hole': [HOLED],
    'concave': [CONCAVE],
    'disjoint, of different sizes': [box(0, 0, 1, 1), box(5, 5, 10, 10)],
    'overlapping': [box(0, 0, 6, 6), box(3, 3, 10, 10)],
    'multi': [MultiPolygon([box(0, 0, 2, 2), box(6, 0, 10, 9)])],
    'circle': [Point(5, 5).buffer(5)],
    'invalid': [Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])],
}


@pytest.mark.parametrize('name', SHAPES)
def test_points_are_uniform_by_area(name) -> None:
    polygons = SHAPES[name]
    sampler = AoiSampler(polygons)
    points = sampler.sample(20_000, np.random.default_rng(1))
    union = shapely.union_all(shapely.make_valid(np.array(polygons, dtype=object)))
    assert sampler.area == pytest.approx(union.area)
    assert shapely.intersects_xy(union.buffer(1e-9), *points.T).all()
    cells = [box(x, y, x + 1, y + 1) for y in range(10) for x in range(10)]
    areas = np.array([union.intersection(cell).area for cell in cells])
    x, y = np.minimum(points.T.astype(int), 9)
    counts = np.bincount(y * 10 + x, minlength=100)
    big = areas > 0.05
    expected = areas[big] / areas[big].sum() * counts[big].sum()
    assert chisquare(counts[big], expected).pvalue > 0.001


def test_the_same_seed_gives_the_same_points() -> None:
    sampler = AoiSampler([HOLED])
    a, b = (sampler.sample(5, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(a, b)
    assert a.shape == (5, 2)
    assert sampler.sample().shape == (1, 2)


@pytest.mark.parametrize('polygons', [[], [Polygon([(0, 0), (1, 1), (2, 2)])]])
def test_polygons_need_an_area(polygons) -> None:
    with pytest.raises(ValueError, match='no area'):
        AoiSampler(polygons)
