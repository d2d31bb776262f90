"""Networks and ONNX files for tests of the engines."""

import torch
from onnx import TensorProto, helper
from torch import nn


def images(*shape, seed=1):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


class Net(nn.Module):
    """A small network whose scores are as large as the image."""

    def __init__(self, classes=3):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.head = nn.Conv2d(8, classes, 1)

    def forward(self, x):
        scores = self.head(self.body(x))
        return {'out': nn.functional.interpolate(scores, x.shape[-2:], mode='bilinear')}


class OneSize(nn.Module):
    """A network that adds something as large as the images it was made for."""

    def __init__(self, side=64):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.position = nn.Parameter(torch.rand(3, side, side))

    def forward(self, x):
        out = self.conv(x)
        return out + self.position if x.shape[-1] == self.position.shape[-1] else out


class Branch(nn.Module):
    """A network that treats dark images in another way, which ONNX cannot follow."""

    def forward(self, x):
        return x * 5 if x.mean() > 0.499 else x.flip(1) * 5


# --- files that refer to others


def onnx_file(path, location):
    """An ONNX file that adds numbers out of another file."""
    tensor = TensorProto(
        name='w', data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL
    )
    for key, value in {'location': location, 'offset': '0', 'length': '4'}.items():
        tensor.external_data.add(key=key, value=value)
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in 'xy']
    body = helper.make_graph(
        [helper.make_node('Constant', [], ['w'], value=tensor)], 'inner', [], info[1:]
    )
    node = helper.make_node('If', ['x'], ['y'], then_branch=body, else_branch=body)
    graph = helper.make_graph([node], 'outer', info[:1], info[1:])
    path.write_bytes(helper.make_model(graph).SerializeToString())
    return path
