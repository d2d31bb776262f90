import numpy as np
import pytest

from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import MinMaxNormalize, PlotOptions
from rastervision.pytorch_learner.alb import alb
from rastervision.pytorch_learner.utils.utils import (
    deserialize_albumentation_transform,
    serialize_albumentation_transform,
    validate_albumentation_transform,
)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(3, 200, (8, 8, 5), np.uint16)


def test_min_max_normalize_stretches_every_channel(image):
    out = MinMaxNormalize(-1, 1, p=1.0)(image=image)['image']
    low, high = image.min((0, 1)), image.max((0, 1))
    np.testing.assert_allclose(out, (image - low) / (high - low) * 2 - 1, rtol=1e-5, atol=1e-6)
    assert out.dtype == np.float32


def test_always_apply_overrides_p(image):
    out = MinMaxNormalize(always_apply=True, p=0.0)(image=image)['image']
    assert out.max() == 1


def test_a_transform_survives_the_round_trip(image):
    transform = alb.Compose([alb.Resize(4, 4), MinMaxNormalize(0, 2)])
    tf_dict = serialize_albumentation_transform(transform)
    again = deserialize_albumentation_transform(tf_dict)
    np.testing.assert_array_equal(again(image=image)['image'], transform(image=image)['image'])
    assert serialize_albumentation_transform(again) == tf_dict


@pytest.mark.parametrize(
    'name', ['MinMaxNormalize', 'rastervision.pytorch_learner.utils.utils.MinMaxNormalize']
)
def test_min_max_normalize_of_release_0_31(name):
    fields = {'p': 0.0, 'min_val': 0.0, 'max_val': 1.0, 'dtype': 5}
    tf_dict = {'__version__': '2.0.8', 'transform': {'__class_fullname__': name, **fields}}
    transform = deserialize_albumentation_transform(tf_dict)
    assert isinstance(transform, MinMaxNormalize)
    assert serialize_albumentation_transform(transform) == PlotOptions().transform


def test_lambda_transforms_come_from_a_file(tmp_path, image):
    path = tmp_path / 'mine.py'
    path.write_text(
        'from rastervision.pytorch_learner.alb import alb\n'
        'def zero(image, **kwargs): return image * 0\n'
        "lambda_transforms = {'zero': alb.Lambda(name='zero', image=zero, p=1)}\n"
    )
    namespace = {}
    exec(path.read_text(), namespace)
    transform = alb.Compose([namespace['lambda_transforms']['zero']])
    kept = tmp_path / 'kept'
    kept.mkdir()
    tf_dict = serialize_albumentation_transform(transform, str(path), str(kept))
    assert tf_dict['lambda_transforms_path'] == str(kept / 'mine.py')
    assert not deserialize_albumentation_transform(tf_dict)(image=image)['image'].any()


@pytest.mark.parametrize(
    ('tf_dict', 'problem'),
    [
        ({}, 'as a dictionary'),
        ({'transform': {'__class_fullname__': 'NoSuchTransform'}}, 'NoSuchTransform'),
        (
            {'transform': {'__class_fullname__': 'Resize', 'height': -1, 'width': 2, 'p': 1}},
            'Resize',
        ),
        ({'transform': {}, 'lambda_transforms_path': 'nowhere.py'}, r'nowhere\.py'),
    ],
)
def test_what_is_no_transform_is_named(tf_dict, problem):
    with pytest.raises(ConfigError, match=problem):
        validate_albumentation_transform(tf_dict)


def test_no_transform_is_valid():
    assert validate_albumentation_transform(None) is None
