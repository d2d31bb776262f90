import numpy as np
import pytest
import torch
from PIL import Image

from rastervision.pytorch_learner.dataset import (
    ImageDatasetError,
    SemanticSegmentationDataReader,
    SemanticSegmentationImageDataset,
)
from rastervision.pytorch_learner.dataset.utils import discover_images, load_image


@pytest.fixture
def folders(tmp_path):
    img, labels = tmp_path / 'img', tmp_path / 'labels'
    img.mkdir()
    labels.mkdir()
    return img, labels


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8)


@pytest.fixture
def ids():
    return np.random.default_rng(1).integers(0, 3, (6, 8), np.uint8)


def save_png(path, array):
    Image.fromarray(array).save(path)


def test_png_is_read_as_it_was_written(tmp_path, image, ids):
    save_png(tmp_path / 'rgb.png', image)
    save_png(tmp_path / 'gray.png', ids)
    np.testing.assert_array_equal(load_image(tmp_path / 'rgb.png'), image)
    np.testing.assert_array_equal(load_image(tmp_path / 'gray.png'), ids)


@pytest.mark.parametrize('channels', [1, 2, 5])
def test_npy_and_tiff_take_any_channels_and_types(write_raster, tmp_path, channels):
    array = np.random.default_rng(0).integers(0, 60_000, (6, 8, channels), np.uint16)
    np.save(tmp_path / 'a.npy', array)
    write_raster('a.tif', array.transpose(2, 0, 1))
    np.testing.assert_array_equal(load_image(tmp_path / 'a.npy'), array)
    read = load_image(tmp_path / 'a.tif')
    np.testing.assert_array_equal(read, array[..., 0] if channels == 1 else array)


@pytest.mark.parametrize('name', ['a.png', 'a.npy', 'a.tif'])
def test_a_broken_image_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b'no image at all')
    with pytest.raises(ImageDatasetError, match=name):
        load_image(tmp_path / name)


def test_a_pickle_is_not_loaded(tmp_path):
    np.save(tmp_path / 'a.npy', np.array([{}], dtype=object))
    with pytest.raises(ImageDatasetError, match=r'a\.npy'):
        load_image(tmp_path / 'a.npy')


def test_images_are_found_by_extension_and_sorted(tmp_path):
    for name in ('b.png', 'a.TIF', 'c.txt', 'd.npy'):
        (tmp_path / name).touch()
    assert [p.name for p in discover_images(tmp_path)] == ['a.TIF', 'b.png', 'd.npy']


def test_reader_pairs_images_and_class_ids_by_name(folders, image, ids):
    img, labels = folders
    np.save(img / 'b.npy', image[..., :1])
    save_png(labels / 'b.png', ids)
    save_png(img / 'a.png', image[..., 0])
    np.save(labels / 'a.npy', ids[..., None])
    reader = SemanticSegmentationDataReader(str(img), str(labels))
    assert len(reader) == 2
    for x, y in reader:
        np.testing.assert_array_equal(x, image[..., :1])
        np.testing.assert_array_equal(y, ids)


def test_dataset_gives_tensors(folders, image, ids):
    img, labels = folders
    save_png(img / 'a.png', image)
    save_png(labels / 'a.png', ids)
    x, y = SemanticSegmentationImageDataset(str(img), str(labels))[0]
    np.testing.assert_array_equal(x, image.transpose(2, 0, 1).astype(np.float32) / 255)
    assert y.dtype == torch.int64
    np.testing.assert_array_equal(y, ids)


def test_an_image_without_class_ids_is_named(folders, image, ids):
    img, labels = folders
    save_png(img / 'lonely.png', image)
    with pytest.raises(ImageDatasetError, match=r"no label 'lonely'.*labels"):
        SemanticSegmentationDataReader(str(img), str(labels))
    (img / 'lonely.png').unlink()
    save_png(labels / 'forlorn.png', ids)
    with pytest.raises(ImageDatasetError, match=r"no image 'forlorn'.*img"):
        SemanticSegmentationDataReader(str(img), str(labels))


def test_class_ids_of_another_size_are_named(folders, image, ids):
    img, labels = folders
    save_png(img / 'a.png', image)
    save_png(labels / 'a.png', ids[:3])
    with pytest.raises(ImageDatasetError, match=r'a\.png.*\(3, 8\)'):
        SemanticSegmentationDataReader(str(img), str(labels))[0]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ImageDatasetError, match='nowhere'):
        SemanticSegmentationDataReader(str(tmp_path / 'nowhere'), str(tmp_path))
