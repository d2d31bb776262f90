import zipfile

import numpy as np
import pytest

from rastervision.core.utils.png import encode_png
from rastervision.pipeline.errors import RVError
from rastervision.pytorch_learner.dataset.chip_dirs import split_dirs
from rastervision.pytorch_learner.dataset.utils import ImageDatasetError, load_image


def make_zip(path, *names):
    with zipfile.ZipFile(path, 'w') as archive:
        for name in names:
            archive.writestr(name, path.stem)
    return str(path)


def contents(dirs):
    return [(d / 'a.txt').read_text() for d in dirs]


def test_a_folder_with_splits(tmp_path):
    (tmp_path / 'train').mkdir()
    assert split_dirs(str(tmp_path), 'train') == [tmp_path / 'train']
    assert split_dirs(str(tmp_path), 'valid') == []


def test_zip_files_alone_in_a_list_and_in_a_folder(tmp_path):
    zips = tmp_path / 'zips'
    zips.mkdir()
    one = make_zip(zips / 'one.zip', 'train/a.txt', 'valid/a.txt')
    two = make_zip(zips / 'two.zip', 'train/a.txt')
    tmp = str(tmp_path / 'tmp')
    assert contents(split_dirs(one, 'valid', tmp)) == ['one']
    assert contents(split_dirs([two, one], 'train', tmp)) == ['two', 'one']
    assert contents(split_dirs(str(zips), 'train', tmp)) == ['one', 'two']
    assert contents(split_dirs(str(zips), 'valid', tmp)) == ['one']


def test_a_folder_around_the_splits_is_entered(tmp_path):
    one = make_zip(tmp_path / 'one.zip', 'chips/train/a.txt')
    assert contents(split_dirs(one, 'train', str(tmp_path))) == ['one']


def test_zip_files_are_unpacked_once(tmp_path):
    one = make_zip(tmp_path / 'one.zip', 'train/a.txt')
    (first,) = split_dirs(one, 'train', str(tmp_path))
    (first / 'mark').touch()
    (again,) = split_dirs(one, 'train', str(tmp_path))
    assert (again / 'mark').exists()


def test_no_training_chips_is_an_error_that_names_the_place(tmp_path):
    empty = tmp_path / 'empty'
    empty.mkdir()
    with pytest.raises(ImageDatasetError, match=r'empty holds no chips.*CHIP'):
        split_dirs(str(empty), 'train')


def test_zip_files_without_training_chips_are_told_from_none(tmp_path):
    one = tmp_path / 'chips' / 'train-a.zip'
    one.parent.mkdir()
    make_zip(one, 'valid/a.txt')
    for uri in (one, one.parent):
        with pytest.raises(ImageDatasetError, match=r'None of .*train-a\.zip.* all chips dropped'):
            split_dirs(str(uri), 'train', str(tmp_path / 'tmp'))


def test_a_missing_zip_is_named(tmp_path):
    with pytest.raises(RVError, match=r'missing\.zip'):
        split_dirs(str(tmp_path / 'missing.zip'), 'train', str(tmp_path))


def test_images_are_unpacked_as_arrays_and_labels_as_they_are(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    labels = np.tri(32, dtype=np.uint8)
    with zipfile.ZipFile(tmp_path / 'one.zip', 'w') as archive:
        archive.writestr('train/img/a.png', encode_png(noise))
        archive.writestr('train/labels/a.png', encode_png(labels))
    (train,) = split_dirs(str(tmp_path / 'one.zip'), 'train', str(tmp_path / 'tmp'))
    (image,), (label,) = ([*(train / name).iterdir()] for name in ('img', 'labels'))
    assert (image.name, label.name) == ('a.npy', 'a.png')
    assert np.array_equal(load_image(image), noise)
    assert np.array_equal(load_image(label), labels)


def test_an_array_of_the_same_name_is_not_overwritten(tmp_path):
    with zipfile.ZipFile(tmp_path / 'one.zip', 'w') as archive:
        archive.writestr('train/a.png', encode_png(np.zeros((1, 1), np.uint8)))
        archive.writestr('train/a.npy', 'other')
    (train,) = split_dirs(str(tmp_path / 'one.zip'), 'train', str(tmp_path / 'tmp'))
    assert (train / 'a.npy').read_text() == 'other'
    assert (train / 'a.png').exists()


def test_a_broken_image_is_named(tmp_path):
    one = make_zip(tmp_path / 'one.zip', 'train/broken.png')
    with pytest.raises(ImageDatasetError, match=r'broken\.png cannot be read'):
        split_dirs(one, 'train', str(tmp_path / 'tmp'))
