"""A learner over random images, for the tests of Learner."""

import torch
from torch import nn
from torch.utils.data import Dataset

from rastervision.core.data import DatasetConfig
from rastervision.core.data.class_config import ClassConfig
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationLearner,
    SemanticSegmentationLearnerConfig,
    SolverConfig,
)

CLASSES = ClassConfig(names=['dark', 'light'])


class RandomImages(Dataset):
    """Every image is drawn anew; light pixels are to be found."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        x = torch.rand(3, 8, 8)
        return x, (x[0] > 0.5).long()


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Conv2d(8, 3, 1),
    )


def make_config(log_tensorboard=False, **solver):
    scenes = DatasetConfig(class_config=CLASSES, train_scenes=[], validation_scenes=[])
    data = SemanticSegmentationGeoDataConfig(num_workers=0, scene_dataset=scenes)
    options = {'lr': 0.01, 'num_epochs': 3, 'batch_sz': 4, 'seed': 1} | solver
    return SemanticSegmentationLearnerConfig(
        data=data, solver=SolverConfig(**options), log_tensorboard=log_tensorboard
    )


def make_learner(folder, cls=SemanticSegmentationLearner, cfg=None, **kwargs):
    options = {
        'train_ds': RandomImages(12),
        'valid_ds': RandomImages(4),
        'model': network(),
        **kwargs,
    }
    return cls(cfg or make_config(), str(folder), **options)
