"""What differs between configs: nothing between equal ones, and every leaf that was changed."""

import copy

from hypothesis import given
from hypothesis import strategies as st

from rastervision.core.config_diff import differences

SCENE = {'id': 'a', 'raster_source': {'uris': ['a.tif'], 'type_hint': 'rasterio_source'}}
CONFIG = {
    'root_uri': '/out/one',
    'plugin_versions': {'core': 1},
    'backend': {'solver': {'lr': 0.1, 'num_epochs': 5}, 'model': {'lr': 3}},
    'dataset': {'train_scenes': [SCENE, {**SCENE, 'id': 'b'}]},
    'predict_uri': '/out/one/predict',
    'channels': [0, 1],
}


def changed(**changes):
    """A copy of CONFIG with changes by path, parts joined by '__'."""
    config = copy.deepcopy(CONFIG)
    for path, value in changes.items():
        *parts, last = path.split('__')
        at = config
        for part in parts:
            at = at[int(part) if part.isdecimal() else part]
        at[last] = value
    return config


def test_equal_configs_and_metadata_do_not_differ():
    other = changed(plugin_versions={'core': 2}, rv_config={'a': 1})
    assert differences([CONFIG, other, CONFIG]) == {}
    assert differences([CONFIG]) == {}


def test_places_below_the_root_are_the_same_for_all():
    other = changed(root_uri='s3://b/two/', predict_uri='s3://b/two/predict')
    assert differences([CONFIG, other]) == {}
    other['predict_uri'] = 's3://b/two_more/predict'
    assert differences([CONFIG, other]) == {
        'predict_uri': ['{root_uri}/predict', 's3://b/two_more/predict']
    }


def test_names_are_as_short_as_they_can_be():
    one = changed(backend__solver__num_epochs=6)
    assert differences([CONFIG, one]) == {'num_epochs': [5, 6]}
    two = changed(backend__solver__lr=0.2, backend__model__lr=4)
    assert differences([CONFIG, two]) == {'solver.lr': [0.1, 0.2], 'model.lr': [3, 4]}


def test_what_occurs_twice_is_told_once():
    configs = [{'a': {'b': {'img_sz': n}}, 'c': {'img_sz': n}, 'size': n} for n in (1, 2)]
    assert differences(configs) == {'size': [1, 2], 'img_sz': [1, 2]}


def test_scenes_go_by_their_ids_and_plain_lists_are_values():
    other = changed(channels=[0, 1, 2], dataset__train_scenes__1__raster_source__uris=['x.tif'])
    assert differences([CONFIG, other]) == {
        'channels': [[0, 1], [0, 1, 2]],
        'uris': [['a.tif'], ['x.tif']],
    }
    swapped = changed(dataset__train_scenes=CONFIG['dataset']['train_scenes'][::-1])
    assert differences([CONFIG, swapped]) == {}


def test_what_is_missing_is_told_as_a_whole():
    other = changed(dataset__train_scenes=[SCENE])
    assert differences([other, CONFIG]) == {'b': [None, {**SCENE, 'id': 'b'}]}
    typed = changed(model={'type_hint': 'unet', 'size': 3})
    assert differences([CONFIG, typed, CONFIG]) == {'model': [None, 'unet', None]}


def test_lists_whose_items_have_the_same_id_are_values():
    configs = [{'x': [{'id': 1, 'v': 1}, {'id': 1, 'v': v}]} for v in (2, 3)]
    assert differences(configs) == {'x': [config['x'] for config in configs]}


values = st.integers() | st.text(max_size=3) | st.booleans() | st.none()
trees = st.recursive(values, lambda t: st.dictionaries(st.sampled_from('abc'), t), max_leaves=8)


@given(st.lists(st.dictionaries(st.sampled_from('abc'), trees), min_size=1, max_size=3))
def test_no_difference_means_equal_and_every_value_has_its_place(configs):
    found = differences(configs)
    assert (not found) == all(config == configs[0] for config in configs)
    assert all(len(row) == len(configs) for row in found.values())
