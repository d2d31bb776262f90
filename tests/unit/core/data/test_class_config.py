from itertools import combinations
from math import dist

import pytest

from rastervision.core.data import ClassConfig
from rastervision.core.data.utils.colors import color_to_triple
from rastervision.pipeline.config import Config
from rastervision.pipeline.errors import ConfigError


def test_ids_and_names_are_positions() -> None:
    cfg = ClassConfig(names=['a', 'b', 'c'])
    assert [cfg.get_class_id(name) for name in cfg.names] == [0, 1, 2]
    assert [cfg.get_name(i) for i in range(len(cfg))] == cfg.names


def test_a_wrong_id_is_told_with_the_classes_there_are() -> None:
    few = ClassConfig(names=['ground', 'house', 'null'])
    with pytest.raises(ConfigError, match='no class 7; the ids are 0 ground, 1 house, 2 null'):
        few.get_name(7)
    many = ClassConfig(names=[f'c{i}' for i in range(200)])
    with pytest.raises(ConfigError, match=r'8 c8, 9 c9, \.\.\., 199 c199\.$'):
        many.get_name(200)


def test_missing_colors_are_the_same_each_time_and_differ() -> None:
    names = [f'class {i}' for i in range(40)]
    colors = ClassConfig(names=names).rgb_colors
    assert colors == ClassConfig(names=names).rgb_colors
    assert len(set(colors)) == len(names)


def test_a_null_class_is_added_as_release_0_31_wrote_it() -> None:
    cfg = ClassConfig(names=['building', 'background'], colors=['red', 'white'])
    cfg.ensure_null_class()
    assert cfg.to_dict() == {
        'type_hint': 'class_config',
        'names': ['building', 'background', 'null'],
        'colors': ['red', 'white', [0, 0, 0]],
        'null_class': 'null',
    }
    assert cfg.null_class_id == 2
    before = cfg.copy()
    cfg.ensure_null_class()
    assert cfg == before


@pytest.mark.parametrize(
    ('names', 'colors'),
    [
        (['a', 'b'], ['black', (58, 89, 166)]),
        (['a'], [(10, 10, 10)]),
        (['bg', 'building'], None),
        ([str(i) for i in range(11)], None),
    ],
)
def test_colors_of_classes_can_be_told_apart(names, colors) -> None:
    cfg = ClassConfig(names=names, colors=colors)
    cfg.ensure_null_class()
    assert min(dist(a, b) for a, b in combinations(cfg.rgb_colors, 2)) >= 60


@pytest.mark.parametrize(
    ('names', 'null_class', 'expected', 'is_nodata'),
    [
        (['a', 'null'], None, 1, True),
        (['background', 'a'], 'background', 0, False),
        (['null', 'a'], 'a', 1, False),
    ],
)
def test_the_null_class(names, null_class, expected, is_nodata) -> None:
    cfg = ClassConfig(names=names, null_class=null_class)
    cfg.ensure_null_class()
    assert len(cfg) == 2
    assert cfg.null_class_id == expected
    assert cfg.null_is_nodata is is_nodata


def test_colors_give_class_ids() -> None:
    cfg = ClassConfig(names=['a', 'b'], colors=['#ff0000', (0, 0, 128)])
    assert cfg.get_color_to_class_id() == {0xFF0000: 0, 0x000080: 1}


def test_it_survives_a_round_trip() -> None:
    cfg = ClassConfig(names=['a', 'b'], colors=['tab:blue', [1, 2, 3]], null_class='b')
    assert Config.from_dict(cfg.to_dict()) == cfg


@pytest.mark.parametrize(
    ('fields', 'message'),
    [
        ({'names': []}, 'at least one class'),
        ({'names': ['a', 'b', 'a']}, 'a stands there twice'),
        ({'names': ['a', 'b'], 'colors': ['red']}, '2 names but 1 colors'),
        ({'names': ['a'], 'colors': ['reddish']}, r"colors\[0\].*'reddish'"),
        ({'names': ['a'], 'null_class': 'b'}, "null_class 'b' is not one of names: a"),
    ],
)
def test_bad_fields_are_refused(fields, message) -> None:
    with pytest.raises(ConfigError, match=message):
        ClassConfig(**fields)


def test_unknown_classes_are_refused_with_the_valid_ones() -> None:
    cfg = ClassConfig(names=['a', 'b'])
    with pytest.raises(ConfigError, match=r"'c'; the classes are a, b"):
        cfg.get_class_id('c')
    with pytest.raises(ConfigError, match=r'no class 2; the ids are 0 a, 1 b\.'):
        cfg.get_name(2)
    with pytest.raises(ConfigError, match='no null class'):
        _ = cfg.null_class_id


def test_css_names_mean_what_they_say() -> None:
    assert color_to_triple('red') == (255, 0, 0)


def test_colour_triples_are_shares_as_matplotlib_wants_them():
    from matplotlib.colors import to_rgb

    cfg = ClassConfig(names=['a', 'b'], colors=['red', '#010203'])
    assert cfg.color_triples == [to_rgb('red'), to_rgb('#010203')]
    assert cfg.rgb_colors == [(255, 0, 0), (1, 2, 3)]
