import json

import numpy as np
import pytest

from rastervision.core.data import ClassConfig
from rastervision.core.evaluation import ClassEvaluationItem, SemanticSegmentationEvaluation

CLASSES = ClassConfig(names=['a', 'b', 'c'])


def evaluation(confusion):
    scores = SemanticSegmentationEvaluation(CLASSES)
    scores.set_confusion(np.array(confusion))
    return scores


def test_item_counts():
    item = ClassEvaluationItem(1, 'b', tp=3, fp=2, fn=1, tn=4, note='x')
    assert (item.true_pos, item.false_pos, item.false_neg, item.true_neg) == (3, 2, 1, 4)
    assert (item.gt_count, item.pred_count) == (4, 5)
    assert item.recall == item.sensitivity == 0.75
    assert item.precision == 0.6
    assert item.f1 == pytest.approx(2 / 3)
    assert item.specificity == pytest.approx(4 / 6)
    assert item.iou == 0.5
    assert item.accuracy == 0.7
    entry = item.to_json()
    assert entry['conf_mat'] == [[4, 2], [1, 3]]
    assert entry['conf_mat_dict'] == {'TN': 4, 'FP': 2, 'FN': 1, 'TP': 3}
    assert entry['note'] == 'x'


def test_item_without_true_negatives():
    item = ClassEvaluationItem(0, 'a', tp=3, fp=2, fn=1)
    item.merge(ClassEvaluationItem(0, 'a', tp=1, fp=0, fn=1))
    assert item.true_neg is None
    assert item.recall == pytest.approx(4 / 6)
    entry = json.loads(json.dumps(item.to_json(), allow_nan=False))
    assert entry['metrics']['specificity'] is None
    assert entry['metrics']['accuracy'] is None
    assert entry['conf_mat'] == [[None, 2], [2, 4]]


def test_only_the_same_class_can_be_merged():
    with pytest.raises(ValueError, match='Class 0 cannot be merged with 1'):
        ClassEvaluationItem(0, 'a', 1, 1, 1, 1).merge(ClassEvaluationItem(1, 'b', 1, 1, 1, 1))


def test_merging_scenes_is_summing_their_confusions():
    rng = np.random.default_rng(0)
    confusions = rng.integers(0, 50, (4, 3, 3))
    total = SemanticSegmentationEvaluation(CLASSES)
    for i, confusion in enumerate(confusions):
        total.merge(evaluation(confusion), scene_id=f's{i}')
    whole = evaluation(confusions.sum(0))
    assert total.to_json()['overall'] == whole.to_json()
    assert total.to_json()['per_scene']['s2'] == evaluation(confusions[2]).to_json()


def test_merging_leaves_the_other_alone():
    one, two = evaluation(np.eye(3, dtype=int)), evaluation(np.ones((3, 3), int))
    before = one.to_json()
    total = SemanticSegmentationEvaluation(CLASSES)
    total.merge(one)
    total.merge(two)
    assert one.to_json() == before


def test_the_average_is_weighted_by_the_true_counts():
    confusion = np.array([[6, 2, 0], [1, 1, 0], [0, 0, 0]])
    metrics = evaluation(confusion).avg_item['metrics']
    assert metrics['recall'] == pytest.approx(0.8 * 6 / 8 + 0.2 * 1 / 2)
    assert metrics['precision'] == pytest.approx(0.8 * 6 / 7 + 0.2 * 1 / 3)
    assert metrics['accuracy'] == pytest.approx(0.7)
    assert metrics['mean_iou'] == pytest.approx((6 / 9 + 1 / 4) / 2)
    assert metrics['balanced_accuracy'] == pytest.approx((6 / 8 + 1 / 2) / 2)
    assert metrics['macro_f1'] == pytest.approx((12 / 15 + 2 / 5) / 2)


def test_nothing_counted_is_no_number():
    entries = json.loads(json.dumps(evaluation(np.zeros((3, 3), int)).to_json(), allow_nan=False))
    assert all(value is None for entry in entries for value in entry['metrics'].values())
    total = SemanticSegmentationEvaluation(CLASSES)
    total.compute_avg()
    assert total.to_json()[-1]['gt_count'] == 0


def test_reset_forgets():
    scores = evaluation(np.eye(3, dtype=int))
    scores.reset()
    assert scores.to_json() == []
