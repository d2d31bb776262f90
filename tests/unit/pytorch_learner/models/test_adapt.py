import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from rastervision.pytorch_learner.models.adapt import (
    adapt_first_conv,
    adjust_conv_channels,
    likes_channels_last,
    merge_split_convs,
)


@given(old=st.integers(1, 4), new=st.integers(1, 6), bias=st.booleans())
def test_filters_of_shared_channels_are_kept(old, new, bias):
    conv = nn.Conv2d(old, 5, (3, 2), stride=2, padding=(1, 0), bias=bias)
    adapted = adjust_conv_channels(conv, new)
    shared = min(old, new)
    x = torch.rand(2, max(old, new), 8, 8)
    x[:, shared:] = 0
    assert torch.allclose(conv(x[:, :old]), adapted(x[:, :new]), atol=1e-6)
    assert conv.weight.shape[1] == old


def test_without_pretrained_filters_all_are_new_and_follow_the_seed():
    conv = nn.Conv2d(3, 4, 3)
    torch.manual_seed(0)
    first = adjust_conv_channels(conv, 5, pretrained=False)
    torch.manual_seed(0)
    again = adjust_conv_channels(conv, 5, pretrained=False)
    assert torch.equal(first.weight, again.weight)
    assert not torch.equal(first.weight[:, :3], conv.weight)


def test_a_subclass_with_a_constructor_of_its_own_stays_what_it_is():
    class Same(nn.Conv2d):
        def __init__(self, channels):
            super().__init__(channels, 2, 3, padding='same')

    adapted = adjust_conv_channels(Same(3), 4)
    assert isinstance(adapted, Same)
    assert adapted(torch.rand(1, 4, 6, 6)).shape == (1, 2, 6, 6)


def test_the_first_convolution_of_a_network_is_replaced():
    net = nn.Sequential(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()), nn.Conv2d(2, 3, 1))
    adapt_first_conv(net, 7, keep_filters=True)
    assert net(torch.rand(1, 7, 4, 4)).shape == (1, 3, 4, 4)


class Split(nn.Module):
    """What release 0.31 put in the place of a convolution over more than three channels."""

    def __init__(self, bias):
        super().__init__()
        self.conv = nn.ModuleList(
            [
                nn.Identity(),
                nn.ModuleList([nn.Conv2d(3, 4, 3, bias=bias), nn.Conv2d(2, 4, 3, bias=bias)]),
            ]
        )

    def forward(self, x):
        first, second = self.conv[1]
        return first(x[:, :3]) + second(x[:, 3:])


class Whole(nn.Module):
    def __init__(self, bias):
        super().__init__()
        self.conv = nn.Conv2d(5, 4, 3, bias=bias)

    def forward(self, x):
        return self.conv(x)


@pytest.mark.parametrize('bias', [False, True])
def test_split_convolutions_of_release_0_31_become_one(bias):
    old, new = Split(bias), Whole(bias)
    new.load_state_dict(merge_split_convs(old.state_dict(), new.state_dict()))
    x = torch.rand(2, 5, 8, 8)
    assert torch.allclose(old(x), new(x), atol=1e-6)


def test_other_weights_are_left_alone():
    net = nn.Sequential(nn.ReLU(), nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)))
    state = net.state_dict()
    merged = merge_split_convs(state, state)
    assert list(merged) == list(state)
    assert all(merged[k] is state[k] for k in state)


@pytest.mark.parametrize(
    ('model', 'expected'),
    [
        (nn.Conv2d(3, 2, 1), False),
        (nn.Sequential(nn.Conv2d(3, 64, 3), nn.Conv2d(64, 2, 1)), False),
        (nn.Sequential(nn.Conv2d(3, 64, 3), nn.Conv2d(64, 64, 3)), True),
        (nn.Sequential(nn.Conv3d(32, 32, 3), nn.Conv2d(32, 32, 3)), False),
        (nn.Linear(100, 100), False),
    ],
)
def test_memory_order_follows_the_convolutions(model, expected):
    assert likes_channels_last(model) == expected
