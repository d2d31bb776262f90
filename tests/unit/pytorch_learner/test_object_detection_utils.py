import numpy as np
import pytest
import torch
from torch import nn

from rastervision.pytorch_learner import ObjectDetectionModelConfig
from rastervision.pytorch_learner.boxlist import BoxList
from rastervision.pytorch_learner.object_detection_utils import (
    ONNXRuntimeAdapterForFasterRCNN,
    TorchVisionODAdapter,
    compute_coco_eval,
    draw_boxes,
    get_coco_gt,
    get_coco_preds,
)

TARGETS = BoxList(torch.tensor([[0.0, 1, 2, 4], [1, 1, 3, 3]]), class_ids=torch.tensor([0, 2]))


class Recorder(nn.Module):
    """Keeps its arguments, and answers like a detector of torchvision."""

    def forward(self, images, targets=None):
        self.images, self.targets = images, targets
        if targets is not None:
            return {'a': torch.tensor(1.0), 'b': torch.tensor(2.0)}
        boxes = torch.tensor([[0.0, 1, 20, 40], [3, 3, 9, 9], [5, 5, 9, 9], [1, 2, 3, 4]])
        labels, scores = torch.tensor([1, 3, 0, 4]), torch.tensor([0.9, 0.8, 0.7, 0.6])
        return [{'boxes': boxes, 'labels': labels, 'scores': scores} for _ in images]


def test_torchvision_has_the_background_before_the_classes():
    model = TorchVisionODAdapter(Recorder())
    losses = model(torch.rand(1, 3, 8, 8), [TARGETS])
    assert losses == {'a': 1, 'b': 2}
    (target,) = model.model.targets
    assert target['labels'].tolist() == [1, 3]
    assert target['boxes'].tolist() == TARGETS.boxes.tolist()
    (found,) = model(torch.rand(1, 3, 8, 8))
    assert found.get_field('class_ids').tolist() == [0, 2, 3]
    assert found.get_field('scores').tolist() == pytest.approx([0.9, 0.8, 0.6])


def test_labels_that_are_no_classes_are_left_out():
    (found,) = TorchVisionODAdapter(Recorder(), ignored_output_inds=[0, 4])(torch.rand(1, 3, 8, 8))
    assert found.get_field('class_ids').tolist() == [0, 2]
    (found,) = TorchVisionODAdapter(Recorder(), ignored_output_inds=[])(torch.rand(1, 3, 8, 8))
    assert found.get_field('class_ids').tolist() == [0, 2, -1, 3]


def test_boxes_without_area_do_not_reach_the_model():
    model = TorchVisionODAdapter(Recorder())
    flat = BoxList(torch.tensor([[1.0, 1, 1, 5], [1, 1, 2, 5]]), class_ids=torch.tensor([0, 0]))
    none = BoxList(torch.zeros(0, 4), class_ids=torch.zeros(0, dtype=torch.long))
    model(torch.rand(2, 3, 8, 8), [flat, none])
    assert [len(t['boxes']) for t in model.model.targets] == [1, 0]


def test_weights_have_the_names_of_release_0_31():
    model = TorchVisionODAdapter(nn.Linear(1, 1))
    assert list(model.state_dict()) == ['model.weight', 'model.bias']


def random_boxes(rng, count):
    corners = rng.uniform(0, 60, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 30, (count, 2))], axis=1)
    return BoxList(
        torch.tensor(boxes, dtype=torch.float32),
        class_ids=torch.tensor(rng.integers(0, 3, count)),
        scores=torch.tensor(rng.random(count), dtype=torch.float32),
    )


def test_average_precision_is_that_of_coco():
    coco_eval = pytest.importorskip('faster_coco_eval')
    rng = np.random.default_rng(0)
    targets = [random_boxes(rng, count) for count in (12, 0, 20, 3)]
    outputs = []
    for boxes in targets:
        shaken = BoxList(
            boxes.boxes + torch.tensor(rng.normal(0, 2, boxes.boxes.shape), dtype=torch.float32),
            **boxes.extras,
        )
        outputs.append(BoxList.cat([shaken, random_boxes(rng, 5)]))
    truth = coco_eval.COCO(get_coco_gt(targets, 3))
    oracle = coco_eval.COCOeval_faster(truth, truth.loadRes(get_coco_preds(outputs)), 'bbox')
    oracle.evaluate()
    oracle.accumulate()
    oracle.summarize()
    found = compute_coco_eval(outputs, targets, 3).stats
    assert 0.05 < found[0] < 0.95
    np.testing.assert_allclose(found, oracle.stats[:3], atol=1e-6)


def test_without_true_boxes_there_is_no_precision():
    rng = np.random.default_rng(0)
    empty = random_boxes(rng, 0)
    assert np.isnan(compute_coco_eval([random_boxes(rng, 3)], [empty], 3).stats).all()


def test_drawn_boxes_have_the_colour_of_their_class():
    picture = draw_boxes(torch.zeros(32, 32, 1), TARGETS.scale(6, 6), ['a', 'b', 'c'], ['red'] * 3)
    assert picture.shape == (32, 32, 3)
    assert picture[..., 0].max() == 1
    assert picture[..., 1:].max() == 0
    nothing = BoxList(torch.zeros(0, 4), class_ids=torch.zeros(0, dtype=torch.long))
    assert draw_boxes(torch.full((4, 4, 3), 0.2), nothing, [], []) == pytest.approx(0.2, abs=1e-6)


def test_outputs_of_an_onnx_detector_belong_to_images_in_turn():
    class Session:
        def get_inputs(self):
            return [self]

        get_outputs = get_inputs
        name = 'x'

        def run(self, names, inputs):
            assert names is None
            assert inputs['x'].dtype == np.float32
            one = [np.zeros((2, 4), np.float32), np.array([1, 2]), np.array([0.5, 0.4], np.float32)]
            return one * len(inputs['x'])

    outputs = ONNXRuntimeAdapterForFasterRCNN(Session())(torch.rand(2, 3, 8, 8))
    assert len(outputs) == 2
    assert outputs[1]['labels'].tolist() == [1, 2]


@pytest.mark.parametrize('architecture', ['faster_rcnn', 'retinanet', 'fcos', 'ssdlite'])
def test_in_16_bits_boxes_are_decoded_with_all_digits(architecture):
    small = {} if architecture == 'ssdlite' else {'backbone': 'resnet18', 'fpn_channels': 64}
    cfg = ObjectDetectionModelConfig(pretrained=False, architecture=architecture, **small)
    torch.manual_seed(0)
    model = TorchVisionODAdapter(cfg.build(2, 3, img_sz=320)).eval()
    getattr(model.model, 'roi_heads', model.model).score_thresh = 0.0
    x = torch.rand(1, 3, 320, 320)
    seen = set()
    for module in model.model.backbone.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda *args: seen.add(args[2].dtype))
    with torch.inference_mode(), torch.autocast('cpu', dtype=torch.bfloat16):
        (found,) = model(x)
    assert seen == {torch.bfloat16}
    assert found.boxes.dtype == found.get_field('scores').dtype == torch.float32
    inner = found.boxes[(found.boxes > 16).all(dim=1) & (found.boxes < 304).all(dim=1)]
    assert len(inner) > 5
    # bfloat16 has no fractions above 128
    assert (inner[inner > 128] % 1 != 0).float().mean() > 0.5
    assert 'forward' not in vars(model.model.backbone)


@pytest.mark.parametrize('architecture', ['faster_rcnn', 'retinanet'])
def test_losses_in_16_bits_are_close_to_those_in_32(architecture):
    small = {} if architecture == 'ssdlite' else {'backbone': 'resnet18', 'fpn_channels': 64}
    cfg = ObjectDetectionModelConfig(pretrained=False, architecture=architecture, **small)
    torch.manual_seed(0)
    model = TorchVisionODAdapter(cfg.build(2, 3, img_sz=64)).train()
    truth = [BoxList(torch.tensor([[10.0, 10, 40, 40]]), class_ids=torch.tensor([1]))]
    x = torch.rand(1, 3, 64, 64)
    sums = []
    for enabled in (False, True):
        torch.manual_seed(1)
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=enabled):
            losses = model(x, truth)
        assert all(loss.dtype == torch.float32 for loss in losses.values())
        sums.append(float(sum(losses.values()).detach()))
    assert sums[1] == pytest.approx(sums[0], rel=0.05)
    assert sums[1] != sums[0]
