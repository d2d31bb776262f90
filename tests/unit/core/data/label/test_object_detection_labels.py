import json

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data import ClassConfig, IdentityCRSTransformer, ObjectDetectionLabels
from rastervision.core.data.label import NpBoxList
from rastervision.core.data.label.np_box_list import (
    clip_to_window,
    concatenate,
    non_max_suppression,
    prune_non_overlapping_boxes,
)
from rastervision.pipeline.errors import ConfigError, DataError

BOXES = np.array([[0, 0, 10, 10], [0, 5, 10, 15], [0, 0, 10, 10.4], [20, 20, 30, 30]])
IDS = [0, 0, 1, 1]
SCORES = [0.9, 0.8, 0.7, 0.5]


@pytest.fixture
def labels() -> ObjectDetectionLabels:
    return ObjectDetectionLabels(BOXES, IDS, SCORES)


def scores(labels: ObjectDetectionLabels) -> list[float]:
    return labels.get_scores().tolist()


def test_contents(labels):
    assert len(labels) == 4
    assert np.array_equal(labels.get_npboxes(), BOXES)
    assert labels.get_class_ids().tolist() == IDS
    assert scores(labels) == SCORES
    assert labels.get_boxes()[3] == Box(20, 20, 30, 30)
    assert scores(ObjectDetectionLabels(BOXES, IDS)) == [1, 1, 1, 1]


def test_arrays_must_go_together():
    for boxes, ids, values in (
        (BOXES, IDS[:3], None),
        (BOXES, IDS, SCORES[:3]),
        ([0, 1], [0], [1]),
    ):
        with pytest.raises(ValueError, match=r'Boxes must be \(N, 4\)'):
            ObjectDetectionLabels(boxes, ids, values)


def test_no_boxes():
    empty = ObjectDetectionLabels.make_empty()
    assert len(empty) == 0
    assert empty.get_npboxes().shape == (0, 4)
    assert len(empty + empty) == 0
    assert len(empty[Box(0, 0, 5, 5)]) == 0
    assert len(ObjectDetectionLabels.prune_duplicates(empty, 0.5, 0.5)) == 0
    assert len(empty.filter_by_aoi([shapely.box(0, 0, 1, 1)])) == 0
    assert len(ObjectDetectionLabels([], [])) == 0
    assert len(ObjectDetectionLabels.from_predictions([], [])) == 0


def test_as_dict(labels):
    entries = labels.to_dict()
    assert entries[Box(0, 0, 10, 10.4)] == (1, 0.7)
    fine = ObjectDetectionLabels([[0.123, 0, 1, 1]], [2])
    assert list(fine.to_dict()) == [Box(0.12, 0, 1, 1)]
    assert list(fine.to_dict(round_boxes=False)) == [Box(0.123, 0, 1, 1)]


def test_equal_labels(labels):
    labels.assert_equal(ObjectDetectionLabels(BOXES, IDS, SCORES))
    for other in (
        ObjectDetectionLabels(BOXES + 1, IDS, SCORES),
        ObjectDetectionLabels(BOXES, [0, 0, 1, 0], SCORES),
        ObjectDetectionLabels(BOXES, IDS),
    ):
        with pytest.raises(AssertionError):
            labels.assert_equal(other)


def test_predictions_of_windows_are_moved_to_their_places():
    windows = [Box(0, 0, 10, 10), Box(5, 20, 15, 30), Box(5, 0, 15, 10)]
    predictions = [
        {'boxes': np.array([[1, 2, 3, 4.5]]), 'class_ids': [1], 'scores': [0.25]},
        {'boxes': np.zeros((0, 4)), 'class_ids': [], 'scores': []},
        {'boxes': [[0, 0, 1, 1], [2, 2, 3, 3]], 'class_ids': [0, 2], 'scores': [0.5, 0.75]},
    ]
    labels = ObjectDetectionLabels.from_predictions(windows, iter(predictions))
    expected = [[1, 2, 3, 4.5], [5, 0, 6, 1], [7, 2, 8, 3]]
    labels.assert_equal(ObjectDetectionLabels(expected, [1, 0, 2], [0.25, 0.5, 0.75]))
    assert labels.get_class_ids().dtype == np.int64
    with pytest.raises(ValueError, match='shorter'):
        ObjectDetectionLabels.from_predictions(windows, predictions[:2])


def test_a_window_has_the_boxes_that_lie_in_it_by_half(labels):
    assert scores(labels[Box(0, 0, 10, 10)]) == [0.9, 0.8, 0.7]
    assert scores(labels[Box(0, 0, 10, 9)]) == [0.9, 0.7]
    overlapping = ObjectDetectionLabels.get_overlapping
    assert scores(overlapping(labels, Box(0, 0, 10, 9), 0.95)) == []
    assert scores(overlapping(labels, Box(29, 29, 40, 40), 0.01)) == [0.5]
    assert scores(overlapping(labels, Box(30, 30, 40, 40), 1e-6)) == []
    clipped = overlapping(labels, Box(0, 0, 10, 10), 0.5, clip=True)
    assert clipped.get_npboxes().tolist() == [[0, 0, 10, 10], [0, 5, 10, 10], [0, 0, 10, 10]]


def test_areas_of_interest_keep_what_lies_in_all_of_them_together(labels):
    left, right = shapely.box(-1, -1, 5, 11), shapely.box(5, -1, 40, 40)
    assert scores(labels.filter_by_aoi([left])) == []
    assert scores(labels.filter_by_aoi([right])) == [0.8, 0.5]
    assert scores(labels.filter_by_aoi([left, right])) == SCORES
    assert scores(labels.touching([left])) == [0.9, 0.8, 0.7]


def test_labels_with_the_same_boxes_are_equal(labels):
    same = ObjectDetectionLabels(
        labels.get_npboxes().copy(), labels.get_class_ids(), labels.get_scores()
    )
    assert same == labels
    assert same != labels.take(np.array([0, 1]))
    assert same != ObjectDetectionLabels(labels.get_npboxes(), labels.get_class_ids())
    assert same != ObjectDetectionLabels(
        labels.get_npboxes() + 1, labels.get_class_ids(), labels.get_scores()
    )
    assert ObjectDetectionLabels.make_empty() == ObjectDetectionLabels.make_empty()
    assert labels != labels.get_npboxes().tolist()
    with pytest.raises(TypeError, match='unhashable'):
        hash(labels)


def test_boxlist_has_all_fields(labels):
    assert ObjectDetectionLabels.from_boxlist(labels.boxlist) == labels


def test_duplicates_are_pruned(labels):
    prune = ObjectDetectionLabels.prune_duplicates
    assert scores(prune(labels, 0.5, 0.3)) == [0.9]
    assert scores(prune(labels, 0.1, 1 / 3)) == [0.9, 0.8, 0.5]
    assert scores(prune(labels, 0.1, 1.0)) == SCORES
    assert scores(prune(labels, 0.1, 1.0, max_output_size=2)) == [0.9, 0.8]
    assert scores(prune(labels, 0.1, 0.3, across_classes=False)) == [0.9, 0.7, 0.5]


def test_adding(labels):
    both = labels + ObjectDetectionLabels([[1, 1, 2, 2]], [2], [0.1])
    assert both.get_class_ids().tolist() == [*IDS, 2]
    assert scores(both) == [*SCORES, 0.1]


@given(
    st.lists(st.tuples(*[st.integers(-50, 50)] * 4), max_size=5),
    st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 99), st.integers(1, 99)),
)
def test_frames_are_inverse_to_each_other(rows, place):
    boxes = np.array(rows, dtype=float).reshape(-1, 4)
    window = Box(place[0], place[1], place[0] + place[2], place[1] + place[3])
    local = ObjectDetectionLabels.global_to_local(boxes, window)
    assert np.array_equal(ObjectDetectionLabels.local_to_global(local, window), boxes)
    shares = ObjectDetectionLabels.local_to_normalized(local, window)
    np.testing.assert_allclose(
        ObjectDetectionLabels.normalized_to_local(shares, window), local, atol=1e-9
    )
    whole = np.array([window.tuple_format()])
    in_window = ObjectDetectionLabels.global_to_local(whole, window)
    assert ObjectDetectionLabels.local_to_normalized(in_window, window).tolist() == [[0, 0, 1, 1]]


def geojson(*features):
    return {
        'type': 'FeatureCollection',
        'features': [
            {'type': 'Feature', 'geometry': shapely.geometry.mapping(geom), 'properties': row}
            for geom, row in features
        ],
    }


def test_boxes_around_polygons():
    triangle = shapely.Polygon([(10, 2), (30, 2), (30, 9)])
    document = geojson((shapely.box(1, 2, 6, 9), {'class_id': 1}), (triangle, {'class_id': 0}))
    document['features'][1]['properties']['score'] = 0.4
    labels = ObjectDetectionLabels.from_geojson(document)
    labels.assert_equal(ObjectDetectionLabels([[2, 1, 9, 6], [2, 10, 9, 30]], [1, 0], [1, 0.4]))
    inside = ObjectDetectionLabels.from_geojson(document, Box(0, 0, 8, 8))
    assert inside.get_npboxes().tolist() == [[2, 1, 8, 6]]
    whole = ObjectDetectionLabels.from_geojson(document, Box(0, 0, 8, 8), clip=False)
    assert whole.get_npboxes().tolist() == [[2, 1, 9, 6]]


def test_boxes_need_a_class():
    with pytest.raises(DataError, match='document: there are features without class_id'):
        ObjectDetectionLabels.from_geojson(geojson((shapely.box(0, 0, 1, 1), {'name': 'x'})))


def test_scores_are_numbers():
    document = geojson((shapely.box(0, 0, 1, 1), {'class_id': 0, 'score': 'good'}))
    with pytest.raises(DataError, match="property score is 'good', which is no number"):
        ObjectDetectionLabels.from_geojson(document)


def test_unknown_classes_are_not_saved(tmp_path, labels):
    with pytest.raises(ConfigError, match='no class 1'):
        labels.save(str(tmp_path / 'x.json'), ClassConfig(names=['a']), IdentityCRSTransformer())
    assert list(tmp_path.iterdir()) == []


def test_saving_writes_one_polygon_per_box(tmp_path, labels):
    uri = str(tmp_path / 'x.json')
    labels.save(uri, ClassConfig(names=['a', 'b']), IdentityCRSTransformer(), Box(5, 7, 99, 99))
    features = json.loads((tmp_path / 'x.json').read_text())['features']
    assert [f['properties']['class_name'] for f in features] == ['a', 'a', 'b', 'b']
    assert features[1]['properties'] == {'class_id': 0, 'class_name': 'a', 'score': 0.8}
    assert shapely.geometry.shape(features[1]['geometry']).bounds == (12, 5, 22, 15)


# ---- NpBoxList


def test_box_list_round_trip(labels):
    boxlist = labels.to_boxlist()
    assert boxlist.num_boxes() == 4
    assert boxlist.get_extra_fields() == ['classes', 'scores']
    assert [column.tolist() for column in boxlist.get_coordinates()] == BOXES.T.tolist()
    ObjectDetectionLabels.from_boxlist(boxlist).assert_equal(labels)
    without_scores = concatenate([boxlist], fields=['classes'])
    assert scores(ObjectDetectionLabels.from_boxlist(without_scores)) == [1, 1, 1, 1]


def test_box_list_refuses_what_does_not_fit(labels):
    boxlist = labels.to_boxlist()
    with pytest.raises(ValueError, match=r'shape \(N, 4\)'):
        NpBoxList(np.zeros(4))
    with pytest.raises(ValueError, match='ymin <= ymax'):
        NpBoxList(np.array([[2, 0, 1, 1]]))
    with pytest.raises(ValueError, match="field 'scores' already"):
        boxlist.add_field('scores', np.ones(4))
    with pytest.raises(ValueError, match='must have 4 entries'):
        boxlist.add_field('area', np.ones(3))
    with pytest.raises(ValueError, match="no field 'area', only boxes, classes, scores"):
        boxlist.get_field('area')
    with pytest.raises(ValueError, match='nothing to join'):
        concatenate([])


def test_box_list_functions(labels):
    boxlist = labels.to_boxlist()
    clipped = clip_to_window(boxlist, np.array([0, 0, 10, 10]))
    assert clipped.get().tolist() == [[0, 0, 10, 10], [0, 5, 10, 10], [0, 0, 10, 10]]
    assert clipped.get_field('classes').tolist() == [0, 0, 1]
    assert concatenate([boxlist, clipped]).num_boxes() == 7
    best = non_max_suppression(boxlist, iou_threshold=0.3, score_threshold=0.1)
    assert best.get_field('scores').tolist() == [0.9, 0.5]
    assert non_max_suppression(boxlist, 1, 0.3).num_boxes() == 1
    assert non_max_suppression(boxlist).num_boxes() == 4
    left = NpBoxList(np.array([[0, 0, 10, 5.0]]))
    assert prune_non_overlapping_boxes(boxlist, left, 0.5).get().tolist() == [[0, 0, 10, 10]]
    assert prune_non_overlapping_boxes(boxlist, left, 0.49).num_boxes() == 1
    assert prune_non_overlapping_boxes(boxlist, left, 0.01).num_boxes() == 2
    assert prune_non_overlapping_boxes(boxlist, left).num_boxes() == 4
    assert prune_non_overlapping_boxes(boxlist, NpBoxList(np.zeros((0, 4)))).num_boxes() == 0


def test_boxes_are_added_by_window(labels):
    window = Box(100, 200, 300, 400)
    more = {
        'boxes': np.array([[1, 2, 3, 4]]),
        'class_ids': np.array([1]),
        'scores': np.array([0.3]),
    }
    labels[window] = more
    assert len(labels) == 5
    assert labels.get_npboxes()[4].tolist() == [101, 202, 103, 204]
    assert scores(labels)[4] == 0.3
    assert np.array_equal(labels.boxlist.get_field('classes'), [*IDS, 1])
