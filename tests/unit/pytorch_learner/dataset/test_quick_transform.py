import pickle

import numpy as np
import pytest
import torch

from rastervision.pytorch_learner.alb import alb
from rastervision.pytorch_learner.dataset.dataset import AlbumentationsDataset
from rastervision.pytorch_learner.dataset.quick_transform import quick_transform
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
    x, y = quick_transform(transform)(sample, y_is_mask=True)
    expected = transform(image=sample[0], mask=sample[1])
    np.testing.assert_array_equal(x, expected['image'])
    np.testing.assert_array_equal(y, expected['mask'])


@pytest.mark.parametrize('transform', ALWAYS)
def test_time_series_and_labels_that_are_no_pixels(sample, transform):
    series = np.stack([sample[0], sample[0] // 2])
    x, y = quick_transform(transform)((series, 'label'), y_is_mask=False)
    np.testing.assert_array_equal(x, apply_transform(transform, image=series)['image'])
    assert y == 'label'


def test_every_quarter_turn_comes_up_and_moves_image_and_labels_together(sample):
    labels = sample[0][..., 0]
    quick = quick_transform(alb.RandomRotate90())
    turns = [np.rot90(labels, k) for k in range(4)]
    seen = set()
    for _ in range(60):
        x, y = quick((sample[0], labels), y_is_mask=True)
        np.testing.assert_array_equal(x[..., 0], y)
        seen |= {k for k, turn in enumerate(turns) if np.array_equal(y, turn)}
    assert seen == {0, 1, 2, 3}


def test_the_probability_is_kept(sample):
    quick = quick_transform(alb.HorizontalFlip(p=0.25))
    torch.manual_seed(0)
    flips = [quick(sample, True)[0][0, 0, 0] != sample[0][0, 0, 0] for _ in range(1000)]
    assert 0.2 < np.mean(flips) < 0.3


def test_it_follows_the_seed_of_torch(sample):
    quick = quick_transform(alb.Compose([alb.RandomRotate90(), alb.HorizontalFlip()]))

    def shapes_and_corners():
        torch.manual_seed(4)
        return [quick(sample, True)[0][0, 0].tolist() for _ in range(20)]

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
