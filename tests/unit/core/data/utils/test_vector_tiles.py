"""Vector tiles are put together to the features that they were cut from."""

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from rastervision.core.data.utils.features import Features, as_geoms
from rastervision.core.data.utils.vector_tiles import (
    Tile,
    is_template,
    join_by_id,
    tiles_in,
)
from rastervision.pipeline.errors import ConfigError

EDGE = 20_037_508.342789244


def tile_box(tile: Tile) -> shapely.Polygon:
    size = 2 * EDGE / 2**tile.z
    x, y = -EDGE + tile.x * size, EDGE - (tile.y + 1) * size
    return shapely.box(x, y, x + size, y + size)


@given(st.tuples(*[st.floats(-EDGE, EDGE)] * 4), st.integers(0, 5))
def test_the_tiles_are_those_that_touch(corners, zoom) -> None:
    x0, y0, x1, y1 = corners
    bounds = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    tiles = set(tiles_in(bounds, zoom))
    every = [Tile(zoom, x, y) for x in range(2**zoom) for y in range(2**zoom)]
    wanted = shapely.box(*bounds)
    assert {t for t in every if tile_box(t).intersection(wanted).area > 1} <= tiles
    assert all(tile_box(t).buffer(1).intersects(wanted) for t in tiles)


def test_too_many_tiles_are_refused() -> None:
    with pytest.raises(ConfigError, match='vector tiles of zoom=20 touch the image'):
        tiles_in((0, 0, EDGE, EDGE), 20)


def test_rows_may_count_from_the_south() -> None:
    assert Tile(3, 1, 2).uri('a/{z}/{x}/{y}.mvt') == 'a/3/1/2.mvt'
    assert Tile(3, 1, 2).uri('a/{z}/{x}/{-y}.mvt') == 'a/3/1/5.mvt'
    assert is_template('a/{z}/{x}/{-y}')
    assert not is_template('a/{z}/{x}')
    assert not is_template('a.mbtiles')


def test_parts_with_one_id_become_one_feature() -> None:
    polygon = shapely.box(0, 0, 10, 10)
    line = shapely.LineString([(0, 5), (20, 6)])
    left, right = shapely.box(-1, -1, 4, 20), shapely.box(4, -1, 30, 20)
    parts = [polygon & left, line & left, shapely.box(1, 1, 2, 2), polygon & right, line & right]
    rows = [{'@id': 1, 'n': 0}, {'@id': 2}, {}, {'@id': 1, 'n': 1}, {'@id': 2}]
    joined = join_by_id(Features(as_geoms(parts), rows), '@id')
    assert joined.column('@id') == [1, 2, None]
    assert joined.column('n')[0] == 0
    assert joined.geoms[0].equals(polygon)
    assert (
        joined.geoms[1].equals(line.segmentize(100))
        or joined.geoms[1].hausdorff_distance(line) < 1e-9
    )
    assert joined.geoms[1].geom_type == 'LineString'


def test_features_without_id_stay_apart() -> None:
    boxes = as_geoms([shapely.box(0, 0, 1, 1)] * 3)
    features = Features(boxes, [{}] * 3)
    assert len(join_by_id(features, '@id')) == 3


def test_ids_of_different_types_are_different() -> None:
    boxes = as_geoms([shapely.box(i, 0, i + 1, 1) for i in range(3)])
    rows = [{'@id': 7, '@type': type_} for type_ in ('way', 'relation', 'way')]
    assert len(join_by_id(Features(boxes[:2], rows[:2]), '@id')) == 2
    assert len(join_by_id(Features(boxes[[0, 1]], [rows[0], rows[2]]), '@id')) == 1
