"""Questions about many geometries, against shapely's own answers."""

import warnings

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from rastervision.core.data.utils.geoms import are_valid, total_bounds

WKT = (
    'POINT (1 2)',
    'LINESTRING (0 0, 3 -4)',
    'POLYGON ((0 0, 5 0, 5 5, 0 0))',
    'POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))',  # a bow tie
    'MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((0 0, 1 0, 1 1, 0 0)))',
    'POLYGON EMPTY',
    'GEOMETRYCOLLECTION EMPTY',
)
geoms = st.lists(st.sampled_from([None, *shapely.from_wkt(WKT)]), max_size=5)


@given(geoms)
def test_they_are_those_of_shapely(geoms):
    array = np.array(geoms, dtype=object)
    assert np.array_equal(are_valid(array), shapely.is_valid(array))
    expected = shapely.total_bounds(array) if geoms else [np.nan] * 4
    np.testing.assert_array_equal(total_bounds(array), expected)


@pytest.mark.parametrize('question', [are_valid, total_bounds])
def test_filters_of_warnings_stay_as_they_are(question, monkeypatch):
    monkeypatch.setattr(warnings, 'catch_warnings', None)
    question(shapely.from_wkt(WKT))
