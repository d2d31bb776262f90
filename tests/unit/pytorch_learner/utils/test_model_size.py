"""What a network keeps for the backward pass is known without running it on values."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from rastervision.pytorch_learner import (
    BoxList,
    ObjectDetectionModelConfig,
    SemanticSegmentationModelConfig,
)
from rastervision.pytorch_learner.object_detection_utils import TorchVisionODAdapter
from rastervision.pytorch_learner.utils.model_size import activation_bytes, count_parameters


def kept_bytes(step: Callable[[], object]) -> int:
    """What a real step keeps for the backward pass."""
    kept = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not (tensor.is_leaf and tensor.requires_grad):
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        _losses = step()
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def test_inputs_of_convolutions_are_kept_once() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(4, 2, 1, bias=False)
    )
    assert count_parameters(net) == 4 * 3 * 9 + 2 * 4
    # the images, and what leaves the ReLU, which it and the second convolution share
    assert activation_bytes(net, (2, 3, 8, 8)) == 4 * 2 * (3 + 4) * 64


def test_bytes_are_those_of_a_real_step() -> None:
    model = SemanticSegmentationModelConfig(
        architecture='unet', encoder='resnet18', pretrained=False
    ).build(2, 3)
    real = kept_bytes(lambda: model.train()(torch.rand(2, 3, 32, 32)))
    assert activation_bytes(model, (2, 3, 32, 32)) == real


@pytest.mark.parametrize('architecture', ['faster_rcnn', 'fcos', 'retinanet', 'ssdlite'])
def test_detectors_are_known_about(architecture: str) -> None:
    detector = ObjectDetectionModelConfig(architecture=architecture, pretrained=False).build(
        2, 3, img_sz=160
    )
    model = TorchVisionODAdapter(detector)
    boxes = BoxList(torch.tensor([[10.0, 10, 50, 60]]), class_ids=torch.tensor([1]))
    real = kept_bytes(lambda: model.train()(torch.rand(2, 3, 160, 160), [boxes, boxes]))
    assert real / 1.5 < activation_bytes(model, (2, 3, 160, 160)) < real * 1.5


def test_a_network_that_cannot_be_run_so_is_not_known() -> None:
    class Picky(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * float(x.mean())  # needs a value

    assert activation_bytes(Picky(), (1, 3, 4, 4)) is None
