import json

import numpy as np
import pytest
import shapely
from affine import Affine

from rastervision.core.box import Box
from rastervision.core.data import (
    ClassConfig,
    ObjectDetectionGeoJSONStore,
    ObjectDetectionLabels,
    ObjectDetectionLabelSource,
    RasterioCRSTransformer,
    RasterioSource,
    Scene,
    VectorSource,
)
from rastervision.core.data.utils.features import Features
from rastervision.core.evaluation import (
    ObjectDetectionEvaluation,
    ObjectDetectionEvaluator,
    ObjectDetectionEvaluatorConfig,
)
from rastervision.core.evaluation.object_detection_evaluation import compute_metrics
from rastervision.pipeline.errors import ConfigError, DataError

CLASSES = ClassConfig(names=['a', 'b', 'c'])
ONE = [[0, 0, 10, 10]]


def labels(boxes, class_ids=None, scores=None) -> ObjectDetectionLabels:
    return ObjectDetectionLabels(
        boxes, [0] * len(boxes) if class_ids is None else class_ids, scores
    )


def counts(truth, predicted, thresh=0.5):
    """[TP, FP, FN] of class 0, and of class 1."""
    return np.array(compute_metrics(truth, predicted, 2, thresh)).T.tolist()


def test_a_box_is_right_if_it_overlaps_enough():
    assert counts(labels(ONE), labels(ONE)) == [[1, 0, 0], [0, 0, 0]]
    assert counts(labels(ONE), labels([[0, 0, 10, 5.1]])) == [[1, 0, 0], [0, 0, 0]]
    assert counts(labels(ONE), labels([[0, 0, 10, 5]])) == [[0, 1, 1], [0, 0, 0]]
    assert counts(labels(ONE), labels([[0, 0, 10, 5]]), 0.4) == [[1, 0, 0], [0, 0, 0]]
    assert counts(labels(ONE), labels([])) == [[0, 0, 1], [0, 0, 0]]
    assert counts(labels([]), labels(ONE)) == [[0, 1, 0], [0, 0, 0]]
    assert counts(labels([]), labels([])) == [[0, 0, 0], [0, 0, 0]]


def test_each_box_counts_once():
    two = [[0, 0, 10, 10], [0, 1, 10, 11]]
    assert counts(labels(ONE), labels(two, scores=[0.5, 0.9])) == [[1, 1, 0], [0, 0, 0]]
    assert counts(labels(two), labels(ONE)) == [[1, 0, 1], [0, 0, 0]]
    assert counts(labels(two), labels([*two, *two])) == [[2, 2, 0], [0, 0, 0]]


def test_a_box_of_another_class_is_wrong():
    assert counts(labels(ONE), labels(ONE, [1])) == [[0, 0, 1], [0, 1, 0]]
    both = labels(ONE * 2, [0, 1])
    assert counts(both, labels(ONE * 2, [1, 0])) == [[1, 0, 0], [1, 0, 0]]
    # as in release 0.31, the two that overlap most belong together, whatever their classes
    better = labels([[0, 0, 10, 10], [0, 2, 10, 12]], [1, 0])
    assert counts(labels(ONE), better) == [[0, 1, 1], [0, 1, 0]]


def test_unknown_classes_are_refused():
    with pytest.raises(DataError, match=r'predicted box is of class 2, but .* ids 0\.\.1'):
        counts(labels(ONE), labels(ONE, [2]))
    with pytest.raises(DataError, match='true box is of class -1'):
        counts(labels(ONE, [-1]), labels(ONE))


def test_scores_of_all_classes():
    truth = labels([[0, 0, 10, 10], [20, 20, 30, 30], [50, 50, 60, 60]], [0, 0, 1])
    predicted = labels([[0, 0, 10, 10], [70, 70, 80, 80], [50, 50, 60, 61]], [0, 0, 1])
    evaluation = ObjectDetectionEvaluator(CLASSES).evaluate_predictions(truth, predicted)
    a, b, c, average = json.loads(json.dumps(evaluation.to_json(), allow_nan=True))
    assert (a['gt_count'], a['pred_count']) == (2, 2)
    assert (a['metrics']['precision'], a['metrics']['recall'], a['metrics']['f1']) == (0.5,) * 3
    assert a['metrics']['specificity'] is None
    assert b['metrics']['ap50'] == b['metrics']['ap75'] == 1
    assert b['metrics']['ap'] == pytest.approx(9 / 10)  # 10 / 11 is not above 0.95
    assert c['metrics']['ap'] is c['metrics']['f1'] is None
    assert a['metrics']['ap50'] == pytest.approx(51 / 101)
    assert average['metrics']['ap50'] == pytest.approx((51 / 101 + 1) / 2)
    assert average['metrics']['f1'] == pytest.approx((2 * 0.5 + 1) / 3)


def test_nothing_at_all_has_no_scores():
    evaluation = ObjectDetectionEvaluator(CLASSES).evaluate_predictions(labels([]), labels([]))
    average = evaluation.to_json()[-1]['metrics']
    assert average['f1'] is average['ap'] is average['ap50'] is None


def random_labels(rng, n):
    starts = rng.uniform(0, 90, (n, 2))
    boxes = np.hstack([starts, starts + rng.uniform(5, 20, (n, 2))])
    return labels(boxes, rng.integers(0, 3, n), rng.random(n))


def test_averages_of_many_scenes_are_made_once(tmp_path, monkeypatch):
    scenes = [labels(ONE), labels([[0, 0, 10, 7]], scores=[0.5]), labels([])]
    evaluations = {str(i): ObjectDetectionEvaluation(CLASSES) for i in range(len(scenes))}
    for evaluation, predicted in zip(evaluations.values(), scenes, strict=True):
        evaluation.compute(labels(ONE), predicted)
    one_by_one = ObjectDetectionEvaluation(CLASSES)
    for scene_id, evaluation in evaluations.items():
        one_by_one.merge(evaluation, scene_id)
    calls = []
    average = ObjectDetectionEvaluation.compute_avg
    monkeypatch.setattr(
        ObjectDetectionEvaluation, 'compute_avg', lambda self: calls.append(average(self))
    )
    path = tmp_path / 'eval.json'
    ObjectDetectionEvaluator(CLASSES, str(path)).save_scenes(evaluations.items())
    assert len(calls) == 1
    result = json.loads(path.read_text())
    assert result == json.loads(json.dumps(one_by_one.to_json()).replace('NaN', 'null'))
    assert result['overall'][0]['metrics']['recall'] == pytest.approx(2 / 3)


def test_items_are_those_of_the_whole_evaluation():
    rng = np.random.default_rng(0)
    truth, predicted = random_labels(rng, 40), random_labels(rng, 80)
    evaluation = ObjectDetectionEvaluation(CLASSES, iou_thresh=0.3)
    evaluation.compute(truth, predicted)
    items = ObjectDetectionEvaluation.compute_eval_items(truth, predicted, CLASSES, 0.3)
    for i, item in items.items():
        assert item.true_pos == evaluation.class_to_eval_item[i].true_pos > 0
        assert item.false_neg == evaluation.class_to_eval_item[i].false_neg
    other = ObjectDetectionEvaluation(CLASSES)
    other.compute(truth, predicted)
    strict, loose = (
        sum(item.true_pos for item in found.values()) for found in (other.class_to_eval_item, items)
    )
    assert strict < loose


class Boxes(VectorSource):
    """Boxes in pixels."""

    def __init__(self, found, crs_transformer):
        super().__init__(crs_transformer)
        self.found = found

    def _get_features(self):
        ymin, xmin, ymax, xmax = self.found.get_npboxes().T
        rows = [{'class_id': i} for i in self.found.get_class_ids().tolist()]
        return Features(shapely.box(xmin, ymin, xmax, ymax), rows)


@pytest.fixture
def make_scene(write_raster, tmp_path):
    def make(name, truth, predicted, aoi=None, valid=None):
        pixels = np.ones((1, 100, 120), np.uint8) if valid is None else valid.astype(np.uint8)[None]
        image = RasterioSource(write_raster(pixels, f'{name}.tif'), nodata=0)
        transformer = RasterioCRSTransformer(Affine(1, 0, 5e5, 0, -1, 5e6), 'EPSG:32633')
        source = ObjectDetectionLabelSource(Boxes(truth, image.crs_transformer), image.bbox)
        uri = str(tmp_path / f'{name}.json')
        store = ObjectDetectionGeoJSONStore(uri, CLASSES, transformer, image.bbox)
        store.save(predicted)
        return Scene(name, image, source, store, aoi_polygons=aoi)

    return make


@pytest.fixture
def scenes(make_scene):
    rng = np.random.default_rng(1)
    return [
        make_scene(name, random_labels(rng, n), random_labels(rng, 2 * n))
        for name, n in (('one', 30), ('two', 8), ('none', 0))
    ]


def test_scenes_are_scored_together_and_each(scenes, tmp_path):
    out = tmp_path / 'eval.json'
    ObjectDetectionEvaluator(CLASSES, str(out)).process(scenes)
    scores = json.loads(out.read_text())
    alone = ObjectDetectionEvaluator(CLASSES).evaluate_scene(scenes[1])
    assert scores['per_scene']['two'] == json.loads(json.dumps(alone.to_json()))
    for entry in scores['overall'][:-1]:
        of_scenes = [per[entry['class_id']] for per in scores['per_scene'].values()]
        assert entry['gt_count'] == sum(e['gt_count'] for e in of_scenes)
        assert entry['conf_mat'][1][1] == sum(e['conf_mat'][1][1] for e in of_scenes)
        assert 0 <= entry['metrics']['ap'] <= entry['metrics']['ap50'] < 1


def test_shares_add_up_to_the_same_file(scenes, tmp_path):
    whole, joined = tmp_path / 'whole.json', tmp_path / 'joined.json'
    ObjectDetectionEvaluator(CLASSES, str(whole)).process(scenes)
    evaluator = ObjectDetectionEvaluator(CLASSES, str(joined))
    assert evaluator.is_shareable()
    assert evaluator.work_units(scenes[0]) == [100 * 120]
    parts = {s.id: [evaluator.process_units(s, slice(0, 1))] for s in scenes}
    evaluator.join_units(scenes, json.loads(json.dumps(parts)))
    assert joined.read_bytes() == whole.read_bytes()


def test_only_boxes_in_areas_of_interest_count(make_scene):
    inside, outside = [10, 10, 20, 20], [60, 60, 70, 70]
    truth, predicted = labels([inside, outside]), labels([inside, [60, 90, 70, 99]])
    scene = make_scene('s', truth, predicted, aoi=[Box(0, 0, 40, 40).to_shapely()])
    item = ObjectDetectionEvaluator(CLASSES).evaluate_scene(scene).class_to_eval_item[0]
    assert (item.true_pos, item.false_pos, item.false_neg) == (1, 0, 0)


def test_boxes_count_where_the_image_has_data(make_scene):
    valid = np.zeros((100, 120), bool)
    valid[50:] = True
    dark, edge, seen = [5, 5, 15, 15], [45, 60, 50.5, 70], [80, 80, 90, 90]
    truth, predicted = labels([dark, edge, seen]), labels([[7, 60, 17, 70], seen])
    scene = make_scene('s', truth, predicted, valid=valid)
    item = ObjectDetectionEvaluator(CLASSES).evaluate_scene(scene).class_to_eval_item[0]
    assert (item.true_pos, item.false_pos, item.false_neg) == (1, 0, 1)


def test_config():
    config = ObjectDetectionEvaluatorConfig(output_uri='out', iou_thresh=0.7)
    evaluator = config.build(CLASSES, ('test', []))
    assert evaluator.output_uri == 'out/test/eval.json'
    assert evaluator.create_evaluation().iou_thresh == 0.7
    with pytest.raises(ConfigError, match='iou_thresh'):
        ObjectDetectionEvaluatorConfig(iou_thresh=50)
