import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import Geod

from rastervision.core.data import (
    IdentityCRSTransformer,
    RasterioCRSTransformer,
    ShiftTransformer,
    ShiftTransformerConfig,
)
from rastervision.core.data.utils.features import Features, as_geoms
from rastervision.core.data.vector_transformer import VectorTransformer
from rastervision.pipeline.errors import ConfigError

UTM = RasterioCRSTransformer(Affine(0.5, 0, 500_000, 0, -0.5, 5_000_000), 'EPSG:32633')
LON_LAT = RasterioCRSTransformer(Affine(1e-5, 0, 15, 0, -1e-5, 45), 'EPSG:4326')
POINTS = np.array([[100.0, 200.0], [900.0, 700.0]])


def shifted(transformer, crs_transformer):
    features = Features(as_geoms(shapely.points(POINTS)), [{}, {}])
    return shapely.get_coordinates(transformer.apply(features, crs_transformer).geoms)


def test_metres_become_pixels() -> None:
    moved = shifted(ShiftTransformer(10, 20, round_pixels=False), UTM)
    # half a metre a pixel, y points down; 0.9996 is the scale of UTM at its central meridian
    assert np.allclose(moved - POINTS, [10 / 0.5 * 0.9996, -20 / 0.5 * 0.9996], atol=0.02)


@pytest.mark.parametrize('crs_transformer', [UTM, LON_LAT])
def test_the_distance_on_the_ground_is_what_was_asked_for(crs_transformer) -> None:
    moved = shifted(ShiftTransformer(30, -40, round_pixels=False), crs_transformer)
    before = crs_transformer.pixel_to_map((POINTS[:, 0], POINTS[:, 1]))
    after = crs_transformer.pixel_to_map((moved[:, 0], moved[:, 1]))
    _, _, distance = Geod(ellps='WGS84').inv(*before, *after)
    assert np.allclose(distance, 50, atol=1e-3)


def test_rounding() -> None:
    exact = shifted(ShiftTransformer(1.3, 2.1, round_pixels=False), UTM)
    assert np.array_equal(shifted(ShiftTransformer(1.3, 2.1), UTM), np.round(exact))


def test_no_shift_changes_nothing() -> None:
    assert np.array_equal(shifted(ShiftTransformerConfig().build(), UTM), POINTS)


@pytest.mark.parametrize('crs_transformer', [None, IdentityCRSTransformer()])
def test_metres_need_a_georeference(crs_transformer) -> None:
    with pytest.raises(ConfigError, match='shift_transformer'):
        shifted(ShiftTransformer(1, 1), crs_transformer)


def test_a_transformer_of_dicts_works_on_arrays_too() -> None:
    class Tag(VectorTransformer):
        def transform(self, geojson, crs_transformer=None):
            tagged = [{**f, 'properties': {'tag': 1}} for f in geojson['features']]
            return {**geojson, 'features': tagged}

    features = Features(as_geoms(shapely.points(POINTS)), [{}, {}], 'x')
    applied = Tag().apply(features)
    assert applied.column('tag') == [1, 1]
    assert list(applied.geoms) == list(features.geoms)
