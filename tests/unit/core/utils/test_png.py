"""PNG files, against Pillow."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from rastervision.core.utils.png import encode_png

SHAPES = st.one_of(
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 2, 3, 4])),
)


@given(pixels=SHAPES.flatmap(lambda shape: arrays(np.uint8, shape)))
def test_pillow_reads_the_same_pixels(pixels):
    image = Image.open(io.BytesIO(encode_png(pixels)))
    image.verify()
    read = np.asarray(Image.open(io.BytesIO(encode_png(pixels))))
    np.testing.assert_array_equal(read, pixels.squeeze(-1) if pixels.shape[2:] == (1,) else pixels)


def test_views_in_another_order_are_written_right():
    pixels = np.arange(60, dtype=np.uint8).reshape(3, 4, 5).transpose(1, 2, 0)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encode_png(pixels)))), pixels)


@pytest.mark.parametrize('pixels', [np.zeros((2, 2, 5), np.uint8), np.zeros((2, 2), np.uint16)])
def test_other_arrays_are_refused(pixels):
    with pytest.raises(ValueError, match='Cannot write'):
        encode_png(pixels)
