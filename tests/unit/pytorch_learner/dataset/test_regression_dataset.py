import numpy as np
import pytest

from rastervision.pytorch_learner import RegressionImageDataset
from rastervision.pytorch_learner.dataset import RegressionDataReader
from rastervision.pytorch_learner.dataset.utils.utils import ImageDatasetError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'img').mkdir()
    for name in 'ab':
        np.save(tmp_path / 'img' / f'{name}.npy', np.full((4, 5, 2), ord(name), np.uint8))
    return tmp_path


def write(folder, *lines):
    (folder / 'labels.csv').write_text('\n'.join(lines))
    return str(folder)


def test_values_come_by_the_names_of_the_targets(folder):
    """The format is that of release 0.31: file names first, then any columns."""
    reader = RegressionDataReader(
        write(folder, 'file,size,other,share', 'a.npy,3,x,.5', 'b.npy,4,y,'), ['share', 'size']
    )
    assert len(reader) == 2
    image, values = reader[1]
    assert image.shape == (4, 5, 2)
    assert (image == ord('b')).all()
    assert values.dtype == np.float32
    assert np.array_equal(reader.targets(), [[0.5, 3], [np.nan, 4]], equal_nan=True)
    assert np.array_equal(values, [np.nan, 4], equal_nan=True)


def test_chips_that_unpacking_turned_into_arrays_are_found(folder):
    reader = RegressionDataReader(write(folder, 'file,size', 'a.png,3'), ['size'])
    assert (reader[0][0] == ord('a')).all()


def test_images_become_tensors(folder):
    data_dir = write(folder, 'file,size', 'a.npy,3', 'b.npy,4')
    x, y = RegressionImageDataset(data_dir, ['size'])[0]
    assert tuple(x.shape) == (2, 4, 5)
    assert y.tolist() == [3]


@pytest.mark.parametrize(
    ('lines', 'problem'),
    [
        (['file,height', 'a.npy,1'], r"labels.csv has no column 'size'.*height"),
        (['size', 'a.npy'], r"no column 'size'"),
        ([], r"no column 'size'"),
        (['file,size', 'a.npy,big'], r"labels.csv has 'big' for a.npy"),
        (['file,size', 'c.png,1'], r'c.png does not exist'),
        (['file,size', 'a.npy,inf'], r"labels.csv has 'inf' for a.npy"),
    ],
)
def test_tables_that_cannot_be_used_are_named(folder, lines, problem):
    with pytest.raises(ImageDatasetError, match=problem):
        RegressionDataReader(write(folder, *lines), ['size'])


def test_a_missing_table_is_named(folder):
    with pytest.raises(ImageDatasetError, match=r'labels.csv cannot be read'):
        RegressionDataReader(str(folder), ['size'])
