"""Segmentation models with random weights and fixed seeds (nothing is downloaded)."""
dependencies = ['torch', 'torchvision']


def linear(num_classes):
    """A 1 x 1 convolution: hardly anything to compute."""
    import torch

    torch.manual_seed(0)
    return torch.nn.Conv2d(3, num_classes, 1)


def convolutions(num_classes):
    """Fully convolutional; a pixel sees 4 pixels to each side."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    layers = []
    for channels in (3, 16, 16, 16):
        layers += [nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(16, num_classes, 1))


def resnet(num_classes):
    """ResNet-18 trunk and a 1 x 1 head, enlarged: the small model of the shared cases."""
    import torch
    from torch import nn
    from torchvision.models import resnet18

    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.trunk = nn.Sequential(*list(resnet18(weights=None).children())[:-2])
            self.head = nn.Conv2d(512, num_classes, 1)

        def forward(self, x):
            y = self.head(self.trunk(x))
            return nn.functional.interpolate(
                y, size=x.shape[-2:], mode='bilinear', align_corners=False
            )

    return Net()
