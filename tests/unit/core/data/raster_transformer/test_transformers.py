"""Cast, min-max, NaN, reclass and colour transformers."""

import numpy as np
import pytest

from rastervision.core.chip import Chip
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.raster_transformer import (
    CastTransformer,
    CastTransformerConfig,
    MinMaxTransformer,
    MinMaxTransformerConfig,
    NanTransformer,
    NanTransformerConfig,
    RasterTransformerConfig,
    ReclassTransformer,
    ReclassTransformerConfig,
    RGBClassTransformer,
    RGBClassTransformerConfig,
    StatsTransformer,
)
from rastervision.core.data.raster_transformer.utils import (
    get_transformed_dtype,
    get_transformed_num_channels,
)
from rastervision.pipeline.config import build_config
from rastervision.pipeline.errors import ConfigError, DataError

NAN = float('nan')
CLASSES = ClassConfig(
    names=['building', 'background', 'other'],
    colors=[(255, 0, 0), (0, 0, 128), 'black'],
    null_class='other',
)


def chip_of(pixels, valid=None):
    pixels = np.array(pixels)
    valid = np.ones(pixels.shape[:2], bool) if valid is None else np.array(valid)
    return Chip(pixels, valid)


@pytest.mark.parametrize(
    'config',
    [
        CastTransformerConfig(to_dtype='int16'),
        MinMaxTransformerConfig(ignore_nodata=True),
        NanTransformerConfig(to_value=3),
        NanTransformerConfig(to_value=None),
        ReclassTransformerConfig(mapping={1: 2}),
        RGBClassTransformerConfig(class_config=CLASSES),
    ],
)
def test_configs_survive_serialisation_and_build(config):
    again = build_config(config.dict())
    assert again == config
    assert isinstance(again, RasterTransformerConfig)
    assert repr(again.build()) == repr(config.build())
    again.update(None, None)
    again.update_root('/nowhere')
    assert again == config


# ---- cast


def test_cast():
    cast = CastTransformer('float32')
    assert cast.transform(np.array([[[1, 2]]], np.uint8)).dtype == np.float32
    assert cast.get_out_dtype(np.dtype('uint8')) == np.float32
    assert cast.transform(np.array([[[3 + 4j]]])).tolist() == [[[5]]]
    assert CastTransformer('uint8').transform(np.array([[[NAN, 7.9]]])).tolist() == [[[0, 7]]]
    assert CastTransformer('complex64').transform(np.ones((1, 1, 1))).dtype == np.complex64


def test_cast_to_no_dtype():
    with pytest.raises(ConfigError, match='to_dtype'):
        CastTransformerConfig(to_dtype='uint7')


# ---- min-max


def test_min_max_stretches_each_channel_of_each_chip():
    rng = np.random.default_rng(0)
    chips = rng.integers(0, 10_000, (2, 8, 8, 3)).astype(np.uint16)
    out = MinMaxTransformer().transform(chips)
    low, high = chips.min((1, 2), keepdims=True), chips.max((1, 2), keepdims=True)
    expected = (chips - low) * (255 / (high - low).astype(float))
    assert out.dtype == np.uint8
    assert np.abs(out - expected).max() < 1 + 1e-9
    assert (out.min((1, 2)) == 0).all()
    assert (out.max((1, 2)) == 255).all()


def test_min_max_of_one_value_is_zero():
    assert not MinMaxTransformer().transform(np.full((4, 4, 1), 7)).any()


def test_min_max_counts_nodata_as_zero_unless_told_not_to():
    chip = chip_of([[[99], [50], [100]]], [[False, True, True]])
    assert MinMaxTransformer().apply(chip).pixels.ravel().tolist() == [0, 127, 255]
    assert MinMaxTransformer(True).apply(chip).zeroed().pixels.ravel().tolist() == [0, 0, 255]


def test_min_max_of_a_chip_without_data():
    chip = chip_of([[[NAN], [NAN]]], [[False, False]])
    for ignore in (False, True):
        assert not MinMaxTransformer(ignore).apply(chip).pixels.any()


# ---- NaN


def test_nan_is_replaced():
    chip = np.array([[[NAN, 1.0]]])
    assert NanTransformer(5).transform(chip).tolist() == [[[5, 1]]]
    assert np.isnan(chip[0, 0, 0])
    ints = np.array([[[1, 2]]])
    assert NanTransformer().transform(ints) is ints


def test_pixels_of_nan_alone_stay_invalid():
    out = NanTransformer(5).apply(chip_of([[[NAN], [1.0]]], [[False, True]])).zeroed()
    assert out.pixels.ravel().tolist() == [0, 1]
    assert out.valid.tolist() == [[False, True]]


# ---- reclass


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'int32', 'float32'])
def test_reclass_maps_all_at_once(dtype):
    chip = np.array([[[0], [1], [2], [3]]], dtype)
    out = ReclassTransformer({0: 1, 1: 0, 3: 9, 300_000: 4}).transform(chip)
    assert out.ravel().tolist() == [1, 0, 2, 9]
    assert out.dtype == dtype
    assert chip.ravel().tolist() == [0, 1, 2, 3]


def test_reclass_keys_may_be_strings_as_json_has_them():
    assert ReclassTransformerConfig(mapping={'1': 2}).mapping == {1: 2}


def test_reclass_to_a_value_that_does_not_fit():
    with pytest.raises(ConfigError, match=r'300.*uint8.*cast_transformer'):
        ReclassTransformer({1: 300}).transform(np.zeros((1, 1, 1), np.uint8))


# ---- colours


def test_colors_to_classes_and_back():
    ids = np.random.default_rng(0).integers(0, 3, (6, 7))
    transformer = RGBClassTransformer(CLASSES)
    rgb = transformer.class_to_rgb(ids)
    assert rgb.dtype == np.uint8
    assert rgb[ids == 1].tolist() == [[0, 0, 128]] * (ids == 1).sum()
    assert np.array_equal(transformer.rgb_to_class(rgb), ids)
    assert np.array_equal(transformer.transform(rgb), ids[..., None])


def test_unknown_colors_are_the_null_class():
    assert RGBClassTransformer(CLASSES).rgb_to_class(np.array([[[1, 2, 3]]])).tolist() == [[2]]


def test_unknown_colors_without_a_null_class():
    classes = ClassConfig(names=['a'], colors=['red'])
    with pytest.raises(DataError, match=r'\[1, 2, 3\].*null_class'):
        RGBClassTransformer(classes).rgb_to_class(np.array([[[255, 0, 0], [1, 2, 3]]]))
    assert RGBClassTransformerConfig(class_config=classes).build().null_class_id == 1
    assert classes.null_class is None


def test_colors_of_missing_pixels_do_not_matter():
    classes = ClassConfig(names=['a', 'b'], colors=['red', 'blue'])
    chip = chip_of([[[0, 0, 255], [0, 0, 0]], [[255, 0, 0], [0, 0, 0]]], [[1, 0], [1, 0]])
    out = RGBClassTransformer(classes).apply(Chip(chip.pixels, chip.valid.astype(bool)))
    assert out.pixels[..., 0].tolist() == [[1, 0], [0, 0]]
    assert out.valid.tolist() == [[True, False], [True, False]]


def test_colors_must_differ():
    classes = ClassConfig(names=['a', 'b'], colors=['red', '#ff0000'])
    with pytest.raises(ConfigError, match="'b': '#ff0000'"):
        RGBClassTransformer(classes)


def test_colors_need_three_channels():
    with pytest.raises(DataError, match='got 4'):
        RGBClassTransformer(CLASSES).transform(np.zeros((2, 2, 4), np.uint8))


# ---- chains


@pytest.mark.parametrize('transformer', [MinMaxTransformer(), StatsTransformer([1], [1])])
def test_complex_numbers_need_a_cast(transformer):
    with pytest.raises(DataError, match=r'complex.*cast_transformer'):
        get_transformed_dtype([transformer], np.dtype('complex64'))
    chain = [CastTransformer('float32'), transformer]
    assert get_transformed_dtype(chain, np.dtype('complex64')) == np.uint8


def test_chain_of_shapes_and_dtypes():
    chain = [RGBClassTransformer(CLASSES), CastTransformer('int64')]
    assert get_transformed_num_channels(chain, 3) == 1
    assert get_transformed_dtype(chain, np.dtype('uint16')) == np.int64
    assert get_transformed_dtype(chain[:1], np.dtype('uint16')) == np.uint8
    assert get_transformed_dtype([MinMaxTransformer()], np.dtype('int32')) == np.uint8
    assert get_transformed_num_channels([], 5) == 5
