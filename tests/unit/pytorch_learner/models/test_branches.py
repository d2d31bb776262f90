import torch
from torch import nn

from rastervision.pytorch_learner.utils import AddTensors, Parallel, SplitTensor


def test_branches_take_their_channels():
    """Two branches of one convolution give what the whole convolution gives."""
    whole = nn.Conv2d(5, 4, 3, bias=False)
    left, right = nn.Conv2d(2, 4, 3, bias=False), nn.Conv2d(3, 4, 3, bias=False)
    left.weight.data, right.weight.data = whole.weight.data.split([2, 3], dim=1)
    x = torch.rand(2, 5, 8, 8)
    branched = nn.Sequential(SplitTensor([2, 3], dim=1), Parallel(left, right), AddTensors())
    assert torch.allclose(branched(x), whole(x), atol=1e-6)
    assert set(branched.state_dict()) == {'1.0.weight', '1.1.weight'}


def test_pieces_of_one_size():
    pieces = SplitTensor(2, dim=0)(torch.arange(5))
    assert [p.tolist() for p in pieces] == [[0, 1], [2, 3], [4]]


def test_sums_of_any_number():
    x = torch.arange(3)
    assert AddTensors()([x]).tolist() == [0, 1, 2]
    assert AddTensors()([x, x, x]).tolist() == [0, 3, 6]
