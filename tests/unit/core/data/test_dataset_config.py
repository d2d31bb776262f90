import json

import pytest

from rastervision.core.data import ClassConfig, DatasetConfig, RasterioSourceConfig, SceneConfig
from rastervision.core.data.dataset_config import dataset_config_upgrader
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError


def scene(name, uri='x.tif'):
    return SceneConfig(id=name, raster_source=RasterioSourceConfig(uris=uri))


def dataset(train='', valid='', test='', **kw):
    lists = {
        'train_scenes': [scene(name) for name in train],
        'validation_scenes': [scene(name) for name in valid],
        'test_scenes': [scene(name) for name in test],
    }
    return DatasetConfig(class_config=ClassConfig(names=['a']), **{**lists, **kw})


def test_update_adds_a_group_per_list_and_keeps_others() -> None:
    cfg = dataset('ab', 'c', 'd', scene_groups={'north': {'a', 'c'}, 'test_scenes': set()})
    cfg.update()
    assert cfg.scene_groups == {
        'train_scenes': {'a', 'b'},
        'validation_scenes': {'c'},
        'test_scenes': set(),
        'north': {'a', 'c'},
    }
    assert [s.id for s in cfg.all_scenes] == list('abcd')


def test_groups_are_written_in_order_and_read_back() -> None:
    cfg = dataset('zyxwvu', 'c')
    cfg.update()
    written = cfg.to_dict()
    assert written['scene_groups']['train_scenes'] == list('uvwxyz')
    assert Config.from_dict(json.loads(json.dumps(written))) == cfg


def test_update_reaches_every_scene() -> None:
    seen = []

    class Pipeline:
        def get_default_label_store(self, scene):
            seen.append(scene.id)

    dataset('ab', 'c', 'd').update(Pipeline())
    assert seen == list('abcd')


@pytest.mark.parametrize(
    ('lists', 'where'),
    [
        (('aa', 'b'), 'train_scenes'),
        (('a', 'bb'), 'validation_scenes'),
        (('a', 'aa'), 'validation_scenes'),
        (('a', 'b', 'cc'), 'test_scenes'),
    ],
)
def test_ids_must_differ(lists, where) -> None:
    with pytest.raises(ConfigError, match=rf"two scenes with the id '.' in {where}\."):
        dataset(*lists)


def test_training_images_may_be_validated_on() -> None:
    dataset('a', validation_scenes=[scene('a', 'other.tif')])
    dataset('ab', 'ab', 'a')


def test_a_scene_may_be_tested_again_but_not_another_one_of_its_name() -> None:
    dataset('a', 'b', 'b')
    with pytest.raises(ConfigError, match="id 'b' in validation_scenes and test_scenes"):
        dataset('a', 'b', test_scenes=[scene('b', 'other.tif')])


def test_changes_within_lists_and_scenes_are_seen_by_validation() -> None:
    cfg = dataset('a', 'b', 'b')
    cfg.update()
    cfg.recursive_validate_config()
    cfg.validation_scenes.append(scene('b'))
    with pytest.raises(ConfigError, match="two scenes with the id 'b' in validation_scenes"):
        cfg.recursive_validate_config()
    cfg = dataset('ac', 'b')
    cfg.train_scenes[1].id = 'a'
    with pytest.raises(ConfigError, match="two scenes with the id 'a' in train_scenes"):
        cfg.recursive_validate_config()


def test_groups_must_name_scenes() -> None:
    with pytest.raises(ConfigError, match=r"scene_groups\['north'\] names z"):
        dataset('a', 'b', scene_groups={'north': {'a', 'z'}})


def test_img_channels_of_old_configs_are_dropped() -> None:
    assert dataset_config_upgrader({'img_channels': 3, 'x': 1}, 0) == {'x': 1}
