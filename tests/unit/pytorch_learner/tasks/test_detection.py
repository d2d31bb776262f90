import pytest
import torch

from rastervision.core.data.class_config import ClassConfig
from rastervision.pytorch_learner.boxlist import BoxList
from rastervision.pytorch_learner.tasks.detection import DetectionTask, total_loss

CLASSES = ClassConfig(names=['car', 'tree'])
BOXES = torch.tensor([[0.0, 0, 10, 10], [20, 20, 40, 40]])


def boxlist(boxes, class_ids, scores=None):
    extras = {} if scores is None else {'scores': torch.tensor(scores)}
    return BoxList(boxes, class_ids=torch.tensor(class_ids, dtype=torch.long), **extras)


def test_metrics_of_perfect_and_of_missing_boxes():
    task = DetectionTask(CLASSES)
    y = [boxlist(BOXES, [0, 1]), boxlist(BOXES[:1], [0])]
    perfect = [boxlist(BOXES, [0, 1], [0.9, 0.8]), boxlist(BOXES[:1], [0], [0.7])]
    nothing = boxlist(BOXES[:0], [], torch.zeros(0).tolist())
    assert task.metrics([task.validation_figures(perfect, y)]) == {
        'mAP': 1,
        'mAP50': 1,
        'car_mAP': 1,
        'car_mAP50': 1,
        'tree_mAP': 1,
        'tree_mAP50': 1,
    }
    figures = [task.validation_figures([one], [true]) for one, true in zip(perfect, y, strict=True)]
    figures[1] = task.validation_figures([nothing], y[1:])
    metrics = task.metrics(figures)
    # one of two cars is found: precision 1 up to recall 0.5, that is at 51 of 101 recalls
    assert metrics['car_mAP50'] == pytest.approx(51 / 101)
    assert metrics['tree_mAP50'] == 1


def test_a_shifted_box_is_right_at_low_overlaps_only():
    task = DetectionTask(CLASSES)
    shifted = boxlist(torch.tensor([[0.0, 0, 10, 7]]), [0], [0.9])  # intersection over union 0.7
    metrics = task.metrics([task.validation_figures([shifted], [boxlist(BOXES[:1], [0])])])
    assert metrics['mAP50'] == 1
    assert metrics['mAP'] == pytest.approx(0.5, abs=0.11)  # 0.70 itself may be rounded


def test_without_boxes_everything_is_zero():
    assert set(DetectionTask(CLASSES).metrics([]).values()) == {0.0}


def test_the_loss_is_the_sum_of_the_parts():
    losses = {'a': torch.tensor(1.0), 'b': torch.tensor(2.5)}
    assert DetectionTask(CLASSES, total_loss).loss(losses, []) == 3.5
    with pytest.raises(ValueError, match='not set up for training'):
        DetectionTask(CLASSES).loss(losses, [])
