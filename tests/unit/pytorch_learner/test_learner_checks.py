"""What a Learner says of parts and configs that do not go together."""

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationLearner,
    SemanticSegmentationLearnerConfig,
    SolverConfig,
)


@pytest.fixture
def pixels():
    """Four random images of three channels, of the first class."""
    return TensorDataset(torch.rand(4, 3, 8, 8), torch.zeros(4, 8, 8).long())


@pytest.fixture
def make_learner(tmp_path, pixels):
    """Makes a learner of two classes."""
    classes = ClassConfig(names=['a', 'b'], null_class='b')

    def make(data_fields=None, **given):
        data = SemanticSegmentationGeoDataConfig(
            class_config=classes, num_workers=0, **(data_fields or {})
        )
        cfg = SemanticSegmentationLearnerConfig(
            data=data, solver=SolverConfig(batch_sz=4), log_tensorboard=False
        )
        parts = {'model': nn.Conv2d(3, 2, 1), 'train_ds': pixels, **given}
        return SemanticSegmentationLearner(cfg, str(tmp_path / 'out'), **parts)

    return make


def test_configs_are_checked_before_anything_is_done(make_learner, tmp_path):
    with pytest.raises(ConfigError, match='train_sz=3 and train_sz_rel=0.5 exclude each other'):
        make_learner({'train_sz': 3, 'train_sz_rel': 0.5})
    assert not (tmp_path / 'out').exists()
