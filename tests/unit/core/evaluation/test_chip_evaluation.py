"""Scores of cells: classes and values."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from rastervision.core.box import Box
from rastervision.core.data import ChipClassificationLabels, ClassConfig
from rastervision.core.evaluation import ChipClassificationEvaluation, ChipRegressionEvaluation

CELLS = Box(0, 0, 60, 60).get_windows(10, 10)


def labels_of(class_ids, cells=CELLS, nodata=None):
    return ChipClassificationLabels.from_arrays(Box.to_npboxes(cells), class_ids, nodata=nodata)


def test_classes_are_scored_as_by_sklearn():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 3, (2, len(CELLS)))
    evaluation = ChipClassificationEvaluation(ClassConfig(names=['a', 'b', 'c']))
    order = rng.permutation(len(CELLS))
    shuffled = labels_of(predicted[order], [CELLS[i] for i in order])
    evaluation.compute(labels_of(truth), shuffled)
    np.testing.assert_array_equal(evaluation.conf_mat, metrics.confusion_matrix(truth, predicted))
    expected = metrics.precision_recall_fscore_support(truth, predicted)
    items = [evaluation.class_to_eval_item[i] for i in range(3)]
    ours = [[getattr(i, name) for i in items] for name in ('precision', 'recall', 'f1', 'gt_count')]
    np.testing.assert_allclose(ours, expected)


def test_only_cells_of_both_count():
    evaluation = ChipClassificationEvaluation(ClassConfig(names=['a', 'b']))
    evaluation.compute(labels_of([0, 1], CELLS[:2]), labels_of([0, 0], CELLS[1:3]))
    assert evaluation.conf_mat.tolist() == [[0, 0], [1, 0]]
    evaluation.compute(labels_of([0, 1], CELLS[:2]), labels_of([0], CELLS[5:6]))
    assert evaluation.conf_mat.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(('null', 'counted'), [('null', 1), ('other', 2)])
def test_missing_data_does_not_count(null, counted):
    classes = ClassConfig(names=['a', null], null_class=null)
    evaluation = ChipClassificationEvaluation(classes)
    truth = labels_of([0, 1, 0], CELLS[:3])
    evaluation.compute(truth, labels_of([0, 0, 1], CELLS[:3], nodata=[False, False, True]))
    assert evaluation.conf_mat.sum() == counted


# --- values


def test_values_are_scored_as_by_sklearn():
    rng = np.random.default_rng(0)
    truth = rng.normal(2000, 5, (50, 2))
    predicted = truth + rng.normal(1, 2, (50, 2))
    truth[:10, 1] = np.nan
    evaluation = ChipRegressionEvaluation(['height', 'year'])
    evaluation.compute(truth.astype(np.float32), predicted.astype(np.float32))
    for i, start in enumerate((0, 10)):
        item, pair = evaluation.to_json()[i], (truth[start:, i], predicted[start:, i])
        assert item['count'] == 50 - start
        expected = {
            'mae': metrics.mean_absolute_error(*pair),
            'rmse': metrics.mean_squared_error(*pair) ** 0.5,
            'bias': (pair[1] - pair[0]).mean(),
            'r2': metrics.r2_score(*pair),
        }
        assert item['metrics'] == pytest.approx(expected, rel=1e-3)


@given(st.lists(st.tuples(*[st.floats(-100, 100, width=32)] * 2), max_size=20), st.integers(0, 20))
def test_scores_of_parts_add_up(pairs, cut):
    values = np.array(pairs, dtype=np.float32).reshape(-1, 2, 1)
    whole, total = ChipRegressionEvaluation(['v']), ChipRegressionEvaluation(['v'])
    whole.compute(values[:, 0], values[:, 1])
    for name, part in (('one', values[:cut]), ('two', values[cut:])):
        evaluation = ChipRegressionEvaluation(['v'])
        evaluation.compute(part[:, 0], part[:, 1])
        total.merge(evaluation, scene_id=name)
    np.testing.assert_allclose(total.sums, whole.sums, rtol=1e-9, atol=1e-6)
    assert list(total.to_json()['per_scene']) == ['one', 'two']
    json.dumps(total.to_json(), allow_nan=False)


@pytest.mark.parametrize('mean', [0, 1e6, 1e9])
def test_r2_is_exact_however_far_from_zero_values_are(mean):
    rng = np.random.default_rng(0)
    truth = mean + rng.integers(-50, 50, (40, 1)).astype(float)
    predicted = truth + rng.integers(-9, 9, (40, 1))
    total = ChipRegressionEvaluation(['v'])
    for part in np.split(np.arange(40), [1, 7, 30]):
        evaluation = ChipRegressionEvaluation(['v'])
        evaluation.compute(truth[part], predicted[part])
        total.merge(evaluation)
    expected = metrics.r2_score(truth - mean, predicted - mean)
    assert total.to_json()[0]['metrics']['r2'] == pytest.approx(expected, rel=1e-3)


def test_infinite_scores_are_null():
    evaluation = ChipRegressionEvaluation(['v', 'w'])
    evaluation.compute(np.array([[1.0, 1], [2, 2]]), np.array([[np.inf, 1], [2, 2]]))
    v, w, average = evaluation.to_json()
    assert v['metrics']['mae'] is None
    assert w['metrics']['mae'] == average['metrics']['mae'] == 0


@pytest.mark.parametrize('truth', [[np.nan, np.nan], [5.0, 5.0]])
def test_scores_without_anything_to_divide_by_are_null(truth, tmp_path):
    evaluation = ChipRegressionEvaluation(['v'])
    evaluation.compute(np.array(truth)[:, None], np.array([[5.0], [6.0]]))
    evaluation.save(str(tmp_path / 'eval.json'))
    item, average = json.loads((tmp_path / 'eval.json').read_text())
    assert item['metrics']['r2'] is average['metrics']['r2'] is None
    assert (item['metrics']['mae'] is None) == bool(np.isnan(truth).all())
