"""Helpers for sizes."""

import pytest

from rastervision.core.box import Box
from rastervision.core.utils.misc import calculate_required_padding, ensure_tuple


def test_ensure_tuple():
    assert ensure_tuple(3) == (3, 3)
    assert ensure_tuple([1, 2]) == (1, 2)
    assert ensure_tuple('ab', n=3) == ('ab', 'ab', 'ab')
    with pytest.raises(ValueError, match='2 values'):
        ensure_tuple((1, 2, 3))


@pytest.mark.parametrize('direction', ['both', 'start', 'end'])
def test_required_padding_gives_the_windows_of_no_padding_given(direction):
    extent = Box(0, 0, 130, 95)
    padding = calculate_required_padding(extent.size, (40, 30), 25, direction)
    assert extent.get_windows((40, 30), 25, padding, direction) == extent.get_windows(
        (40, 30), 25, pad_direction=direction
    )
