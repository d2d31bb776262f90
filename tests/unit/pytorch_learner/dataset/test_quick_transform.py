import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.pytorch_learner.alb import alb
from rastervision.pytorch_learner.dataset.dataset import AlbumentationsDataset
from rastervision.pytorch_learner.dataset.quick_transform import (
    QuickTransform,
    Resize,
    quick_transform,
)
from rastervision.pytorch_learner.dataset.transform import TransformType, apply_transform
from rastervision.pytorch_learner.utils import MinMaxNormalize

ALWAYS = [
    alb.HorizontalFlip(p=1),
    alb.VerticalFlip(p=1),
    alb.Transpose(p=1),
    alb.Resize(5, 9),
    alb.Compose([alb.Transpose(p=1), alb.Resize(7, 4), alb.VerticalFlip(p=1)]),
]


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (6, 8, 3), np.uint8), rng.integers(0, 9, (6, 8), np.uint8)


@pytest.mark.parametrize('transform', ALWAYS)
def test_it_is_what_albumentations_does(sample, transform):
    found = quick_transform(transform)(image=sample[0], mask=sample[1])
    expected = transform(image=sample[0], mask=sample[1])
    np.testing.assert_array_equal(found['image'], expected['image'])
    np.testing.assert_array_equal(found['mask'], expected['mask'])


@settings(max_examples=60)
@given(
    shape=st.tuples(*[st.integers(1, 40)] * 2),
    size=st.tuples(*[st.integers(1, 40)] * 2),
    channels=st.integers(1, 9),
    dtype=st.sampled_from([np.uint8, np.uint16, np.float32]),
)
def test_it_resizes_as_albumentations_does(shape, size, channels, dtype):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (*shape, channels)).astype(dtype)
    ids = rng.integers(0, 9, shape, np.uint8)
    found = QuickTransform([Resize(*size)])(image=image, mask=ids)
    expected = alb.Resize(*size)(image=image, mask=ids)
    assert found['image'].dtype == dtype
    if channels <= 4:
        np.testing.assert_array_equal(found['image'], expected['image'])
    else:  # Albumentations groups the channels in another way, and OpenCV rounds by groups
        tolerance = 1e-3 if dtype is np.float32 else 1
        np.testing.assert_allclose(
            found['image'].astype(float), expected['image'].astype(float), atol=tolerance
        )
    np.testing.assert_array_equal(found['mask'], expected['mask'])


def test_transforms_by_name_have_the_defaults_of_albumentations():
    names = ['HorizontalFlip', 'Transpose', 'RandomRotate90', 'VerticalFlip']
    quick = QuickTransform.from_names(names, 7)
    made = quick_transform(alb.Compose([*(getattr(alb, n)() for n in names), alb.Resize(7, 7)]))
    assert quick.steps == made.steps
    assert QuickTransform.from_names([*names, 'Blur'], 7) is None


@pytest.mark.parametrize('transform', ALWAYS)
def test_time_series_without_labels(sample, transform):
    series = np.stack([sample[0], sample[0] // 2])
    found = quick_transform(transform)(image=series)
    np.testing.assert_array_equal(found['image'], apply_transform(transform, image=series)['image'])
    assert set(found) == {'image'}


def test_every_quarter_turn_comes_up_and_moves_image_and_labels_together(sample):
    labels = sample[0][..., 0]
    quick = quick_transform(alb.RandomRotate90())
    turns = [np.rot90(labels, k) for k in range(4)]
    seen = set()
    for _ in range(60):
        found = quick(image=sample[0], mask=labels)
        y = found['mask']
        np.testing.assert_array_equal(found['image'][..., 0], y)
        seen |= {k for k, turn in enumerate(turns) if np.array_equal(y, turn)}
    assert seen == {0, 1, 2, 3}


def test_the_probability_is_kept(sample):
    quick = quick_transform(alb.HorizontalFlip(p=0.25))
    torch.manual_seed(0)
    flips = [quick(image=sample[0])['image'][0, 0, 0] != sample[0][0, 0, 0] for _ in range(1000)]
    assert 0.2 < np.mean(flips) < 0.3


def test_it_follows_the_seed_of_torch(sample):
    quick = quick_transform(alb.Compose([alb.RandomRotate90(), alb.HorizontalFlip()]))

    def shapes_and_corners():
        torch.manual_seed(4)
        return [quick(image=sample[0])['image'][0, 0].tolist() for _ in range(20)]

    assert shapes_and_corners() == shapes_and_corners()


@pytest.mark.parametrize(
    'transform',
    [
        alb.Blur(),
        MinMaxNormalize(),
        alb.Compose([alb.HorizontalFlip(), alb.ToGray()]),
        alb.Compose([alb.HorizontalFlip()], p=0.5),
        alb.Compose([alb.HorizontalFlip()], bbox_params=alb.BboxParams('coco')),
        alb.OneOf([alb.HorizontalFlip(), alb.VerticalFlip()]),
        alb.Resize(3, 3, p=0.5),
        alb.Resize(3, 3, interpolation=0),
        alb.Resize(3, 3, mask_interpolation=1),
        alb.Resize(3, 3, area_for_downscale='image'),
    ],
)
def test_anything_else_is_left_to_albumentations(transform):
    assert quick_transform(transform) is None


def test_the_dataset_makes_contiguous_tensors_of_the_views(sample):
    turned = AlbumentationsDataset(
        [sample], alb.Transpose(p=1), TransformType.semantic_segmentation
    )
    x, y = pickle.loads(pickle.dumps(turned))[0]
    assert x.is_contiguous()
    assert y.is_contiguous()
    np.testing.assert_array_equal(y, sample[1].T)
