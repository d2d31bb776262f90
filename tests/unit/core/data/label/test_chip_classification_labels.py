"""Labels of cells behave as a dict from cells to labels."""

import json

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data import (
    ChipClassificationGeoJSONStore,
    ChipClassificationLabels,
    ClassConfig,
    ClassificationLabel,
    IdentityCRSTransformer,
    RasterioCRSTransformer,
)
from rastervision.core.data.utils.label_geojson import CHUNK
from rastervision.pipeline.errors import DataError, NotReadableError

UTM = RasterioCRSTransformer(Affine(2, 0, 500_000, 0, -2, 5_000_000), 'EPSG:32633')
CLASSES = ClassConfig(names=['house', 'träd', 'null'])

cells = st.builds(Box.make_square, st.integers(0, 5), st.integers(0, 5), st.just(10))
scores = st.none() | st.lists(st.floats(0, 1), min_size=3, max_size=3)
tables = st.dictionaries(cells, st.tuples(st.integers(0, 2), scores))


def as_dict(labels):
    return {cell: (labels[cell].class_id, labels[cell].scores) for cell in labels.get_cells()}


@given(tables)
def test_it_holds_what_was_put_in(table):
    labels = ChipClassificationLabels(table)
    assert as_dict(labels) == table
    assert len(labels) == len(table)
    assert list(labels) == labels.get_cells() == list(table)
    assert labels.get_class_ids() == [class_id for class_id, _ in table.values()]
    assert labels.get_scores() == [s for _, s in table.values()]
    assert labels.get_values() == [ClassificationLabel(*label) for label in table.values()]
    missing = Box(90, 90, 91, 91)
    assert missing not in labels
    assert labels.get_cell_class_id(missing) is labels.get_cell_scores(missing) is None
    with pytest.raises(KeyError):
        labels[missing]
    with pytest.raises(KeyError):
        labels.get_singleton_labels(missing)
    for cell, label in table.items():
        assert as_dict(labels.get_singleton_labels(cell)) == {cell: label}
        assert tuple(labels[cell]) == label


@given(tables, tables)
def test_adding_is_that_of_dicts(one, other):
    labels = ChipClassificationLabels(one) + ChipClassificationLabels(other)
    assert as_dict(labels) == {**one, **other}
    extended = ChipClassificationLabels(one)
    extended.extend(ChipClassificationLabels(other))
    assert extended == labels
    assert (labels == ChipClassificationLabels(one)) == ({**one, **other} == one)


@given(st.lists(st.tuples(cells, st.integers(0, 2), scores)))
def test_cells_can_be_set_one_by_one(steps):
    labels, table = ChipClassificationLabels.make_empty(), {}
    for cell, class_id, cell_scores in steps:
        labels.set_cell(cell, class_id, cell_scores)
        table[cell] = class_id, cell_scores
        assert labels.get_cell_class_id(cell) == class_id
    assert as_dict(labels) == table
    assert labels == ChipClassificationLabels(table)


def test_labels_of_other_cells_or_scores_differ():
    cell = Box(0, 0, 1, 1)
    labels = ChipClassificationLabels({cell: (1, None)})
    assert labels != ChipClassificationLabels({cell: (1, [0.0, 1.0])})
    assert labels != ChipClassificationLabels({Box(0, 0, 1, 2): (1, None)})
    assert labels != 'labels'


def test_predictions_are_of_the_highest_score():
    windows = Box(0, 0, 20, 20).get_windows(10, 10)
    predicted = np.array([[0.1, 0.9], [0.5, 0.5], [0.7, 0.3], [0.2, 0.8]], dtype=np.float32)
    labels = ChipClassificationLabels.from_predictions(windows, predicted)
    assert labels.get_class_ids() == [1, 0, 0, 1]
    np.testing.assert_array_equal(labels.scores, predicted)
    again = ChipClassificationLabels.from_predictions([*windows, windows[0]], [*predicted, [1, 0]])
    assert again.get_cell_class_id(windows[0]) == 0
    assert len(again) == 4
    assert len(ChipClassificationLabels.from_predictions([], [])) == 0


def test_as_many_scores_as_other_cells_have():
    labels = ChipClassificationLabels({Box(0, 0, 1, 1): (0, [0.4, 0.6])})
    with pytest.raises(ValueError, match='shape'):
        labels.set_cell(Box(0, 1, 1, 2), 0, [0.1, 0.2, 0.7])


def test_cells_within_the_areas_of_interest_are_kept():
    grid = Box(0, 0, 20, 20).get_windows(10, 10)
    labels = ChipClassificationLabels.from_arrays(Box.to_npboxes(grid), range(4))
    halves = [shapely.box(0, 0, 5, 20), shapely.box(5, 0, 12, 20)]  # together, the left cells
    assert labels.filter_by_aoi(halves).get_cells() == [grid[0], grid[2]]
    assert len(labels.filter_by_aoi([shapely.box(0, 0, 9, 9)])) == 0
    assert len(labels.filter_by_aoi([])) == 0


# --- files


def store_at(path, bbox=None, transformer=UTM):
    return ChipClassificationGeoJSONStore(str(path), CLASSES, transformer, bbox)


@pytest.mark.parametrize('bbox', [None, Box(100, 200, 140, 240)])
def test_what_is_saved_is_read_again(tmp_path, bbox):
    grid = Box(0, 0, 40, 40).get_windows(10, 10)
    rng = np.random.default_rng(0)
    scores = rng.random((len(grid), 3))
    scores[3] = np.nan
    labels = ChipClassificationLabels.from_arrays(
        Box.to_npboxes(grid), rng.integers(0, 3, len(grid)), scores, rng.random(len(grid)) < 0.2
    )
    for transformer in (UTM, IdentityCRSTransformer()):
        store = store_at(tmp_path / 'out.json', bbox, transformer)
        store.save(labels)
        assert store.get_labels() == labels
        assert store.get_labels().get_cells() == grid


def test_the_file_is_plain_geojson_in_map_coordinates(tmp_path):
    cell = Box(10, 20, 30, 40)
    ChipClassificationLabels({cell: (1, [0.25, 0.5, 0.25])}).save(
        str(tmp_path / 'a.json'), CLASSES, IdentityCRSTransformer(), Box(100, 200, 300, 400)
    )
    collection = json.loads((tmp_path / 'a.json').read_text(encoding='utf-8'))
    assert collection.keys() == {'type', 'features'}
    (feature,) = collection['features']
    expected = {'class_id': 1, 'class_name': 'träd', 'scores': [0.25, 0.5, 0.25]}
    assert feature['properties'] == expected
    shape = shapely.geometry.shape(feature['geometry'])
    assert shape.equals(cell.to_global_coords(Box(100, 200, 300, 400)).to_shapely())


@pytest.mark.parametrize('count', [0, 1, CHUNK, CHUNK + 1])
def test_files_of_any_length_are_valid(tmp_path, count):
    cells = np.arange(count)[:, None] + np.array([0, 0, 1, 1])
    labels = ChipClassificationLabels.from_arrays(cells, np.zeros(count))
    store = store_at(tmp_path / 'out.json', transformer=IdentityCRSTransformer())
    store.save(labels)
    assert len(json.loads((tmp_path / 'out.json').read_text())['features']) == count
    if count:
        assert store.get_labels() == labels


def test_a_file_tells_what_it_was_made_from(tmp_path):
    store, labels = (
        store_at(tmp_path / 'out.json'),
        ChipClassificationLabels({Box(0, 0, 9, 9): (0, None)}),
    )
    assert not store.is_predicted('abc')
    store.save(labels, key='abc')
    assert store.is_predicted('abc')
    assert not store.is_predicted('ab')
    assert store.get_labels() == labels
    assert json.loads((tmp_path / 'out.json').read_text())['prediction'] == {'key': 'abc'}
    store.save(labels)
    assert not store.is_predicted('abc')


def test_what_cannot_be_read_is_told(tmp_path):
    with pytest.raises(NotReadableError, match=r'none\.json'):
        store_at(tmp_path / 'none.json').get_labels()
    box = shapely.geometry.mapping(shapely.box(0, 0, 10, 10))
    features = [
        {'type': 'Feature', 'geometry': box, 'properties': {'class_id': 0, 'scores': [1.0] * k}}
        for k in (2, 3)
    ]
    path = tmp_path / 'scores.json'
    path.write_text(json.dumps({'type': 'FeatureCollection', 'features': features}))
    with pytest.raises(DataError, match=r'scores\.json: cells have 2 or 3 scores'):
        store_at(path, transformer=IdentityCRSTransformer()).get_labels()


@pytest.mark.parametrize(
    ('scores', 'message'),
    [
        (0.5, "'scores' is 0.5, but it must be a list of numbers"),
        ('ab', "'scores' is 'ab', but it must be a list of numbers"),
        ([0.5, 'b'], "'scores' is 'b', which is no number"),
    ],
)
def test_scores_that_are_no_numbers(tmp_path, scores, message):
    path = tmp_path / 'scores.json'
    properties = {'class_id': 0, 'scores': scores}
    geometry = shapely.geometry.mapping(shapely.box(0, 0, 10, 10))
    feature = {'type': 'Feature', 'geometry': geometry, 'properties': properties}
    path.write_text(json.dumps({'type': 'FeatureCollection', 'features': [feature]}))
    with pytest.raises(DataError, match=rf'scores\.json: the property {message}'):
        store_at(path, transformer=IdentityCRSTransformer()).get_labels()


def test_scores_that_are_missing_are_null(tmp_path):
    cell = Box(0, 0, 10, 10)
    labels = ChipClassificationLabels({cell: (0, [0.5, np.nan, np.inf])})
    assert labels.get_cell_scores(cell)[0] == 0.5
    store = store_at(tmp_path / 'a.json', transformer=IdentityCRSTransformer())
    store.save(labels)
    text = (tmp_path / 'a.json').read_text()
    (feature,) = json.loads(text, parse_constant=pytest.fail)['features']
    assert feature['properties']['scores'] == [0.5, None, None]
    np.testing.assert_array_equal(store.get_labels().scores, [[0.5, np.nan, np.nan]])


def test_cells_outside_of_the_extent_are_left_out(tmp_path):
    cells = [Box(0, x, 10, x + 10) for x in (0, 10, 15, 20)] + [Box(10, -5, 20, 5)]
    labels = ChipClassificationLabels.from_arrays(Box.to_npboxes(cells), range(5))
    store = store_at(tmp_path / 'a.json', transformer=IdentityCRSTransformer())
    store.class_config = ClassConfig(names=list('abcde'))
    store.save(labels)
    store.set_bbox(Box(0, 0, 20, 20))  # what release 0.31 answers for cells of a label source
    assert store.get_labels().get_cells() == [*cells[:3], cells[4]]
    store.set_bbox(Box(5, 5, 20, 20))
    shift = Box(5, 5, 20, 20)
    assert store.get_labels().get_cells() == [c.to_local_coords(shift) for c in cells[:3]]


def test_labels_are_set_by_cell():
    labels, cell = ChipClassificationLabels(), Box(0, 0, 10, 10)
    labels[cell] = ClassificationLabel(1, [0.2, 0.8])
    assert labels[cell] == ClassificationLabel(1, [0.2, 0.8])
    labels[cell] = ClassificationLabel(0)
    assert labels.cell_to_label == {cell: ClassificationLabel(0)}
