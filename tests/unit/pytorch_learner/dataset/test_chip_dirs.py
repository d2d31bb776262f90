import zipfile

import pytest

from rastervision.pipeline.errors import RVError
from rastervision.pytorch_learner.dataset.chip_dirs import split_dirs
from rastervision.pytorch_learner.dataset.utils import ImageDatasetError


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


def test_a_missing_zip_is_named(tmp_path):
    with pytest.raises(RVError, match=r'missing\.zip'):
        split_dirs(str(tmp_path / 'missing.zip'), 'train', str(tmp_path))
