"""Values of cells from the properties of features."""

import json

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipRegressionGeoJSONStore,
    ChipRegressionLabels,
    ChipRegressionLabelSource,
    ChipRegressionLabelSourceConfig,
    ClassConfig,
    GeoJSONVectorSource,
    IdentityCRSTransformer,
)
from rastervision.core.data.utils.features import Features, as_geoms
from rastervision.core.data.vector_source import VectorSource
from rastervision.pipeline.errors import ConfigError, DataError

PIXELS = IdentityCRSTransformer()
EXTENT = Box(0, 0, 20, 20)

squares = st.builds(Box.make_square, st.integers(-5, 25), st.integers(-5, 25), st.integers(1, 15))
values = st.none() | st.integers(-9, 9)


class InMemory(VectorSource):
    """Features that are given."""

    def __init__(self, shapes, rows):
        super().__init__(PIXELS)
        self._given = Features(as_geoms(shapes), rows, 'memory')

    def _get_features(self):
        return self._given


@given(st.lists(st.tuples(squares, values), max_size=6))
def test_values_are_means_weighted_by_shared_area(items):
    shapes = [square.to_shapely() for square, _ in items]
    rows = [{'v': value} for _, value in items]
    if items and all(value is None for _, value in items):
        return
    source = ChipRegressionLabelSource(InMemory(shapes, rows), ['v'], EXTENT, cell_sz=10)
    labels = source.get_labels()
    assert labels.get_cells() == EXTENT.get_windows(10, 10)
    for cell in labels.get_cells():
        known = [(cell.intersection(s).area, v) for s, v in items if v is not None]
        total = sum(weight for weight, _ in known)
        expected = sum(weight * v for weight, v in known) / total if total else np.nan
        np.testing.assert_allclose(labels[cell], [expected], rtol=1e-6)
        np.testing.assert_array_equal(source[cell], labels[cell])


@pytest.mark.parametrize('value', [float('inf'), -float('inf'), 1e39])
def test_values_that_no_float32_holds_are_refused(value):
    source = InMemory([EXTENT.to_shapely()] * 2, [{'v': 1}, {'v': value}])
    with pytest.raises(DataError, match=r"memory: the property 'v' is .*correct it"):
        ChipRegressionLabelSource(source, ['v'], EXTENT)


def test_points_and_lines_count_as_a_pixel():
    shapes = [
        shapely.Point(5, 5),
        shapely.LineString([(0, 2), (3, 2)]),
        shapely.box(0, 8, 3, 10),
    ]
    rows = [{'v': 1, 'w': 5}, {'v': 2}, {'v': 4, 'w': 1}]
    source = ChipRegressionLabelSource(InMemory(shapes, rows), ['v', 'w'], EXTENT)
    expected = [(1 * 1 + 3 * 2 + 6 * 4) / 10, (1 * 5 + 6 * 1) / 7]
    np.testing.assert_allclose(source[0:10, 0:10], expected, rtol=1e-6)
    assert source[Box(10, 10, 20, 20)].dtype == np.float32
    assert np.isnan(source[Box(10, 10, 20, 20)]).all()
    with pytest.raises(ConfigError, match='cell_sz'):
        source.get_labels()


def test_windows_count_from_the_bbox():
    source = ChipRegressionLabelSource(
        InMemory([shapely.box(10, 10, 15, 15)], [{'v': 3}]), ['v'], Box(10, 10, 30, 30)
    )
    assert source[Box(0, 0, 5, 5)] == 3
    source.set_bbox(EXTENT)
    assert np.isnan(source[Box(0, 0, 5, 5)])
    assert source.labels_bbox == Box(10, 10, 15, 15)


@pytest.mark.parametrize(
    ('rows', 'message'),
    [
        ([{'hight': 3}], "no feature has the property 'height', a target.* Did you mean hight?"),
        ([{'height': 'tall'}], "the property 'height' is 'tall', which is no number"),
    ],
)
def test_properties_that_are_no_targets(rows, message):
    with pytest.raises(DataError, match=message):
        ChipRegressionLabelSource(InMemory([shapely.box(0, 0, 1, 1)], rows), ['height'])


def test_a_config_needs_features():
    with pytest.raises(ConfigError, match='vector_source'):
        ChipRegressionLabelSourceConfig().build(ClassConfig(names=['v']), PIXELS)


# --- labels and their file


def test_what_is_saved_is_read_again(tmp_path):
    cells = EXTENT.get_windows(10, 10)
    predicted = np.array([[1, 2], [3, np.nan], [0.1, 0], [np.nan, np.nan]], dtype=np.float32)
    labels = ChipRegressionLabels(Box.to_npboxes(cells), predicted, [False, False, False, True])
    classes, bbox = ClassConfig(names=['height', 'class_id']), Box(5, 5, 25, 25)
    store = ChipRegressionGeoJSONStore(str(tmp_path / 'a.json'), classes, PIXELS, bbox)
    store.save(labels, key='abc')
    assert store.is_predicted('abc')
    again = store.get_labels()
    for name in ('cells', 'values', 'nodata'):
        np.testing.assert_array_equal(getattr(again, name), getattr(labels, name))
    features = json.loads((tmp_path / 'a.json').read_text())['features']
    assert features[1]['properties'] == {'height': 3, 'class_id': None, 'nodata': False}
    source = GeoJSONVectorSource(store.uri, PIXELS)
    read = ChipRegressionLabelSource(source, ['height'], bbox)  # predictions can be truth
    assert read[cells[0]] == 1


def test_a_file_with_something_else_is_told(tmp_path):
    path = tmp_path / 'a.json'
    geometry = shapely.geometry.mapping(shapely.box(0, 0, 10, 10))
    feature = {'type': 'Feature', 'geometry': geometry, 'properties': {'height': 'tall'}}
    path.write_text(json.dumps({'type': 'FeatureCollection', 'features': [feature]}))
    store = ChipRegressionGeoJSONStore(str(path), ClassConfig(names=['height']), PIXELS)
    with pytest.raises(DataError, match=r"a\.json: the property 'height' is 'tall', which is no"):
        store.get_labels()


def test_labels_of_regression():
    cells = EXTENT.get_windows(10, 10)
    one = ChipRegressionLabels.from_predictions(cells[:3], [[1], [2], [3]])
    both = one + ChipRegressionLabels.from_predictions(cells[2:], [[5], [6]])
    assert both.get_cells() == cells
    assert both.values.ravel().tolist() == [1, 2, 5, 6]
    assert both.filter_by_aoi([shapely.box(0, 0, 20, 10)]).get_cells() == cells[:2]
    assert len(ChipRegressionLabels.make_empty(2) + ChipRegressionLabels.make_empty(2)) == 0
    assert len(both.take([])) == 0
    assert ChipRegressionLabels.from_predictions([], [], num_targets=2).values.shape == (0, 2)
    with pytest.raises(ValueError, match='1 cells do not go with values of shape'):
        ChipRegressionLabels([[0, 0, 1, 1]], [[1.0], [2.0]])
