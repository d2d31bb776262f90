"""`rastervision validate` makes the network, with the weights that it is to start from."""

import pytest
import torch

from rastervision.core.bundle import write_bundle
from rastervision.core.rv_pipeline import WindowSamplingConfig
from rastervision.pytorch_learner import (
    SemanticSegmentationGeoDataConfig,
    SemanticSegmentationModelConfig,
)


@pytest.fixture
def validate(config, tmp_path):
    """Return a function that validates the config, with a built-in network, as it is then."""
    config.backend.model = SemanticSegmentationModelConfig(pretrained=False)

    def run():
        ready = config.copy()
        ready.update()
        return ready.build(str(tmp_path)).validate()

    return run


def test_parameters_are_those_of_the_network(validate, config) -> None:
    validation = validate()
    model = config.backend.model.build(3, 3)  # building, ground, null; three channels
    assert validation.facts['parameters'] == sum(p.numel() for p in model.parameters())
    assert not validation.errors


def test_weights_that_are_missing_or_do_not_fit_are_errors(validate, config, tmp_path) -> None:
    config.backend.model.init_weights = str(tmp_path / 'weights.pth')
    (missing,) = validate().errors
    assert missing.where == 'TRAIN'
    assert 'weights.pth' in missing.message
    torch.save({'a': torch.zeros(1)}, config.backend.model.init_weights)
    (wrong,) = validate().errors
    assert 'does not fit the network' in wrong.message


def test_a_bundle_to_start_from_is_opened(validate, config, tmp_path) -> None:
    config.source_bundle_uri = str(tmp_path / 'bundle.zip')
    (missing,) = validate().errors
    assert 'bundle.zip' in missing.message
    write_bundle(config.source_bundle_uri, {'a.txt': b''})
    (wrong,) = validate().errors
    assert 'bundle.zip' in wrong.message


def test_a_foreign_network_is_not_run(validate, config, external_model) -> None:
    config.backend.model = external_model
    validation = validate()
    assert validation.facts['parameters'] is None
    assert not validation.errors


def test_windows_that_training_reads_are_counted(validate, config) -> None:
    config.backend.data = SemanticSegmentationGeoDataConfig(
        sampling=WindowSamplingConfig(size=32), num_workers=0, img_sz=32
    )
    config.chip_options = None
    scenes = validate().facts['scenes']
    assert scenes[0]['windows']['train']['count'] == 3 * 3  # of 70 x 90 pixels
    assert scenes[3]['windows'] == {}
