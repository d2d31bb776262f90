import pytest
import torch
from torchvision.models.segmentation import deeplabv3_resnet50

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import ExternalModuleConfig
from rastervision.pytorch_learner import SemanticSegmentationModelConfig as ModelConfig
from rastervision.pytorch_learner.models.segmentation import build_smp


def build(num_classes=3, in_channels=3, **fields):
    return ModelConfig(pretrained=False, **fields).build(num_classes, in_channels).eval()


@pytest.fixture(scope='module')
def deeplab():
    """The default model for 5 channels, after a seed."""
    torch.manual_seed(0)
    return build(in_channels=5)


def test_the_default_is_the_deeplab_of_torchvision(deeplab):
    theirs = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=3)
    ours = deeplab.state_dict()
    assert list(ours) == list(theirs.state_dict())
    shapes = {k: v.shape for k, v in theirs.state_dict().items()}
    shapes['backbone.conv1.weight'] = (64, 5, 7, 7)
    assert {k: v.shape for k, v in ours.items()} == shapes


def test_deeplab_scores_every_pixel(deeplab):
    with torch.inference_mode():
        out = deeplab(torch.rand(1, 5, 40, 32))
    assert out['out'].shape == (1, 3, 40, 32)


def test_extra_args_reach_torchvision():
    assert build(extra_args={'aux_loss': True}).aux_classifier is not None


@pytest.mark.parametrize('architecture', ['unet', 'fpn', 'deeplabv3plus'])
@pytest.mark.parametrize('encoder', ['resnet18', 'tf_efficientnet_lite0', 'tu-resnet10t'])
@pytest.mark.parametrize('in_channels', [1, 5])
def test_any_encoder_channels_and_size(architecture, encoder, in_channels):
    net = build(4, in_channels, architecture=architecture, encoder=encoder)
    with torch.inference_mode():
        assert net(torch.rand(1, in_channels, 70, 101)).shape == (1, 4, 70, 101)


def test_the_seed_decides_the_weights():
    def weights(seed):
        torch.manual_seed(seed)
        state = build(architecture='unet', encoder='resnet18').state_dict()
        return torch.cat([v.flatten().float() for v in state.values()])

    first = weights(0)
    assert torch.equal(first, weights(0))
    assert not torch.equal(first, weights(1))


def test_scores_do_not_depend_on_what_lies_beyond_the_padding():
    net = build(architecture='unet', encoder='resnet18')
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        whole = net(x)
        assert torch.equal(whole, net.net((x - net.mean) / net.std))


def test_inputs_are_scaled_as_the_encoder_expects():
    lite = build(2, 5, architecture='unet', encoder='tf_efficientnet_lite0')
    assert lite.mean.flatten().tolist() == pytest.approx([0.5] * 5)
    assert lite.std.flatten().tolist() == pytest.approx([0.5] * 5)
    resnet = build(2, 4, architecture='unet', encoder='resnet18')
    assert resnet.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406, 0.449])


def test_the_scaling_is_saved_with_the_weights():
    net = build(architecture='unet', encoder='resnet18')
    assert {'mean', 'std'} <= set(net.state_dict())


@pytest.mark.parametrize(
    ('fields', 'problem'),
    [
        ({'backbone': 'resnet18'}, r"backbone='resnet18'.*resnet50"),
        ({'encoder': 'resnet18'}, r"encoder='resnet18'.*'unet'"),
        ({'architecture': 'unet', 'encoder': 'resnet19'}, r"'resnet19' .*Near names: resnet1"),
        ({'architecture': 'unet', 'backbone': 'alexnet'}, "'alexnet'"),
        (
            {'architecture': 'unet', 'encoder': 'resnet18', 'extra_args': {'depth': 3}},
            r"extra_args \['depth'\].*encoder_depth",
        ),
        ({'architecture': 'unet', 'encoder': 'vit_tiny_patch16_224'}, "encoder='vit_tiny"),
    ],
)
def test_what_cannot_be_built_is_named(fields, problem):
    with pytest.raises(ConfigError, match=problem):
        build(**fields)


@pytest.mark.parametrize('name', ['resnet19', 'resnet_foo'])
def test_names_are_checked_without_a_network(name):
    ModelConfig(architecture='unet', encoder='resnet18').check_names()
    code = ExternalModuleConfig(uri='code', entrypoint='make')
    ModelConfig(encoder=name, external_def=code).check_names()
    with pytest.raises(ConfigError, match='Near names: resnet18, '):
        ModelConfig(architecture='unet', encoder=name).check_names()


def test_an_encoder_goes_without_backbone():
    model = ModelConfig(architecture='unet', encoder='resnet18', backbone='vgg16')
    with pytest.raises(ConfigError, match="encoder='resnet18' takes the place of backbone='vgg16'"):
        model.validate_config()


def test_extra_args_reach_the_library():
    net = build_smp(
        'unet', 'resnet18', 2, 3, False, {'encoder_depth': 3, 'decoder_channels': (32, 16, 8)}
    )
    assert net.multiple == 8
