"""What RasterioSource says of files that it cannot read."""

from pathlib import Path

import numpy as np
import pytest

from rastervision.core.box import Box
from rastervision.core.data.raster_source import ChannelOrderError, RasterioSource
from rastervision.pipeline.errors import ConfigError, NotReadableError


def test_missing_file(tmp_path):
    with pytest.raises(NotReadableError, match=r'nothing\.tif'):
        RasterioSource(str(tmp_path / 'nothing.tif'))


def test_file_that_is_no_raster(tmp_path):
    path = tmp_path / 'text.tif'
    path.write_text('hello')
    with pytest.raises(NotReadableError, match=r'text\.tif'):
        RasterioSource(str(path))


@pytest.mark.parametrize('part', [0.1, 0.6])
def test_truncated_file(write_raster, part):
    array = np.random.default_rng(0).integers(0, 255, (3, 300, 300), dtype=np.uint8)
    path = Path(write_raster(array, tiled=True, blockxsize=64, blockysize=64, compress='deflate'))
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(NotReadableError, match=r'image\.tif'):
        RasterioSource(str(path)).get_chip(Box(0, 0, 300, 300))


@pytest.mark.parametrize('driver', ['PNG', 'JPEG', 'JP2OpenJPEG', 'BMP'])
def test_truncated_file_of_another_format(write_raster, driver):
    array = np.random.default_rng(0).integers(0, 255, (3, 200, 200), dtype=np.uint8)
    path = Path(write_raster(array, f'image.{driver}', driver=driver, crs=None, transform=None))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with pytest.raises(NotReadableError, match=f'image.{driver} .*complete'):
        RasterioSource(str(path)).get_chip(Box(0, 0, 200, 200))


def test_channel_beyond_the_bands(write_raster, rgb):
    with pytest.raises(ChannelOrderError, match=r'image\.tif.*3 band.*0\.\.2') as caught:
        RasterioSource(write_raster(rgb), channel_order=[0, 3])
    assert isinstance(caught.value, ConfigError)
