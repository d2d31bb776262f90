"""Several values of a parameter make experiments side by side, in folders named by what differs."""

from enum import Enum
from itertools import product
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.pipeline.cli import get_configs
from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.sweep import Values, combinations, gather_args

CONFIG = """
from pathlib import Path
from rastervision.pipeline.pipeline import PipelineConfig


def get_config(runner, root_uri: {kind} = {default}, lr: float = 0.1, name: str = ''):
    return PipelineConfig(root_uri=f'{{root_uri}}/{{name}}{{lr}}')
"""


class Color(Enum):
    red = 1
    blue = 2


def takes(kind):
    def get_config(x):
        return x

    get_config.__annotations__['x'] = kind
    return get_config


def names(kind, value):
    return [folder for folder, _ in combinations(takes(kind), {'x': value})]


@pytest.mark.parametrize(
    ('kind', 'text', 'folders'),
    [
        (float, '1e-3,1e-4', ['x=0.001', 'x=0.0001']),
        (float, '0.001, 1e-3', ['x=0.001']),
        (float | None, 'none,2', ['x=none', 'x=2.0']),
        (int, '1,2,3', ['x=1', 'x=2', 'x=3']),
        (bool, 'true,False', ['x=True', 'x=False']),
        (Literal['a', 'b'], 'a,b', ['x=a', 'x=b']),
        (Color, 'red,blue', ['x=red', 'x=blue']),
    ],
)
def test_lists_for_parameters_that_take_one_value_are_sweeps(kind, text, folders):
    assert names(kind, text) == folders


@pytest.mark.parametrize(
    ('kind', 'text'),
    [
        (str, 'a,b'),
        (Path, 'a,b'),
        (list[int], '1,2'),
        (tuple[int, int], '1,2'),
        (tuple[int, int], '1,2,3'),
        (int | list[int], '1,2'),
        (dict[str, int], '{"a": 1, "b": 2}'),
        (float, '1,x'),
        (float, '1,'),
        (float, '1'),
    ],
)
def test_what_the_type_takes_as_a_whole_or_not_at_all_is_one_value(kind, text):
    assert list(combinations(takes(kind), {'x': text})) == [('', {'x': text})]


def test_parameters_without_annotation_go_by_their_default():
    def get_config(a, b=0.5, c='x'): ...

    args = {'a': '1,2', 'b': '1,2', 'c': '1,2'}
    assert [chosen for _, chosen in combinations(get_config, args)] == [
        {**args, 'b': '1'},
        {**args, 'b': '2'},
    ]


@pytest.mark.parametrize('kind', [str, list[str], Path, float])
def test_values_of_any_type_are_swept_when_they_are_given_one_by_one(kind):
    args = gather_args([('x', '1'), ('x', '2')])
    assert [chosen['x'] for _, chosen in combinations(takes(kind), args)] == ['1', '2']


def test_args_given_once_are_texts_and_a_root_is_given_once():
    assert gather_args([('a', '1'), ('b', '2,3')]) == {'a': '1', 'b': '2,3'}
    with pytest.raises(ConfigError, match='root_uri is given 2 times'):
        gather_args([('root_uri', 'a'), ('root_uri', 'b')])


@given(st.lists(st.lists(st.integers(), min_size=2, max_size=3, unique=True), max_size=3))
def test_every_combination_occurs_once_under_a_name_of_its_own(values):
    function = {0: lambda: 0, 1: lambda a: 0, 2: lambda a, b: 0, 3: lambda a, b, c: 0}[len(values)]
    function.__annotations__ = dict.fromkeys('abc', int)
    args = {name: ','.join(map(str, items)) for name, items in zip('abc', values, strict=False)}
    found = list(combinations(function, args))
    expected = [tuple(map(str, choice)) for choice in product(*values)]
    assert [tuple(chosen.values()) for _, chosen in found] == expected
    assert len({folder for folder, _ in found}) == len(expected)


@given(st.lists(st.text(), min_size=2, max_size=4, unique=True))
def test_names_are_those_of_folders_and_do_not_depend_on_other_values(texts):
    texts = list(dict.fromkeys(text.strip() for text in texts))
    found = names(str, Values(texts))
    assert len(set(found)) == len(texts)
    assert found == [names(str, Values([text]))[0] for text in texts]
    assert not any(name.endswith('.') for name in found)  # which Windows would drop
    assert all(len(name) < 60 and not set(name) & set('/\\:*?"<>| \n') for name in found)


@pytest.mark.parametrize(('kind', 'default'), [('str', "'out'"), ('Path', "Path('out')")])
@pytest.mark.parametrize('args', [{}, {'root_uri': 'out'}])
def test_the_root_that_a_function_is_given_moves(tmp_path, kind, default, args):
    path = tmp_path / 'c.py'
    path.write_text(CONFIG.format(kind=kind, default=default))
    configs = get_configs(str(path), 'r', {**args, 'lr': '1,2', 'name': Values(('a', 'b'))})
    assert [Path(config.root_uri).as_posix() for config in configs] == [
        f'out/lr={lr},name={name}/{name}{lr}' for lr in ('1.0', '2.0') for name in 'ab'
    ]


def test_the_root_of_a_config_moves_if_the_function_takes_none(tmp_path):
    path = tmp_path / 'c.py'
    path.write_text(
        'from rastervision.pipeline.pipeline import PipelineConfig\n'
        'shared = PipelineConfig(root_uri="s3://bucket/a/")\n'
        'def get_configs(runner, n: int, root_uri: str | None = None):\n'
        '    return [shared, PipelineConfig()]'
    )
    configs = get_configs(str(path), 'r', {'n': '1,2'})
    assert [c.root_uri for c in configs] == ['s3://bucket/a/n=1', None, 's3://bucket/a/n=2', None]


def test_errors_of_a_list_name_it_as_a_whole(tmp_path):
    path = tmp_path / 'c.py'
    path.write_text(CONFIG.format(kind='str', default="'out'"))
    with pytest.raises(ConfigError, match="lr should be float, got '1,x'"):
        get_configs(str(path), 'r', {'lr': '1,x'})
    with pytest.raises(ConfigError, match="no parameter 'lrr'"):
        get_configs(str(path), 'r', {'lrr': '1,2'})
