"""Data configs of chips in files."""

import zipfile

import numpy as np
import pytest

from rastervision.core.data.class_config import ClassConfig
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_learner import PlotOptions
from rastervision.pytorch_learner import SemanticSegmentationImageDataConfig as ImageDataConfig


@pytest.fixture
def chips(tmp_path):
    """Makes a zip file of chips, whose pixels tell the split and the number of the file."""

    def make(name, **counts):
        path = tmp_path / name
        with zipfile.ZipFile(path, 'w') as archive:
            for split, count in counts.items():
                for i in range(count):
                    for kind, shape in (('img', (8, 8, 3)), ('labels', (8, 8))):
                        with archive.open(f'{split}/{kind}/{i}.npy', 'w') as file:
                            np.save(file, np.full(shape, i, np.uint8))
        return str(path)

    return make


def image(**fields):
    cfg = ImageDataConfig(class_config=ClassConfig(names=['a', 'b']), img_sz=8, **fields)
    cfg.update()
    cfg.validate_config()
    return cfg


def test_chips_of_one_zip_file(chips, tmp_path):
    uri = chips('a.zip', train=4, valid=2)
    train, valid, test = image(uri=uri).build(str(tmp_path / 'tmp'))
    assert (len(train), len(valid), test) == (4, 2, None)
    x, y = valid[1]
    assert (x == 1 / 255).all()
    assert (y == 1).all()


def test_groups_give_as_many_chips_as_they_are_asked_for(chips, tmp_path):
    uris = [chips('a.zip', train=6, valid=1), [chips('b.zip', train=4), chips('c.zip', train=4)]]

    def sizes(**fields):
        train, valid, _ = image(group_uris=uris, **fields).build(str(tmp_path / 'tmp'))
        return [len(group) for group in train.datasets], len(valid)

    assert sizes() == ([6, 8], 1)
    assert sizes(group_train_sz=3) == ([3, 3], 1)
    assert sizes(group_train_sz=[1, 5]) == ([1, 5], 1)
    assert sizes(group_train_sz_rel=[0.5, 0.25]) == ([3, 2], 1)


def test_more_chips_than_a_group_has(chips, tmp_path):
    cfg = image(group_uris=[chips('a.zip', train=2)], group_train_sz=3)
    with pytest.raises(ConfigError, match=r'3 training chips .* 2'):
        cfg.build(str(tmp_path / 'tmp'))


@pytest.mark.parametrize(
    ('fields', 'problem'),
    [
        ({'uri': 'a', 'group_uris': ['b']}, 'uri and group_uris'),
        ({'uri': 'a', 'group_train_sz': 3}, 'group_train_sz needs group_uris'),
        ({'group_uris': ['a'], 'group_train_sz': 3, 'group_train_sz_rel': 0.5}, 'exclude'),
        ({'group_uris': ['a'], 'group_train_sz': [3, 4]}, '2 numbers for 1 groups'),
        ({'train_sz': 3, 'train_sz_rel': 0.5}, 'train_sz=3 and train_sz_rel=0.5'),
        ({'base_transform': {'transform': {'__class_fullname__': 'No'}}}, 'base_transform: .*No'),
        ({'aug_transform': {}}, 'aug_transform: '),
        (
            {'img_channels': 3, 'plot_options': PlotOptions(channel_display_groups=[[3]])},
            r'channel 3 but images have 3',
        ),
    ],
)
def test_what_does_not_go_together_is_named(fields, problem):
    with pytest.raises(ConfigError, match=problem):
        ImageDataConfig(**fields).validate_config()


@pytest.mark.parametrize(
    ('field', 'value', 'problem'),
    [
        ('augmentors', ['RandomRotate'], r"'RandomRotate'.*RandomRotate90"),
        ('img_sz', 0, 'greater than 0; got 0'),
        ('num_workers', -1, 'greater than or equal to 0; got -1'),
        ('train_sz', -1, 'greater than 0; got -1'),
        ('train_sz_rel', 1.5, 'less than or equal to 1; got 1.5'),
        ('group_train_sz_rel', 1.5, 'less than or equal to 1; got 1.5'),
    ],
)
def test_values_out_of_range_are_refused_at_once(field, value, problem):
    with pytest.raises(ConfigError, match=f'{field}: .*{problem}'):
        ImageDataConfig(**{field: value})


def test_missing_uri_and_classes_are_named():
    with pytest.raises(ConfigError, match='uri is not set'):
        ImageDataConfig().build_dataset('train')
    with pytest.raises(ConfigError, match='class_config is not set'):
        ImageDataConfig().num_classes  # noqa: B018  the access is the test
