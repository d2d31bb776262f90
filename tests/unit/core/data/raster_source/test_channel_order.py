import numpy as np
import pytest

from rastervision.core.data.raster_source.channel_order import ChannelOrderError, as_channel_order
from rastervision.pipeline.errors import ConfigError


@pytest.mark.parametrize('value', [[2, 0], (2, 0), np.array([2, 0]), [np.int64(2), 0]])
def test_any_sequence_of_indices(value):
    order = as_channel_order(value, 3, 'a.tif')
    assert order == [2, 0]
    assert all(type(band) is int for band in order)


def test_all_bands_by_default():
    assert as_channel_order(None, 3, 'a.tif') == [0, 1, 2]
    assert as_channel_order(range(1, 3), 3, 'a.tif') == [1, 2]


@pytest.mark.parametrize('value', [0, '0', [0.0], ['red'], [[0, 1]], [[0], 1], [True], {0: 1}])
def test_other_types_are_refused(value):
    with pytest.raises(ConfigError, match='channel_order must be a list of indices of bands'):
        as_channel_order(value, 3, 'a.tif')


@pytest.mark.parametrize('value', [[], [3], [-1]])
def test_bands_that_are_not_there_are_refused(value):
    with pytest.raises(ChannelOrderError, match=r'channel_order .* does not fit a\.tif.*0\.\.2'):
        as_channel_order(value, 3, 'a.tif')
