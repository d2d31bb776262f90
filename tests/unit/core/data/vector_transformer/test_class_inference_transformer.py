import logging
import pickle

import pytest
import shapely

from rastervision.core.data import (
    ClassConfig,
    ClassInferenceTransformer,
    ClassInferenceTransformerConfig,
)
from rastervision.core.data.utils.features import Features, as_geoms
from rastervision.core.data.utils.geojson import geoms_to_geojson
from rastervision.core.data.vector_transformer import class_inference_transformer
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError, DataError

CLASSES = ClassConfig(names=['house', 'road', 'null'])
FILTERS = {1: ['==', '$type', 'LineString'], 0: ['has', 'storeys']}
SQUARE, LINE = shapely.box(0, 0, 1, 1), shapely.LineString([(0, 0), (1, 1)])


@pytest.fixture(autouse=True)
def _nothing_told_yet():
    class_inference_transformer._tell_once.cache_clear()


def features(*rows, geom=SQUARE) -> Features:
    return Features(as_geoms([geom] * len(rows)), list(rows), 'labels.json')


def infer(row, default=None, geom=SQUARE, **kw):
    feature = geoms_to_geojson([geom], [row])['features'][0]
    return ClassInferenceTransformer.infer_feature_class_id(feature, default, **kw)


@pytest.mark.parametrize(
    ('row', 'geom', 'expected'),
    [
        ({'class_id': 1, 'class_name': 'house', 'storeys': 2}, SQUARE, 1),
        ({'class_id': 1.0}, SQUARE, 1),
        ({'class_id': '1'}, SQUARE, 1),
        ({'class_name': 'road', 'storeys': 2}, SQUARE, 1),
        ({'label': 'road', 'storeys': 2}, SQUARE, 1),
        ({'class_name': 'villa', 'storeys': 2}, SQUARE, 0),
        ({'class_name': 'highway'}, SQUARE, 1),
        ({'storeys': 2}, SQUARE, 0),
        ({'storeys': 2}, LINE, 1),
        ({}, shapely.MultiLineString([LINE]), 1),
        ({}, SQUARE, 2),
        ({'class_id': None, 'class_name': 7}, SQUARE, 2),
    ],
)
def test_the_first_rule_that_tells_a_class_counts(row, geom, expected) -> None:
    kw = {
        'class_config': CLASSES,
        'class_id_to_filter': FILTERS,
        'class_name_mapping': {'highway': 'road'},
    }
    assert infer(row, 2, geom, **kw) == expected


@pytest.mark.parametrize(
    ('row', 'told'),
    [
        ({'class_id': 0, 'class_name': 'road'}, "'road' with class_id 0"),
        ({'class_id': 0, 'class_name': 'villa'}, "'villa' with class_id 0"),
        ({'class_id': 1, 'label': 'road'}, ''),
        ({'class_id': 1, 'class_name': 'highway'}, ''),
        ({'class_name': 'road'}, ''),
        ({'class_id': 1}, ''),
    ],
)
def test_a_class_id_that_contradicts_the_name_is_told_once(row, told, caplog) -> None:
    names = {'highway': 'road'}
    transformer = ClassInferenceTransformer(None, CLASSES, class_name_mapping=names)
    transformer.apply(features(row, row))
    assert [told in r.message and 'labels.json' in r.message for r in caplog.records] == (
        [True] if told else []
    )


def test_names_need_classes() -> None:
    assert infer({'class_name': 'road'}) is None


def test_arrays_and_dicts_agree() -> None:
    rows = [{'class_id': 1}, {'class_name': 'house'}, {'storeys': 1, 'x': 'y'}]
    transformer = ClassInferenceTransformer(None, CLASSES, FILTERS)
    applied = transformer.apply(features(*rows))
    assert applied.column('class_id') == [1, 0, 0]
    assert applied.properties[2] == {'storeys': 1, 'x': 'y', 'class_id': 0}
    geojson = transformer(geoms_to_geojson([SQUARE] * 3, rows))
    assert [f['properties'] for f in geojson['features']] == applied.properties
    assert rows[2] == {'storeys': 1, 'x': 'y'}


def test_features_without_class_are_left_out_and_counted(caplog) -> None:
    with caplog.at_level(logging.WARNING):
        applied = ClassInferenceTransformer(None, CLASSES).apply(
            features({'class_id': 0, 'i': 0}, {'i': 1}, {'i': 2})
        )
    assert applied.column('i') == [0]
    assert 'labels.json: 2 of 3 features have no class' in caplog.text


def test_labels_that_nothing_can_give_a_class_are_refused() -> None:
    unlabelled = features({'i': 0}, {'i': 1})
    with pytest.raises(DataError, match=r'labels\.json: none of the 2 features.*default_class_id'):
        ClassInferenceTransformer(None, CLASSES).apply(unlabelled)
    # a scene in which no filter holds is nothing unusual
    filters = {0: ['==', 'i', 7]}
    assert len(ClassInferenceTransformer(None, CLASSES, filters).apply(unlabelled)) == 0
    assert len(ClassInferenceTransformer(None, CLASSES).apply(features())) == 0


def test_unknown_names_are_refused_with_the_valid_ones() -> None:
    with pytest.raises(DataError, match=r"labels\.json: 2 features are of the class 'barn'") as e:
        ClassInferenceTransformer(None, CLASSES).apply(
            features({'class_name': 'barn'}, {'class_name': 'barn'}, {'class_name': 'house'})
        )
    assert 'house, road, null' in str(e.value)
    assert 'class_name_mapping' in str(e.value)


def test_unknown_names_take_a_default_that_was_asked_for(caplog) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(3):  # as every command reads the file
            applied = ClassInferenceTransformer(1, CLASSES).apply(features({'class_name': 'barn'}))
    assert applied.column('class_id') == [1]
    (record,) = caplog.records
    assert record.levelname == 'INFO'
    assert "'barn'" in caplog.text
    assert 'default_class_id 1 is taken' in caplog.text
    caplog.clear()
    mapping = {'barn': CLASSES.names[1]}
    ClassInferenceTransformer(1, CLASSES, class_name_mapping=mapping).apply(
        features({'class_name': 'barn', 'i': 0})
    )
    assert not caplog.records


def test_filters_may_leave_features_with_unknown_names_out() -> None:
    filters = {0: ['==', 'label', 'oak']}
    applied = ClassInferenceTransformer(None, CLASSES, filters).apply(
        features({'label': 'oak'}, {'label': 'pine'})
    )
    assert applied.column('label') == ['oak']


def test_filters_that_hold_for_nothing_are_told_with_what_there_is(caplog) -> None:
    filters = {0: ['==', 'kind', 'oak']}
    expected = (
        'no filter of class_id_to_filter holds for any of the 2 features; their properties are '
    )
    with pytest.raises(DataError, match=rf'labels\.json: 2 .*pine.*{expected}height, label\.'):
        ClassInferenceTransformer(None, CLASSES, filters).apply(
            features({'label': 'pine'}, {'label': 'pine', 'height': 2})
        )
    ClassInferenceTransformer(None, CLASSES, filters).apply(features({'sort': 1}, {'sort': 2}))
    assert f'{expected}sort.' in caplog.text


@pytest.mark.parametrize('class_id', [3, -1, 1.5, 'house', True])
def test_class_ids_that_are_none_are_refused(class_id) -> None:
    with pytest.raises(DataError, match=r'labels\.json: the class_id') as e:
        ClassInferenceTransformer(0, CLASSES).apply(features({'class_id': class_id}))
    assert repr(class_id) in str(e.value)


@pytest.mark.parametrize(
    ('kw', 'message'),
    [
        ({'default_class_id': 3}, 'default_class_id .* no class 3'),
        ({'class_id_to_filter': {5: ['has', 'a']}}, 'class_id_to_filter .* no class 5'),
        ({'class_name_mapping': {'a': 'barn'}}, "class_name_mapping .* no class 'barn'"),
        ({'class_id_to_filter': {0: ['hasnt', 'a']}}, 'The filter'),
    ],
)
def test_contradictions_to_the_classes_are_refused(kw, message) -> None:
    with pytest.raises(ConfigError, match=message):
        ClassInferenceTransformer(**{'default_class_id': None, 'class_config': CLASSES, **kw})


def test_no_features_are_no_error() -> None:
    assert len(ClassInferenceTransformer(None, CLASSES).apply(Features.empty())) == 0


def test_it_can_be_pickled() -> None:
    transformer = pickle.loads(pickle.dumps(ClassInferenceTransformer(None, CLASSES, FILTERS)))
    assert transformer.infer({'storeys': 1}, 'Polygon') == 0


def test_config_round_trip_and_build() -> None:
    cfg = ClassInferenceTransformerConfig(
        default_class_id=0, class_id_to_filter={'1': ['has', 'a']}
    )
    assert cfg.class_id_to_filter == {1: ['has', 'a']}
    assert Config.from_dict(cfg.to_dict()) == cfg
    built = cfg.build(CLASSES)
    assert built.infer({'a': 1}, 'Point') == 1


def test_a_malformed_filter_in_a_config_is_refused_by_its_field() -> None:
    with pytest.raises(ConfigError, match='class_id_to_filter'):
        ClassInferenceTransformerConfig(class_id_to_filter={0: ['hasnt', 'a']})
