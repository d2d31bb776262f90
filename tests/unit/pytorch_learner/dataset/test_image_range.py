import numpy as np
import pytest
import torch
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from rastervision.core.data.utils.factory import make_ss_scene
from rastervision.pytorch_learner.dataset import (
    SemanticSegmentationImageDataset,
)
from rastervision.pytorch_learner.dataset import (
    SemanticSegmentationRandomWindowGeoDataset as RandomWindows,
)
from rastervision.pytorch_learner.dataset import (
    SemanticSegmentationSlidingWindowGeoDataset as SlidingWindows,
)
from rastervision.pytorch_learner.dataset.image_range import warn_of_dark_images


@pytest.fixture
def bands():
    """(1, 60, 80) values of 12 bits."""
    return np.random.default_rng(0).integers(0, 4096, (1, 60, 80), dtype=np.uint16)


@pytest.fixture
def dark_scene(write_raster, bands):
    return make_ss_scene(write_raster('image.tif', bands))


def sliding(scene, **options):
    return SlidingWindows(scene, size=20, stride=20, **options)


def test_windows_of_12_bits_are_reported(dark_scene, caplog):
    random = RandomWindows(dark_scene, size_lims=(8, 9), out_size=8, max_windows=5)
    for dataset in (sliding(dark_scene), random, Subset(ConcatDataset([random, random]), [7])):
        caplog.clear()
        before = torch.get_rng_state()
        warn_of_dark_images(dataset)
        assert 'almost black: the largest value in' in caplog.text
        assert 'of what uint16 can hold' in caplog.text
        assert 'StatsTransformerConfig()' in caplog.text
        assert torch.equal(torch.get_rng_state(), before)


def test_chips_of_12_bits_are_reported(bands, tmp_path, caplog):
    for name, array in (('img', bands.transpose(1, 2, 0)), ('labels', bands[0].astype(np.uint8))):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / '0.npy', array)
    warn_of_dark_images(
        SemanticSegmentationImageDataset(str(tmp_path / 'img'), str(tmp_path / 'labels'))
    )
    assert 'almost black: the largest value in 1 of them is 0.0625' in caplog.text


def test_images_that_use_their_range_are_not(scene, dark_scene, caplog):
    warn_of_dark_images(sliding(scene))
    warn_of_dark_images(ConcatDataset([sliding(dark_scene), sliding(scene)]))
    warn_of_dark_images(sliding(dark_scene, normalize=False))
    warn_of_dark_images(TensorDataset(torch.zeros(2, 3, 8, 8), torch.zeros(2)))
    assert not caplog.text
