"""What every transformer makes of chips with a mask, of images and of time series."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.core.chip import Chip
from rastervision.core.data import (
    CastTransformer,
    ClassConfig,
    MinMaxTransformer,
    NanTransformer,
    ReclassTransformer,
    RGBClassTransformer,
    StatsTransformer,
)

CLASSES = ClassConfig(names=['a', 'b', 'rest'], colors=['red', 'blue', 'black'], null_class='rest')
TRANSFORMERS = [
    CastTransformer('int16'),
    NanTransformer(5),
    StatsTransformer([40, 50, 60], [9, 10, 11]),
    MinMaxTransformer(ignore_nodata=True),
    ReclassTransformer({0: 7, 30: 0}),
    RGBClassTransformer(CLASSES),
]


@pytest.mark.parametrize('transformer', TRANSFORMERS, ids=lambda t: type(t).__name__)
@settings(max_examples=25)
@given(
    lead=st.sampled_from([(), (1,), (3,)]),
    share=st.sampled_from([0, 0.5, 1]),
    seed=st.integers(0, 99),
)
def test_pixels_without_data_change_nothing(transformer, lead, share, seed):
    rng = np.random.default_rng(seed)
    shape = (*lead, 6, 5, 3)
    pixels = rng.integers(0, 90, shape).astype(np.uint16)
    valid = rng.random(shape[:-1]) < share
    other = np.where(valid[..., None], pixels, rng.integers(0, 90, shape).astype(np.uint16))
    one = transformer.apply(Chip(pixels, valid)).zeroed()
    two = transformer.apply(Chip(other, valid)).zeroed()
    assert np.array_equal(one.pixels, two.pixels)
    assert np.array_equal(one.valid, valid)
    assert one.pixels.shape[:-1] == shape[:-1]
    assert one.pixels.dtype == transformer.get_out_dtype(np.dtype(np.uint16))
    assert one.pixels.shape[-1] == transformer.get_out_channels(3)


@pytest.mark.parametrize('transformer', TRANSFORMERS, ids=lambda t: type(t).__name__)
def test_a_time_series_is_transformed_time_by_time(transformer):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 90, (4, 6, 5, 3)).astype(np.float32)
    pixels[0, 0, 0, 0] = np.nan
    if isinstance(transformer, RGBClassTransformer):
        pixels = np.nan_to_num(pixels).astype(np.uint8)
    valid = rng.random(pixels.shape[:-1]) < 0.8
    series = transformer.apply(Chip(pixels, valid))
    for t in range(4):
        single = transformer.apply(Chip(pixels[t], valid[t]))
        assert np.array_equal(series.pixels[t], single.pixels, equal_nan=True)
        assert np.array_equal(series.valid[t], single.valid)
