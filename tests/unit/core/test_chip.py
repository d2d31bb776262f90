"""Chip and the nodata rules."""

import numpy as np
import pytest

from rastervision.core.chip import Chip, nodata_elements, representable, valid_pixels

NAN = float('nan')


def test_shapes_must_agree():
    Chip(np.zeros((5, 4, 3, 2)), np.ones((5, 4, 3), bool))
    with pytest.raises(ValueError, match=r'\(4, 3, 2\)'):
        Chip(np.zeros((4, 3, 2)), np.ones((4, 4), bool))


def test_filled_replaces_what_is_not_valid():
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    chip = Chip(pixels, np.array([[True, False], [True, True]]))
    assert chip.filled(9)[0].tolist() == [[0, 1, 2], [9, 9, 9]]
    assert chip.zeroed().pixels[0, 1].tolist() == [0, 0, 0]
    assert pixels[0, 1].tolist() == [3, 4, 5]
    whole = Chip(pixels, np.ones((2, 2), bool))
    assert whole.filled() is pixels
    assert whole.zeroed() is whole


@pytest.mark.parametrize(
    ('nodata', 'dtype', 'expected'),
    [
        (None, 'uint8', None),
        (0, 'uint8', 0),
        (255.0, 'uint8', 255),
        (256, 'uint8', None),
        (-9999, 'uint8', None),
        (0.5, 'uint8', None),
        (NAN, 'int16', None),
        (-9999, 'int16', -9999),
        (-3.4e38, 'float32', np.float32(-3.4e38)),
        (1e300, 'float32', None),
        (0.1, 'float32', np.float32(0.1)),
    ],
)
def test_nodata_as_the_raster_can_hold_it(nodata, dtype, expected):
    assert representable(nodata, np.dtype(dtype)) == expected


def rule(bands, nodata):
    bands = np.array(bands)[:, None, :]
    valid = valid_pixels(bands, nodata_elements(bands, nodata))
    return None if valid is None else valid[0].tolist()


@pytest.mark.parametrize(
    ('bands', 'nodata', 'valid'),
    [
        # invalid where all bands are nodata
        ([[0, 0, 1], [0, 2, 2]], (0, 0), [False, True, True]),
        # each band has its own value
        ([[0, 9, 0], [9, 9, 0]], (0, 9), [False, True, True]),
        # a band without nodata is always data
        ([[0, 0], [0, 0]], (0, None), None),
        ([[0, 0], [0, 0]], (None, None), None),
        # NaN is no data whether declared or not
        ([[NAN, 1.0], [NAN, NAN]], (None, None), [False, True]),
        ([[NAN, 1.0], [NAN, NAN]], (NAN, NAN), [False, True]),
        ([[-1.0, NAN], [NAN, 2.0]], (-1, -1), [False, True]),
    ],
)
def test_validity_rule(bands, nodata, valid):
    assert rule(bands, nodata) == valid


def test_undeclared_nan_is_no_nodata_element():
    bands = np.array([[[NAN, 5.0]]])
    assert nodata_elements(bands, (None,)) == [None]
    assert nodata_elements(bands, (5,))[0].tolist() == [[False, True]]
    assert nodata_elements(bands, (NAN,))[0].tolist() == [[True, False]]


def test_ground_has_data_at_any_time():
    valid = np.zeros((2, 3, 4), dtype=bool)
    valid[0, 0], valid[1, 1] = True, True
    ground = Chip(np.ones((2, 3, 4, 1)), valid).ground
    assert np.array_equal(ground.all(axis=1), [True, True, False])
    assert np.array_equal(Chip(np.ones((3, 4, 1)), valid[0]).ground, valid[0])
