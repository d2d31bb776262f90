"""Chips in zip files."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from rastervision.core.box import Box
from rastervision.core.data import ClassConfig
from rastervision.core.data_sample import DataSample
from rastervision.pytorch_backend import PyTorchSemanticSegmentationSampleWriter
from rastervision.pytorch_backend.sample_writer import get_image_ext, write_chip

CLASSES = ClassConfig(names=['a', 'b'])


def sample(i, chip=None, **kwargs):
    rng = np.random.default_rng(i)
    chip = rng.integers(0, 256, (8, 9, 3), dtype=np.uint8) if chip is None else chip
    label = rng.integers(0, 2, chip.shape[:2], dtype=np.uint8)
    args = {'split': 'train', 'scene_id': 's', 'window': Box(i, 0, i + 8, 9), **kwargs}
    return DataSample(chip, label, **args)


def write(uri, samples, tmp_path):
    with PyTorchSemanticSegmentationSampleWriter(str(uri), CLASSES, str(tmp_path)) as writer:
        for one in samples:
            writer.write_sample(one)


def read(path):
    with zipfile.ZipFile(path) as zf:
        return {
            name: np.load(io.BytesIO(zf.read(name)))
            if name.endswith('.npy')
            else np.asarray(Image.open(io.BytesIO(zf.read(name))))
            for name in zf.namelist()
        }


def test_chips_and_labels_come_back(tmp_path):
    samples = [sample(0), sample(1, split='valid'), sample(2, scene_id='a/b')]
    write(tmp_path / 'c.zip', samples, tmp_path)
    names = ['train/{}/s-0-0-8-9.png', 'valid/{}/s-1-0-9-9.png', 'train/{}/a%2Fb-2-0-10-9.png']
    stored = read(tmp_path / 'c.zip')
    assert sorted(stored) == sorted(n.format(d) for n in names for d in ('img', 'labels'))
    for name, one in zip(names, samples, strict=True):
        np.testing.assert_array_equal(stored[name.format('img')], one.chip)
        np.testing.assert_array_equal(stored[name.format('labels')], one.label)


@pytest.mark.parametrize(
    ('shape', 'dtype', 'ext'),
    [
        ((4, 4, 3), np.uint8, 'png'),
        ((4, 4), np.uint8, 'png'),
        ((4, 4, 4), np.uint8, 'npy'),
        ((4, 4, 3), np.uint16, 'npy'),
        ((4, 4, 1), np.float32, 'npy'),
    ],
)
def test_what_is_no_rgb_image_is_stored_as_an_array(tmp_path, shape, dtype, ext):
    chip = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    assert get_image_ext(chip) == ext
    path = tmp_path / f'chip.{ext}'
    write_chip(chip, str(path))
    stored = np.load(path) if ext == 'npy' else np.asarray(Image.open(path))
    np.testing.assert_array_equal(stored, chip)


def test_the_same_samples_give_the_same_file(tmp_path):
    for name in ('1.zip', '2.zip'):
        write(tmp_path / name, [sample(i) for i in range(20)], tmp_path)
    assert (tmp_path / '1.zip').read_bytes() == (tmp_path / '2.zip').read_bytes()


def test_two_chips_of_one_window_are_both_kept(tmp_path):
    write(tmp_path / 'c.zip', [sample(0), sample(0)], tmp_path)
    assert sorted(read(tmp_path / 'c.zip')) == [
        'train/img/s-0-0-8-9-2.png',
        'train/img/s-0-0-8-9.png',
        'train/labels/s-0-0-8-9-2.png',
        'train/labels/s-0-0-8-9.png',
    ]


def test_in_a_folder_the_file_is_named_by_its_content(tmp_path):
    for i in (0, 1, 0):
        write(tmp_path / 'chips', [sample(i)], tmp_path)
    assert len(list((tmp_path / 'chips').glob('chips-*.zip'))) == 2


def test_a_failure_leaves_nothing(tmp_path):
    def failing():
        yield sample(0)
        raise RuntimeError('no more')

    with pytest.raises(RuntimeError, match='no more'):
        write(tmp_path / 'out' / 'c.zip', failing(), tmp_path)
    assert not list(tmp_path.rglob('*.zip'))


def test_a_chip_that_cannot_be_encoded_fails(tmp_path):
    class Writer(PyTorchSemanticSegmentationSampleWriter):
        def get_image_path(self, sample):
            return 'train/img/float.png'

    chip = np.zeros((2, 2, 3), dtype=np.float32)
    with (
        pytest.raises(ValueError, match='float32'),
        Writer(str(tmp_path / 'c.zip'), CLASSES, str(tmp_path)) as writer,
    ):
        writer.write_sample(sample(0, chip))
    assert not (tmp_path / 'c.zip').exists()
