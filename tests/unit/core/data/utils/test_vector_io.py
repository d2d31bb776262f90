import json
import logging

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import Transformer

from rastervision.core.data.crs_transformer import (
    CRSTransformer,
    IdentityCRSTransformer,
    RasterioCRSTransformer,
)
from rastervision.core.data.utils.features import Features, as_geoms
from rastervision.core.data.utils.vector_io import read_features, to_pixels
from rastervision.core.grid import to_crs
from rastervision.pipeline.errors import DataError, NotReadableError

TRANSFORM = Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000)
UTM = RasterioCRSTransformer(TRANSFORM, 'EPSG:32633')
PIXELS = np.array([[0.0, 0.0], [10.25, 3.5], [7.75, 12.5], [0.0, 0.0]])


def to_utm(xy):
    return np.stack([500_000 + 0.5 * xy[:, 0], 5_000_000 - 0.5 * xy[:, 1]], -1)


def in_crs(code: str | None) -> Features:
    """A triangle given in pixels of the raster, in some CRS."""
    x, y = to_utm(PIXELS).T
    x, y = Transformer.from_crs('EPSG:32633', code or 'EPSG:4326', always_xy=True).transform(x, y)
    return Features(as_geoms([shapely.Polygon(np.stack([x, y], -1))]), [{}], 'labels.json')


@pytest.mark.parametrize('code', [None, 'EPSG:4326', 'EPSG:32633', 'EPSG:3857', 'EPSG:32632'])
def test_any_crs_lands_on_the_same_pixels(code) -> None:
    placed = to_pixels(in_crs(code), to_crs(code), UTM, rounding='none')
    assert np.allclose(shapely.get_coordinates(placed.geoms), PIXELS, atol=1e-5)
    floored = to_pixels(in_crs(code), to_crs(code), UTM)
    assert np.array_equal(shapely.get_coordinates(floored.geoms), np.floor(PIXELS))
    nearest = to_pixels(in_crs(code), to_crs(code), UTM, rounding='nearest')
    assert np.array_equal(shapely.get_coordinates(nearest.geoms), np.round(PIXELS))


def test_a_transformer_that_does_not_round_is_respected() -> None:
    exact = RasterioCRSTransformer(TRANSFORM, 'EPSG:32633', round_pixels=False)
    for crs in (None, 'EPSG:32633'):
        placed = to_pixels(in_crs(crs), to_crs(crs), exact)
        assert np.allclose(shapely.get_coordinates(placed.geoms), PIXELS, atol=1e-5)


def test_polygons_that_rounding_breaks_are_mended() -> None:
    sliver = shapely.Polygon([(0, 0), (10, 0.4), (10, 0.6), (0, 0.2)])
    bow = shapely.Polygon([(0, 0), (4, 4.2), (4, 0), (1.9, 2.1), (0, 4)])
    moved = shapely.transform(as_geoms([sliver, bow]), to_utm)
    placed = to_pixels(Features(moved, [{'i': 0}, {'i': 1}]), to_crs('EPSG:32633'), UTM)
    assert set(placed.column('i')) == {1}
    assert shapely.is_valid(placed.geoms).all()


def test_projected_coordinates_without_crs_are_refused() -> None:
    with pytest.raises(DataError, match=r'labels\.json.*not longitude and latitude') as e:
        to_pixels(in_crs('EPSG:32633'), None, UTM)
    assert '"crs": {"type": "name"' in str(e.value)
    with pytest.raises(DataError, match=r'labels\.json.*states the CRS WGS 84'):
        to_pixels(in_crs('EPSG:32633'), to_crs('EPSG:4326'), UTM)


def test_without_georeference_coordinates_are_pixels() -> None:
    pixels = Features(as_geoms([shapely.Polygon(PIXELS * 100)]), [{}])
    placed = to_pixels(pixels, None, IdentityCRSTransformer())
    assert placed.geoms[0].equals(pixels.geoms[0])
    assert len(to_pixels(pixels, to_crs('EPSG:4326'), IdentityCRSTransformer())) == 1
    with pytest.raises(DataError, match=r'labels\.json is in EPSG:32633.*no georeference'):
        to_pixels(in_crs('EPSG:32633'), to_crs('EPSG:32633'), IdentityCRSTransformer())


def test_longitudes_and_latitudes_are_no_pixels() -> None:
    with pytest.raises(DataError, match=r'labels\.json.*smaller than a pixel.*no georeference'):
        to_pixels(in_crs('EPSG:4326'), None, IdentityCRSTransformer())
    point = Features(as_geoms([shapely.Point(3, 4)]), [{}])
    assert len(to_pixels(point, None, IdentityCRSTransformer())) == 1


def test_a_crs_that_is_not_tied_to_the_earth_is_refused() -> None:
    local = RasterioCRSTransformer(TRANSFORM, 'LOCAL_CS["site",UNIT["metre",1]]')
    with pytest.raises(DataError, match=r"labels\.json cannot be placed.*'site' and 'WGS 84'"):
        to_pixels(in_crs('EPSG:4326'), None, local)


def test_transformers_of_others_take_their_own_map_crs_only() -> None:
    class Other(CRSTransformer):
        def _map_to_pixel(self, point):
            return point

        _pixel_to_map = _map_to_pixel

    other = Other(map_crs='EPSG:4326')
    assert len(to_pixels(in_crs('EPSG:4326'), to_crs('EPSG:4326'), other)) == 1
    with pytest.raises(DataError, match='Other takes EPSG:4326 only'):
        to_pixels(in_crs('EPSG:3857'), to_crs('EPSG:3857'), other)


def test_what_the_projection_does_not_reach_is_left_out(caplog) -> None:
    half_globe = RasterioCRSTransformer(Affine(1, 0, 0, 0, -1, 0), '+proj=ortho +lat_0=0 +lon_0=0')
    boxes = as_geoms([shapely.box(0, 0, 1, 1), shapely.box(170, 0, 175, 1)])
    with caplog.at_level(logging.WARNING):
        placed = to_pixels(Features(boxes, [{'i': 0}, {'i': 1}], 'x.json'), None, half_globe)
    assert placed.column('i') == [0]
    assert 'x.json: dropped 1 geometries that lie where the projection' in caplog.text
    with pytest.raises(DataError, match=r'x\.json does not overlap its image'):
        to_pixels(Features(boxes[1:], [{}], 'x.json'), None, half_globe)


def test_polygons_that_rounding_makes_vanish_are_counted(caplog) -> None:
    xy = to_utm(np.array([[3.1, 3.1], [3.9, 3.2], [3.5, 3.8]]))
    small = Features(as_geoms([shapely.Polygon(xy)]), [{}], 'x.json')
    assert len(to_pixels(small, to_crs('EPSG:32633'), UTM, 'none')) == 1
    assert not caplog.messages
    assert len(to_pixels(small, to_crs('EPSG:32633'), UTM)) == 0
    assert 'x.json: dropped 1 polygons that have no area in pixels' in caplog.text
    assert 'round_pixels=False' in caplog.text


def test_reading_reports_what_was_mended_in_one_line(tmp_path, caplog) -> None:
    geometries = [
        None,
        {'type': 'Polygon', 'coordinates': []},
        {'type': 'Polygon', 'coordinates': [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]},
        {'type': 'Polygon', 'coordinates': [[[0, 0], [2, 2], [1, 1], [0, 0]]]},
    ]
    features = [{'type': 'Feature', 'geometry': g, 'properties': {}} for g in geometries]
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps({'type': 'FeatureCollection', 'features': features}))
    with caplog.at_level(logging.WARNING):
        read, crs = read_features(str(path))
    assert len(read) == 2
    assert crs is None
    (line,) = caplog.messages
    assert 'dropped 3 geometries (1 without geometry, 1 empty, 1 without area)' in line
    assert 'repaired 1 invalid polygons' in line
    assert str(path) in line


def test_a_byte_order_mark_is_no_error(tmp_path) -> None:
    path = tmp_path / 'labels.json'
    path.write_text('{"type": "FeatureCollection", "features": []}', encoding='utf-8-sig')
    assert len(read_features(str(path))[0]) == 0


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'is empty'),
        (b' \n', 'is empty'),
        (b'{"type": ', 'line 1, column'),
        (b'{}\n{}', 'Extra data at line 2'),
        (b'\x00\x01\xff\xfe', 'is not GeoJSON.*ogr2ogr'),
        (b'SQLite format 3\x00\xff\xff', 'is not GeoJSON'),
        (b'{"a": 1}', 'is not GeoJSON'),
    ],
)
def test_other_files_are_refused(tmp_path, content, message) -> None:
    path = tmp_path / 'labels.json'
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as e:
        read_features(str(path))
    assert str(path) in str(e.value)


def test_a_missing_file_is_refused(tmp_path) -> None:
    with pytest.raises(NotReadableError, match='missing'):
        read_features(str(tmp_path / 'missing.json'))
    with pytest.raises(NotReadableError, match=f'{tmp_path.name}: '):
        read_features(str(tmp_path))
