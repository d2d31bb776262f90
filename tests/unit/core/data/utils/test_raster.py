"""Filling, padding and resampling of chips."""

import numpy as np
import pytest
from PIL import Image

from rastervision.core.box import Box
from rastervision.core.data.utils.raster import (
    fill_overflow,
    pad_to_window_size,
    resize_bilinear,
)


@pytest.mark.parametrize('window', [Box(-2, -3, 4, 5), Box(5, 5, 12, 14), Box(2, 2, 6, 6)])
def test_fill_and_pad_agree(window):
    bbox = Box(0, 0, 10, 10)
    full = np.random.default_rng(0).integers(1, 9, (*window.size, 2))
    filled = fill_overflow(bbox, window, full.copy(), fill_value=0)
    inside = window.intersection(bbox).translate(-window.ymin, -window.xmin)
    padded = pad_to_window_size(full[inside.to_slices()], window, bbox, fill_value=0)
    assert np.array_equal(filled, padded)
    assert np.count_nonzero(filled) == inside.area * 2


def test_fill_of_a_window_outside():
    assert (fill_overflow(Box(0, 0, 5, 5), Box(9, 9, 12, 12), np.ones((3, 3)), 7) == 7).all()


@pytest.mark.parametrize('shape', [(40, 60), (17, 25), (10, 10), (33, 7)])
def test_resize_agrees_with_pillow(shape):
    chip = np.random.default_rng(0).random((20, 30, 2)).astype(np.float32)
    for channel in range(2):
        image = Image.fromarray(chip[..., channel])
        expected = image.resize(shape[::-1], Image.Resampling.BILINEAR)
        np.testing.assert_allclose(resize_bilinear(chip, shape)[..., channel], expected, atol=1e-5)


def test_resize_rounds_integers_and_keeps_constants():
    chip = np.full((5, 5, 3), 255, np.uint8)
    assert (resize_bilinear(chip, (13, 7)) == 255).all()
    assert resize_bilinear(chip, (5, 5)) is chip
    steps = np.array([[[0], [3]]], np.uint8)
    assert resize_bilinear(steps, (1, 1)).item() == 2
