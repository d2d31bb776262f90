"""A pipeline over tiny scenes whose model comes from a folder of code."""

from pathlib import Path

import pytest

from rastervision.core.rv_pipeline import (
    SemanticSegmentationChipOptions,
    SemanticSegmentationConfig,
    SemanticSegmentationPredictOptions,
    WindowSamplingConfig,
)
from rastervision.pytorch_backend import PyTorchSemanticSegmentationConfig
from rastervision.pytorch_learner import (
    ExternalModuleConfig,
    SemanticSegmentationImageDataConfig,
    SemanticSegmentationModelConfig,
    SolverConfig,
)

HUBCONF = """
def net():
    import torch
    torch.manual_seed(0)
    return torch.nn.Conv2d(3, 3, 1)
"""


@pytest.fixture
def external_model(tmp_path: Path) -> SemanticSegmentationModelConfig:
    """A 1 x 1 convolution that is not part of the package."""
    folder = tmp_path / 'net code'
    folder.mkdir()
    (folder / 'hubconf.py').write_text(HUBCONF)
    external = ExternalModuleConfig(uri=str(folder), name='net', entrypoint='net')
    return SemanticSegmentationModelConfig(external_def=external)


@pytest.fixture
def config(tmp_path, dataset, external_model):
    """A pipeline config that trains from chips; not updated yet."""
    return SemanticSegmentationConfig(
        root_uri=str(tmp_path / 'root'),
        dataset=dataset,
        backend=PyTorchSemanticSegmentationConfig(
            model=external_model,
            data=SemanticSegmentationImageDataConfig(num_workers=0, img_sz=32),
            solver=SolverConfig(num_epochs=1, batch_sz=4, lr=1e-2),
            log_tensorboard=False,
        ),
        chip_options=SemanticSegmentationChipOptions(
            sampling=WindowSamplingConfig(size=32, stride=32)
        ),
        predict_options=SemanticSegmentationPredictOptions(chip_sz=32, stride=16, crop_sz=4),
    )


@pytest.fixture
def updated(config):
    """The same, updated."""
    config = config.copy()
    config.update()
    config.recursive_validate_config()
    return config
