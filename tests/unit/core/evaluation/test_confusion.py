import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rastervision.core.evaluation import ClassEvaluationItem
from rastervision.core.evaluation import confusion as cm

NUM_CLASSES = 4
ids = st.integers(0, NUM_CLASSES - 1)


@st.composite
def label_pairs(draw):
    shape = draw(st.tuples(st.integers(1, 8), st.integers(1, 8)))
    return tuple(draw(hnp.arrays(np.uint8, shape, elements=ids)) for _ in range(2))


def sk_matrix(truth, predicted):
    return sk.confusion_matrix(truth.ravel(), predicted.ravel(), labels=range(NUM_CLASSES))


@given(label_pairs())
@settings(deadline=None)
def test_counts_are_those_of_scikit_learn(pair):
    confusion = cm.confusion_matrix(*pair, NUM_CLASSES)
    np.testing.assert_array_equal(confusion, sk_matrix(*pair))
    assert confusion.dtype == np.int64


@given(label_pairs(), st.data())
@settings(deadline=None, max_examples=50)
def test_a_mask_says_what_counts(pair, data):
    keep = data.draw(hnp.arrays(bool, pair[0].shape))
    confusion = cm.confusion_matrix(*pair, NUM_CLASSES, keep)
    expected = np.zeros((NUM_CLASSES, NUM_CLASSES), int)
    np.add.at(expected, (pair[0][keep], pair[1][keep]), 1)
    np.testing.assert_array_equal(confusion, expected)


@given(label_pairs(), st.integers(1, 8))
@settings(deadline=None, max_examples=50)
def test_windows_sum_up_to_the_whole(pair, rows):
    truth, predicted = pair
    parts = (
        cm.confusion_matrix(truth[y : y + rows], predicted[y : y + rows], NUM_CLASSES)
        for y in range(0, len(truth), rows)
    )
    total = cm.sum_confusions(parts, NUM_CLASSES)
    np.testing.assert_array_equal(total, cm.confusion_matrix(truth, predicted, NUM_CLASSES))


@given(label_pairs())
@settings(deadline=None, max_examples=30)
def test_metrics_are_those_of_scikit_learn(pair):
    truth, predicted = (labels.ravel() for labels in pair)
    confusion = cm.confusion_matrix(truth, predicted, NUM_CLASSES)
    kwargs = {'labels': range(NUM_CLASSES), 'average': None, 'zero_division': np.nan}
    precision, recall, _, _ = sk.precision_recall_fscore_support(truth, predicted, **kwargs)
    np.testing.assert_allclose(cm.precision(confusion), precision)
    np.testing.assert_allclose(cm.recall(confusion), recall)
    iou = sk.jaccard_score(truth, predicted, **kwargs | {'zero_division': 0})
    np.testing.assert_allclose(np.nan_to_num(cm.iou(confusion)), iou)
    f1 = sk.f1_score(truth, predicted, **kwargs | {'zero_division': 0})
    np.testing.assert_allclose(np.nan_to_num(cm.f1(confusion)), f1)
    # recall of "not this class"
    others = [
        sk.recall_score(truth != i, predicted != i, zero_division=np.nan)
        for i in range(NUM_CLASSES)
    ]
    np.testing.assert_allclose(cm.specificity(confusion), others)
    agree = [((truth == i) == (predicted == i)).mean() for i in range(NUM_CLASSES)]
    items = [
        ClassEvaluationItem.from_multiclass_conf_mat(confusion, i, str(i))
        for i in range(NUM_CLASSES)
    ]
    np.testing.assert_allclose([item.accuracy for item in items], agree)
    assert cm.accuracy(confusion) == pytest.approx(sk.accuracy_score(truth, predicted))
    macro = sk.f1_score(truth, predicted, average='macro', zero_division=0)
    assert cm.macro_f1(confusion) == pytest.approx(macro)
    balanced = cm.recall(confusion)[np.unique(truth)].mean()
    assert cm.balanced_accuracy(confusion) == pytest.approx(balanced)


@given(label_pairs())
@settings(deadline=None)
def test_every_sample_is_one_of_four_things(pair):
    confusion = cm.confusion_matrix(*pair, NUM_CLASSES)
    counts = [
        count(confusion)
        for count in (cm.true_positives, cm.false_positives, cm.false_negatives, cm.true_negatives)
    ]
    assert (np.array(counts) >= 0).all()
    np.testing.assert_array_equal(np.sum(counts, axis=0), np.full(NUM_CLASSES, pair[0].size))


def test_absent_classes_have_no_metrics():
    confusion = np.array([[3, 1, 0], [0, 0, 0], [0, 0, 0]])
    assert np.isnan(cm.recall(confusion)[1:]).all()
    assert cm.precision(confusion)[1] == 0
    assert np.isnan(cm.precision(confusion)[2])
    assert np.isnan(cm.f1(confusion)[1:]).all()
    assert cm.iou(confusion)[1] == 0
    assert np.isnan(cm.iou(confusion)[2])
    assert np.isnan(cm.accuracy(np.zeros((2, 2), int)))


def test_many_classes_do_not_overflow():
    truth, predicted = np.array([199, 0], np.uint8), np.array([198, 199], np.uint8)
    confusion = cm.confusion_matrix(truth, predicted, 200)
    assert np.argwhere(confusion).tolist() == [[0, 199], [199, 198]]


def test_shapes_must_agree():
    with pytest.raises(ValueError, match='cannot be compared'):
        cm.confusion_matrix(np.zeros((2, 3), int), np.zeros((3, 2), int), 2)
