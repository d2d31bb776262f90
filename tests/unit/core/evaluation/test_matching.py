import contextlib
import io
import itertools

import numpy as np
import pytest
from faster_coco_eval import COCO, COCOeval_faster
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rastervision.core.data import ObjectDetectionLabels
from rastervision.core.data.label import boxes as box_ops
from rastervision.core.evaluation.matching import (
    COCO_THRESHOLDS,
    MatchedDetections,
    Overlaps,
    Pairs,
    assign,
    average_precision,
    match_by_iou,
)

NUM_CLASSES = 3


def scene(rng: np.random.Generator, num_true: int, num_predicted: int, tied_scores: bool = False):
    """True boxes, and predictions of which most are true boxes that were moved a little."""
    starts = rng.uniform(0, 80, (num_true, 2))
    truth = np.hstack([starts, starts + rng.uniform(5, 30, (num_true, 2))])
    origin = rng.integers(0, max(1, num_true), num_predicted)
    boxes = truth[origin] if num_true else rng.uniform(0, 9, (num_predicted, 4))
    boxes = boxes + rng.normal(0, 2, (num_predicted, 4))
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    ids = rng.integers(0, NUM_CLASSES, num_true)
    predicted_ids = ids[origin] if num_true else rng.integers(0, NUM_CLASSES, num_predicted)
    wrong = rng.random(num_predicted) < 0.2
    predicted_ids = np.where(wrong, (predicted_ids + 1) % NUM_CLASSES, predicted_ids)
    scores = rng.integers(0, 5, num_predicted) / 5 if tied_scores else rng.random(num_predicted)
    return ObjectDetectionLabels(truth, ids), ObjectDetectionLabels(boxes, predicted_ids, scores)


def coco_precisions(scenes):
    """(C, T) average precision by faster-coco-eval; -1 for classes without true boxes."""
    images, annotations, results = [], [], []
    for image_id, (truth, predicted) in enumerate(scenes):
        images.append({'id': image_id, 'width': 200, 'height': 200})
        for labels, target in ((truth, annotations), (predicted, results)):
            entries = zip(
                labels.get_npboxes().tolist(),
                labels.get_class_ids().tolist(),
                labels.get_scores().tolist(),
                strict=True,
            )
            for (ymin, xmin, ymax, xmax), class_id, score in entries:
                bbox = [xmin, ymin, xmax - xmin, ymax - ymin]
                entry = {'image_id': image_id, 'category_id': class_id, 'bbox': bbox}
                entry |= {'id': len(target) + 1, 'area': bbox[2] * bbox[3], 'iscrowd': 0}
                target.append({**entry, 'score': score})
    categories = [{'id': i, 'name': str(i)} for i in range(NUM_CLASSES)]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO({'images': images, 'annotations': annotations, 'categories': categories})
        evaluation = COCOeval_faster(truth, truth.loadRes(results), 'bbox')
        evaluation.params.maxDets = [1, 10, 10_000]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval['precision'][:, :, :, 0, -1].mean(axis=1).T


@pytest.mark.parametrize('seed', range(5))
def test_average_precision_is_that_of_coco(seed):
    rng = np.random.default_rng(seed)
    scenes = [scene(rng, 20, 40), scene(rng, 6, 3), scene(rng, 30, 90, tied_scores=True)]
    parts = [MatchedDetections.of_scene(Overlaps(*labels), NUM_CLASSES) for labels in scenes]
    matched = MatchedDetections.concatenate(parts)
    ours = matched.average_precisions()
    assert ours.max() > 0.3
    assert ours.min() < 0.1
    np.testing.assert_allclose(ours, coco_precisions(scenes), atol=1e-9)


def test_classes_without_truth_have_no_average_precision():
    truth = ObjectDetectionLabels([[0, 0, 9, 9]], [1])
    predicted = ObjectDetectionLabels([[0, 0, 9, 9], [0, 0, 9, 9]], [1, 0], [0.4, 0.9])
    ap = MatchedDetections.of_scene(Overlaps(truth, predicted), 3).average_precisions()
    assert np.isnan(ap[[0, 2]]).all()
    assert (ap[1] == 1).all()
    nothing = ObjectDetectionLabels.make_empty()
    missed = MatchedDetections.of_scene(Overlaps(truth, nothing), 2)
    assert (missed.average_precisions()[1] == 0).all()


def brute_force_pairs(truth, predicted):
    """All (prediction, true box, IoU) with an overlap."""
    for i, j in itertools.product(range(len(predicted)), range(len(truth))):
        a, b = predicted.get_npboxes()[i], truth.get_npboxes()[j]
        height, width = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
        shared = max(height, 0) * max(width, 0)
        union = np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared
        if shared > 0:
            yield i, j, shared / union


def taken_one_by_one(candidates):
    """Which (prediction, true box) are taken, of candidates from the best to the worst."""
    taken, seen = set(), set()
    for i, j in candidates:
        if ('p', i) not in seen and ('t', j) not in seen:
            taken.add((i, j))
            seen |= {('p', i), ('t', j)}
    return taken


@pytest.fixture(params=['one block', 'many blocks'])
def block_size(request, monkeypatch):
    if request.param == 'many blocks':
        monkeypatch.setattr(box_ops, 'MAX_PAIRS', 4)
        monkeypatch.setattr(box_ops, 'SLICE', 2)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 10_000),
    num_true=st.integers(0, 12),
    num_predicted=st.integers(0, 25),
    on_grid=st.booleans(),
)
@pytest.mark.usefixtures('block_size')
def test_matching_takes_one_pair_after_the_other(seed, num_true, num_predicted, on_grid):
    truth, predicted = scene(np.random.default_rng(seed), num_true, num_predicted, on_grid)
    if on_grid:  # many pairs overlap equally
        truth, predicted = (
            ObjectDetectionLabels(
                np.round(labels.get_npboxes() / 20) * 20,
                labels.get_class_ids(),
                labels.get_scores(),
            )
            for labels in (truth, predicted)
        )
    found = list(brute_force_pairs(truth, predicted))
    overlaps = Overlaps(truth, predicted)
    blocks = list(overlaps.pairs(np.arange(num_predicted)[::-1], np.zeros(num_true)))
    order = np.concatenate([block.predicted for block in blocks])
    assert (np.diff(order) <= 0).all()
    assert sorted(
        pair for b in blocks for pair in zip(b.predicted.tolist(), b.true.tolist(), strict=True)
    ) == sorted((i, j) for i, j, _ in found)

    ids, true_ids, scores = predicted.get_class_ids(), truth.get_class_ids(), predicted.get_scores()
    by_iou = sorted(found, key=lambda p: (-p[2], p[0], ids[p[0]] != true_ids[p[1]], -p[1]))
    best = match_by_iou(overlaps, 0.4)
    assert set(zip(*(column.tolist() for column in best), strict=True)) == taken_one_by_one(
        (i, j) for i, j, iou in by_iou if iou > 0.4
    )

    by_score = sorted(found, key=lambda p: (-scores[p[0]], p[0], -p[2], -p[1]))
    matched = MatchedDetections.of_scene(overlaps, NUM_CLASSES)
    for bit, thresh in enumerate(COCO_THRESHOLDS):
        same_class = (p for p in by_score if p[2] >= thresh and ids[p[0]] == true_ids[p[1]])
        right = {i for i, _ in taken_one_by_one((i, j) for i, j, _ in same_class)}
        assert set(np.flatnonzero(matched.right >> bit & 1).tolist()) == right


def test_a_crowd_comes_in_blocks(monkeypatch):
    """However many boxes lie in one place, few of their pairs are there at once."""
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 1, (1300, 2))
    boxes = np.hstack([corner, corner + 20])
    truth = ObjectDetectionLabels(boxes[:100], np.zeros(100))
    predicted = ObjectDetectionLabels(boxes[100:], np.zeros(1200), rng.random(1200))
    whole = [match_by_iou(Overlaps(truth, predicted), 0.5)]
    whole_right = MatchedDetections.of_scene(Overlaps(truth, predicted), 1).right
    monkeypatch.setattr(box_ops, 'MAX_PAIRS', 2000)
    monkeypatch.setattr(box_ops, 'SLICE', 10)
    sizes = []
    where = Pairs.where
    monkeypatch.setattr(Pairs, 'where', lambda p, keep: sizes.append(len(p.iou)) or where(p, keep))
    overlaps = Overlaps(truth, predicted)
    assert np.array_equal([match_by_iou(overlaps, 0.5)], whole)
    assert np.array_equal(MatchedDetections.of_scene(overlaps, 1).right, whole_right)
    assert 2000 <= max(sizes) <= 2000 + 10 * 100


def test_a_chain_of_refusals_ends_well():
    n = 3000  # prediction i overlaps true boxes i and i - 1, and prefers i - 1, which i - 1 gets
    numbers = np.arange(n)
    predicted = np.concatenate([[0], np.repeat(numbers[1:], 2)])
    true = np.concatenate([[0], np.stack([numbers[:-1], numbers[1:]], 1).ravel()])
    columns = np.ones(len(true)), np.ones(len(true), dtype=bool)
    pairs = Pairs(predicted, true, *columns)
    chosen = assign(pairs, np.arange(len(true)))
    assert (pairs.predicted[chosen] == numbers).all()
    assert (pairs.true[chosen] == numbers).all()


@given(right=st.lists(st.booleans(), max_size=60), missed=st.integers(0, 10))
def test_average_precision_by_its_definition(right, missed):
    num_true = sum(right) + missed
    if num_true == 0:
        return
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    recall = np.cumsum(right) / num_true
    best = [max(precision[recall >= r], default=0) for r in np.linspace(0, 1, 101)]
    assert average_precision(np.array(right, dtype=bool), num_true) == pytest.approx(np.mean(best))


def test_thresholds_are_those_of_coco():
    assert COCO_THRESHOLDS.tolist() == COCOeval_faster(iouType='bbox').params.iouThrs.tolist()
