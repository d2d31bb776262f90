"""Images of many bands and times on their way to the network."""

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine

from rastervision.core.data import (
    ClassConfig,
    MultiRasterSource,
    RasterioSource,
    Scene,
    SemanticSegmentationLabelSource,
    TemporalMultiRasterSource,
)
from rastervision.pytorch_learner.dataset import SemanticSegmentationSlidingWindowGeoDataset

GRID = Affine(10, 0, 5e5, 0, -10, 5.2e6)
CLASSES = ClassConfig(names=['a', 'b', 'null'], null_class='null')


def write(path, pixels, **profile):
    count, height, width = pixels.shape
    with rasterio.open(
        path, 'w', 'GTiff', width, height, count, 'EPSG:32633', GRID, pixels.dtype, **profile
    ) as dataset:
        dataset.write(pixels)
    return RasterioSource(str(path))


@pytest.fixture
def dates(tmp_path):
    """Three dates of 13 bands of uint16; rows 0 to 9 have no data at any, 10 to 19 at one."""
    pixels = np.random.default_rng(0).integers(1, 65536, (3, 13, 40, 40)).astype(np.uint16)
    pixels[:, :, :10] = 0
    pixels[1, :, :20] = 0
    return pixels, [write(tmp_path / f'{t}.tif', p, nodata=0) for t, p in enumerate(pixels)]


@pytest.mark.parametrize('temporal', [True, False])
def test_windows_of_many_bands_and_times(tmp_path, dates, temporal):
    pixels, sources = dates
    labels = np.random.default_rng(1).integers(0, 2, (1, 40, 40)).astype(np.uint8)
    label_source = SemanticSegmentationLabelSource(write(tmp_path / 'y.tif', labels), CLASSES)
    image = (TemporalMultiRasterSource if temporal else MultiRasterSource)(sources)
    dataset = SemanticSegmentationSlidingWindowGeoDataset(
        Scene('scene', image, label_source), size=20, stride=20
    )
    x, y = dataset[1]
    expected = torch.from_numpy((pixels[:, :, :20, 20:] / np.float32(65535)).astype(np.float32))
    assert torch.allclose(x, expected if temporal else expected.flatten(0, 1))
    # what has no data at any of the dates is not learnt from
    assert (y[:10] == CLASSES.null_class_id).all()
    assert torch.equal(y[10:], torch.from_numpy(labels[0, 10:20, 20:]).long())
