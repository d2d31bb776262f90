"""Boxes that the image has data for, against a look at each."""

import math

import numpy as np
import pytest

from rastervision.core.data import RasterioSource
from rastervision.core.evaluation import image_data
from rastervision.core.evaluation.image_data import has_data

SHAPE = (60, 80)


@pytest.mark.parametrize('window_size', [16, 37, 2048])
@pytest.mark.parametrize('share', [0, 0.003, 1])
def test_a_box_has_data_if_any_pixel_that_it_touches_is_valid(
    write_raster, monkeypatch, window_size, share
):
    monkeypatch.setattr(image_data, 'WINDOW_SIZE', window_size)
    rng = np.random.default_rng(window_size)
    valid = rng.random(SHAPE) < share
    image = RasterioSource(write_raster(valid.astype(np.uint8)[None], 'a.tif'), nodata=0)
    corners = rng.uniform(0, [SHAPE[0] - 1, SHAPE[1] - 1], (300, 2))
    boxes = np.hstack([corners, np.minimum(corners + rng.uniform(0, 25, (300, 2)), SHAPE)])
    boxes[:100] = np.rint(boxes[:100])
    expected = [
        valid[
            math.floor(y0) : max(math.ceil(y1), math.floor(y0) + 1),
            math.floor(x0) : max(math.ceil(x1), math.floor(x0) + 1),
        ].any()
        for y0, x0, y1, x1 in boxes
    ]
    assert has_data(image, boxes).tolist() == expected
    assert has_data(image, np.zeros((0, 4))).tolist() == []


def test_an_image_without_gaps_is_not_read(write_raster, monkeypatch):
    image = RasterioSource(write_raster(np.zeros((1, *SHAPE), np.uint8), 'a.tif'))
    monkeypatch.setattr(image, 'read', None)
    assert has_data(image, np.array([[0, 0, 5, 5]])).all()
