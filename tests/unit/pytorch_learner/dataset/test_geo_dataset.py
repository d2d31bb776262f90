import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from rastervision.core.box import Box
from rastervision.core.data.class_config import ClassConfig
from rastervision.core.data.utils.factory import make_ss_scene
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner.alb import alb
from rastervision.pytorch_learner.dataset import (
    DatasetError,
    GeoDatasetError,
    SlidingWindowGeoDataset,
    TransformType,
)
from rastervision.pytorch_learner.dataset import (
    SemanticSegmentationRandomWindowGeoDataset as RandomWindows,
)
from rastervision.pytorch_learner.dataset import (
    SemanticSegmentationSlidingWindowGeoDataset as SlidingWindows,
)

HEIGHT, WIDTH = 60, 80


def test_items_are_the_pixels_and_class_ids_of_the_windows(scene, pixels, labels):
    ds = SlidingWindows(scene, size=20, stride=20)
    assert len(ds) == 12
    for (x, y), window in zip(ds, ds.windows, strict=True):
        rows, columns = window.to_slices()
        assert x.dtype == torch.float32
        assert x.is_contiguous()
        np.testing.assert_array_equal(x, pixels[:, rows, columns].astype(np.float32) / 255)
        assert y.dtype == torch.int64
        np.testing.assert_array_equal(y, labels[rows, columns])


@pytest.mark.parametrize('pad_direction', ['start', 'end', 'both'])
@pytest.mark.parametrize(('size', 'stride'), [(25, 25), (32, 16), ((70, 30), (7, 11))])
def test_sliding_windows_cover_every_pixel(scene, size, stride, pad_direction):
    ds = SlidingWindows(scene, size, stride, pad_direction=pad_direction)
    seen = np.zeros((HEIGHT, WIDTH), bool)
    for window in ds.windows:
        rows, columns = window.intersection(scene.extent).to_slices()
        seen[rows, columns] = True
    assert seen.all()


def test_what_lies_outside_is_zero_and_of_the_null_class(scene, classes):
    ds = SlidingWindows(scene, size=50, stride=50)
    x, y = ds[len(ds) - 1]
    assert (x[:, HEIGHT - 50 :, :] == 0).all()
    assert (y[HEIGHT - 50 :, :] == classes.null_class_id).all()


def test_pixels_without_data_have_the_null_class(write_raster, pixels, labels, classes):
    pixels[:, :30] = 0
    scene = make_ss_scene(
        write_raster('image.tif', pixels, nodata=0),
        label_raster_uri=write_raster('labels.tif', labels[None]),
        class_config=classes,
    )
    _, y = SlidingWindows(scene, size=(HEIGHT, WIDTH), stride=10, padding=0)[0]
    assert (y[:30] == classes.null_class_id).all()
    np.testing.assert_array_equal(y[30:], labels[30:])


def test_without_labels_the_label_is_nan(write_raster, pixels):
    scene = make_ss_scene(write_raster('image.tif', pixels))
    x, y = SlidingWindows(scene, size=20, stride=20)[0]
    assert x.shape == (3, 20, 20)
    assert y.ndim == 0
    assert y.isnan()


def test_batches_can_be_made_without_labels(write_raster, pixels):
    scene = make_ss_scene(write_raster('image.tif', pixels))
    x, y = next(iter(DataLoader(SlidingWindows(scene, size=20, stride=20), batch_size=4)))
    assert x.shape == (4, 3, 20, 20)
    assert y.shape == (4,)


def test_return_window(scene):
    ds = SlidingWindows(scene, size=20, stride=20, return_window=True)
    (x, _), window = ds[5]
    assert window == ds.windows[5] == Box(20, 20, 40, 40)
    assert x.shape == (3, 20, 20)


def test_out_size_resizes_image_and_labels(scene):
    x, y = SlidingWindows(scene, size=20, stride=20, out_size=(32, 48))[0]
    assert x.shape == (3, 32, 48)
    assert y.shape == (32, 48)


def test_transform_comes_before_the_resizing(scene, pixels):
    turned = SlidingWindows(scene, (20, 40), 20, out_size=(40, 20), transform=alb.Transpose(p=1))
    x, _ = turned[0]
    np.testing.assert_array_equal(x[0], pixels[0, :20, :40].T.astype(np.float32) / 255)


def test_arrays_on_demand(scene, pixels):
    x, y = SlidingWindows(scene, 20, 20, normalize=False, to_pytorch=False)[0]
    np.testing.assert_array_equal(x, pixels[:, :20, :20].transpose(1, 2, 0))
    assert isinstance(y, np.ndarray)


def test_a_window_larger_than_the_scene_needs_padding(scene):
    assert len(SlidingWindows(scene, size=100, stride=100)) == 1
    with pytest.raises(ConfigError, match=r"100x100.*'tiny'.*60x80.*padding"):
        SlidingWindows(scene, size=100, stride=100, padding=0)
    with pytest.raises(ConfigError, match=r"100x100.*'tiny'"):
        RandomWindows(scene, size_lims=(100, 101), out_size=100, padding=0, max_windows=1)


def test_an_index_beyond_the_end_is_an_index_error(scene):
    sliding = SlidingWindows(scene, size=20, stride=20)
    random = RandomWindows(scene, size_lims=(10, 20), out_size=16, max_windows=3)
    for ds in (sliding, random):
        with pytest.raises(IndexError):
            ds[len(ds)]
        assert len(list(ds)) == len(ds)


def test_windows_lie_within_the_aoi(write_raster, write_square, pixels):
    scene = make_ss_scene(
        write_raster('image.tif', pixels),
        aoi_uri=write_square('aoi.json', 10, 20, 50, 60),
    )
    aoi = Box(10, 20, 50, 60)
    inside = SlidingWindows(scene, size=10, stride=10).windows
    assert len(inside) == 16
    assert all(w.intersection(aoi) == w for w in inside)
    assert len(SlidingWindows(scene, size=10, stride=10, within_aoi=False).windows) > 16
    random = RandomWindows(scene, size_lims=(5, 20), out_size=8, max_windows=50, return_window=True)
    assert all(w.intersection(aoi) == w for _, w in random)


def test_random_windows_have_sizes_within_their_limits(scene):
    ds = RandomWindows(
        scene, h_lims=(8, 12), w_lims=(20, 31), out_size=16, max_windows=40, return_window=True
    )
    assert (ds.min_size, ds.max_size) == ((8, 20), (12, 31))
    for (x, y), window in ds:
        assert 8 <= window.height <= 11
        assert 20 <= window.width <= 30
        assert x.shape == (3, 16, 16)
        assert y.shape == (16, 16)


def test_a_size_and_a_place_can_be_drawn_apart(scene):
    ds = RandomWindows(scene, size_lims=(8, 30), out_size=8, max_windows=10, padding=0)
    for _ in range(20):
        height, width = ds.sample_window_size()
        assert 8 <= height == width < 30
        y, x = ds.sample_window_loc(height, width)
        assert 0 <= y <= HEIGHT - height
        assert 0 <= x <= WIDTH - width


def test_random_windows_follow_the_seed_of_torch(scene):
    ds = RandomWindows(scene, size_lims=(8, 30), out_size=8, max_windows=10, return_window=True)

    def epoch():
        return [window for _, window in ds]

    torch.manual_seed(5)
    first, second = epoch(), epoch()
    torch.manual_seed(5)
    assert epoch() == first
    assert second != first


def test_workers_draw_different_windows_and_follow_the_seed(scene):
    ds = RandomWindows(scene, size_lims=(8, 9), out_size=8, max_windows=8)

    def epoch(loader):
        return torch.cat([x for x, _ in loader])

    loader = DataLoader(ds, batch_size=4, num_workers=2, timeout=60)
    torch.manual_seed(5)
    first, second = epoch(loader), epoch(loader)
    torch.manual_seed(5)
    assert torch.equal(first, epoch(loader))
    assert not torch.equal(first, second)
    assert len({x.numpy().tobytes() for x in first}) == 8


def test_random_windows_without_out_size_are_plain_arrays(scene):
    x, y = RandomWindows(scene, size_lims=(10, 30), out_size=None, max_windows=1)[0]
    assert isinstance(x, np.ndarray)
    assert x.dtype == np.uint8
    assert x.shape[:2] == y.shape


def test_a_transform_needs_to_know_what_the_labels_are(scene):
    with pytest.raises(GeoDatasetError, match='transform_type'):
        SlidingWindowGeoDataset(scene, size=10, stride=10, out_size=20)
    ds = SlidingWindowGeoDataset(
        scene, 10, 10, out_size=20, transform_type=TransformType.semantic_segmentation
    )
    assert ds[0][1].shape == (20, 20)


def test_from_uris(write_raster, write_square, pixels):
    ds = SlidingWindows.from_uris(
        image_uri=write_raster('image.tif', pixels),
        label_vector_uri=write_square('water.json', 10, 10, 30, 40),
        label_vector_default_class_id=1,
        class_config=ClassConfig(names=['field', 'water'], null_class='field'),
        image_raster_source_kw={'channel_order': [2, 1]},
        size=HEIGHT,
        stride=HEIGHT,
    )
    x, y = ds[0]
    np.testing.assert_array_equal(x[0], pixels[2, :, :HEIGHT].astype(np.float32) / 255)
    expected = np.zeros((HEIGHT, HEIGHT))
    expected[10:30, 10:40] = 1
    np.testing.assert_array_equal(y, expected)


def test_from_uris_needs_a_task():
    with pytest.raises(GeoDatasetError, match='SemanticSegmentation'):
        SlidingWindowGeoDataset.from_uris('image.tif')


def test_sizes_that_make_no_sense_are_named(scene):
    with pytest.raises(ConfigError, match=r'out_size has .* at least 1, .* got \(4, 0\)'):
        RandomWindows(scene, out_size=(4, 0), size_lims=(4, 5), max_windows=1)
    with pytest.raises(ConfigError, match='max_windows must be 0 or more, got -2'):
        RandomWindows(scene, out_size=4, size_lims=(4, 5), max_windows=-2)


@pytest.mark.parametrize(
    ('fields', 'problem'),
    [
        ({'size': 0}, r'^size has to be a whole number of at least 1, .* got 0\.$'),
        ({'size': 10.5}, r'^size .* got 10\.5\.$'),
        ({'size': 'a'}, r"^size .* got 'a'\.$"),
        ({'stride': (1, 2, 3)}, r'^stride .* got \(1, 2, 3\)\.$'),
        ({'padding': -1}, r'^padding has to be a whole number of at least 0, .* got -1\.$'),
    ],
)
def test_grids_that_make_no_sense_are_named(scene, fields, problem):
    with pytest.raises(ConfigError, match=problem):
        SlidingWindows(scene, **{'size': 8, 'stride': 8, **fields})


@pytest.mark.parametrize('fields', [{'out_size': 4}, {'transform': alb.HorizontalFlip()}])
def test_a_transform_without_effect_is_refused(scene, fields):
    with pytest.raises(GeoDatasetError, match='transform_type other than noop'):
        SlidingWindowGeoDataset(scene, 8, 8, transform_type=TransformType.noop, **fields)


def test_windows_are_counted_from_both_ends(scene):
    grid = SlidingWindows(scene, size=20, stride=20)
    drawn = RandomWindows(scene, size_lims=(8, 9), out_size=8, max_windows=3)
    for ds in (grid, drawn):
        assert ds[-len(ds)][0].shape == ds[np.int64(0)][0].shape
        for index in (len(ds), -len(ds) - 1):
            with pytest.raises(IndexError, match=f'none at {index}'):
                ds[index]
        with pytest.raises(GeoDatasetError, match=r'torch\.utils\.data\.Subset'):
            ds[0:2]


class Invert:
    """A transform of a user's own."""

    def __call__(self, image, mask):
        return {'image': 255 - image, 'mask': 1 - mask}


def test_own_transforms_are_used(scene):
    plain = SlidingWindows(scene, 20, 20, normalize=False, to_pytorch=False)[0]
    options = {'normalize': False, 'to_pytorch': False, 'transform': Invert()}
    x, y = SlidingWindows(scene, 20, 20, **options)[0]
    np.testing.assert_array_equal(x, 255 - plain[0])
    np.testing.assert_array_equal(y, 1 - plain[1])
    resized, _ = SlidingWindows(scene, 20, 20, out_size=10, **options)[0]
    expected, _ = SlidingWindows(scene, 20, 20, out_size=10, **options | {'transform': None})[0]
    np.testing.assert_allclose(resized, 255.0 - expected, atol=1)


def test_tensors_that_a_transform_makes_are_used(scene):
    plain = SlidingWindows(scene, 20, 20)[0]
    made = SlidingWindows(scene, 20, 20, transform=alb.Compose([alb.ToTensorV2()]))[0]
    for ours, theirs in zip(made, plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.parametrize(
    ('transform', 'problem'),
    [
        ('flip', "got 'flip'"),
        (lambda image, mask: {'image': image}, 'returned no mask'),
        (lambda image, mask: image, 'returned no image, mask'),
    ],
)
def test_what_is_no_transform_is_named(scene, transform, problem):
    with pytest.raises((ConfigError, DatasetError), match=problem):
        SlidingWindows(scene, 20, 20, transform=transform)[0]


def test_what_random_windows_were_asked_for_can_be_read(scene):
    ds = RandomWindows(scene, size_lims=(8, 30), out_size=8, max_windows=10, padding=2)
    assert (ds.size_lims, ds.h_lims, ds.w_lims) == ((8, 30), (8, 30), (8, 30))
    assert (ds.min_size, ds.max_size) == ((8, 8), (30, 30))
    assert (ds.padding, ds.max_sample_attempts) == ((2, 2), 100)
    assert ds.extent == scene.extent
    assert not ds.has_aoi_polygons


@pytest.fixture
def rare_scene(write_raster, pixels):
    """Four pixels of class 1 in a corner, and four of nodata in another; class 2 is nowhere."""
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[:2, :2] = 1
    ids[-2:, :2] = 255
    return make_ss_scene(
        write_raster('image.tif', pixels),
        label_raster_uri=write_raster('rare.tif', ids[None], nodata=255),
        class_config=ClassConfig(names=['field', 'water', 'ice']),
    )


def test_random_windows_can_be_drawn_around_rare_pixels(rare_scene):
    ds = RandomWindows(rare_scene, size_lims=(8, 12), out_size=8, max_windows=100)
    torch.manual_seed(0)
    ds.balance_classes({1: 1})
    assert all((rare_scene.label_source[ds.sample_window()] == 1).any() for _ in range(50))
    assert ds.balance_classes().tolist() == [0, 1]
    share = np.mean([ds.sample_window().ymin < 2 for _ in range(200)])
    assert 0.4 < share < 0.65


def test_classes_need_labels_to_be_balanced(write_raster, pixels):
    scene = make_ss_scene(write_raster('image.tif', pixels), scene_id='bare')
    ds = RandomWindows(scene, size_lims=(8, 9), out_size=8, max_windows=1)
    with pytest.raises(GeoDatasetError, match='bare'):
        ds.balance_classes()
