import numpy as np
import pytest
import torch

from rastervision.pytorch_learner.alb import alb
from rastervision.pytorch_learner.dataset.dataset import AlbumentationsDataset
from rastervision.pytorch_learner.dataset.randomness import is_random, torch_rng
from rastervision.pytorch_learner.dataset.transform import TransformType, apply_transform
from rastervision.pytorch_learner.dataset.utils import DatasetError
from rastervision.pytorch_learner.utils import MinMaxNormalize


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (8, 8, 3), np.uint8), rng.integers(0, 2, (8, 8), np.uint8)


def dataset(samples, transform, kind=TransformType.semantic_segmentation):
    return AlbumentationsDataset(samples, transform, kind, normalize=False, to_pytorch=False)


def test_image_and_class_ids_change_together(sample):
    x, y = dataset([sample], alb.Transpose(p=1))[0]
    np.testing.assert_array_equal(x, sample[0].transpose(1, 0, 2))
    np.testing.assert_array_equal(y, sample[1].T)


def test_an_image_without_label_is_transformed_too(sample):
    x, y = dataset([(sample[0], None)], alb.Transpose(p=1))[0]
    np.testing.assert_array_equal(x, sample[0].transpose(1, 0, 2))
    assert y is None


def test_noop_leaves_the_sample(sample):
    x, y = dataset([sample], alb.Transpose(p=1), TransformType.noop)[0]
    assert x is sample[0]
    assert y is sample[1]


def test_labels_that_are_no_pixels_stay(sample):
    x, y = dataset([(sample[0], 1)], alb.Transpose(p=1), TransformType.classification)[0]
    np.testing.assert_array_equal(x, sample[0].transpose(1, 0, 2))
    assert y == 1


def test_the_images_of_a_time_series_change_in_the_same_way(sample):
    series = np.stack([sample[0], sample[0] // 2])
    flips = alb.Compose([alb.RandomRotate90(), alb.HorizontalFlip(), alb.VerticalFlip()])
    for _ in range(8):
        out = apply_transform(flips, image=series, mask=sample[1])
        np.testing.assert_array_equal(out['image'][0] // 2, out['image'][1])


def test_class_ids_are_resized_without_mixing(sample):
    ids = sample[1] * 200
    _, y = dataset([(sample[0], ids)], alb.Resize(5, 11))[0]
    assert y.shape == (5, 11)
    assert set(np.unique(y)) <= {0, 200}


def test_a_transform_that_does_not_fit_names_itself_and_the_image(sample):
    with pytest.raises(DatasetError, match=r'ToGray .* \(8, 8, 2\)'):
        apply_transform(alb.ToGray(p=1), image=sample[0][..., :2])


def test_samples_follow_the_seed_of_torch(sample):
    noise = alb.Compose([alb.RandomRotate90(), alb.GaussNoise(p=1)])
    ds = dataset([sample], noise)
    torch.manual_seed(3)
    first = [ds[0][0] for _ in range(4)]
    torch.manual_seed(3)
    again = [ds[0][0] for _ in range(4)]
    np.testing.assert_array_equal(first, again)
    assert any(not np.array_equal(first[0], other) for other in first[1:])


@pytest.mark.parametrize(
    ('transform', 'expected'),
    [
        (alb.Resize(4, 4), False),
        (alb.Compose([alb.Resize(4, 4), MinMaxNormalize()]), False),
        (alb.HorizontalFlip(), True),
        (alb.Compose([alb.Resize(4, 4), alb.HorizontalFlip()]), True),
        (alb.Resize(4, 4, p=0.5), True),
        (alb.OneOf([alb.Resize(4, 4), alb.NoOp(p=1)], p=1), True),
        (alb.SomeOf([alb.NoOp(p=1), alb.ToFloat(p=1)], n=1, p=1), True),
        (alb.Sequential([alb.Resize(4, 4), alb.NoOp(p=1)], p=1), False),
        (alb.Sequential([alb.Resize(4, 4), alb.NoOp(p=1)], p=0.5), True),
    ],
)
def test_is_random(transform, expected):
    assert is_random(transform) == expected


def test_a_transform_without_chance_draws_no_random_number(sample):
    ds = dataset([sample], alb.Resize(4, 4))
    before = torch.get_rng_state()
    ds[0]
    assert torch.equal(before, torch.get_rng_state())


def test_torch_rng_follows_the_seed_of_torch():
    torch.manual_seed(1)
    first = torch_rng().random(3)
    torch.manual_seed(1)
    np.testing.assert_array_equal(first, torch_rng().random(3))
