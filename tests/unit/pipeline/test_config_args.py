"""Texts of the command line become what `get_config` says that it takes."""

import inspect
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Literal, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from rastervision.pipeline.config_args import bind_args, convert
from rastervision.pipeline.errors import ConfigError


class Color(Enum):
    red = 'r'
    blue = 2


@pytest.mark.parametrize(
    ('text', 'kind', 'value'),
    [
        ('3', int, 3),
        ('1e-3', float, 0.001),
        ('x y', str, 'x y'),
        ('true', str, 'true'),
        ('True', bool, True),
        ('no', bool, False),
        ('0', bool, False),
        ('a/b', Path, Path('a/b')),
        ('3', Optional[int], 3),  # noqa: UP045 (as users write it)
        ('none', int | None, None),
        ('None', Optional[str], None),  # noqa: UP045
        ('3', Union[str, int], 3),  # noqa: UP007
        ('x', str | int, 'x'),
        ('0.5', int | float, 0.5),
        ('b', Literal['a', 'b'], 'b'),
        ('2', Literal[1, 2], 2),
        ('red', Color, Color.red),
        ('r', Color, Color.red),
        ('2', Color, Color.blue),
        ('1,2, 3', list[int], [1, 2, 3]),
        ('[1, 2]', list[int], [1, 2]),
        ('', list[str], []),
        ('a,b', list, ['a', 'b']),
        ('["a,b", "c"]', list[str], ['a,b', 'c']),
        ('a,b', Sequence[str], ['a', 'b']),
        ('1,2', tuple[int, ...], (1, 2)),
        ('1,a', tuple[int, str], (1, 'a')),
        ('1,2,2', set[int], {1, 2}),
        ('[[1, 2], [3]]', list[list[int]], [[1, 2], [3]]),
        ('1,2', list[int] | None, [1, 2]),
        ('{"a": 1}', dict[str, int], {'a': 1}),
        ('5', Annotated[int, 'doc'], 5),
        ('[x', Annotated[str, Field(max_length=2)], '[x'),
        ('TRUE', inspect.Parameter.empty, True),
        ('3', inspect.Parameter.empty, '3'),
    ],
)
def test_texts_are_converted(text, kind, value):
    result = convert(text, kind)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ('text', 'kind', 'hint'),
    [
        ('x', int, 'integer'),
        ('3.5', int, 'integer'),
        ('maybe', bool, 'boolean'),
        ('c', Literal['a', 'b'], 'one of a, b'),
        ('green', Color, 'red, blue'),
        ('1,x', list[int], 'integer'),
        ('[1', list[int], 'JSON'),
        ('1,2,3', tuple[int, int], '2 values'),
        ('x', int | None, 'integer'),
        ('x', int | float, 'none of these'),
        ('-3', Annotated[int, Field(gt=0)], 'greater than 0'),
        ('1,-3', list[Annotated[int, Field(gt=0)]], 'greater than 0'),
    ],
)
def test_wrong_texts_say_what_is_expected(text, kind, hint):
    with pytest.raises(ValueError, match=hint):
        convert(text, kind)


@given(st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False) | st.text())
def test_what_is_written_as_python_prints_it_comes_back(value):
    kind = type(value) if value is not None else int | None
    assert convert(str(value), kind) == value


@given(st.lists(st.integers() | st.booleans(), max_size=5))
def test_lists_come_back(values):
    kind = list[bool | int]
    assert convert(','.join(map(str, values)), kind) == [
        bool(v) if v in (0, 1) else v for v in values
    ]


def call(function, runner='local', **args):
    bound = bind_args(function, runner, args, 'cfg.py: get_config')
    return function(*bound.args, **bound.kwargs)


def test_the_runner_is_passed_if_it_is_wanted():
    assert call(lambda runner, x: (runner, x), x='1') == ('local', '1')
    assert call(lambda _, x: (_, x), x='1') == ('local', '1')
    assert call(lambda x: x, x='1') == '1'
    assert call(lambda: 5) == 5


def test_unannotated_parameters_follow_their_defaults():
    def get_config(runner, a=1, b=True, c=0.5, d='x', e=None, f=(1, 2), g=(), *, h='k'):
        return a, b, c, d, e, f, g, h

    texts = {
        'a': '0.5',
        'b': 'false',
        'c': '2',
        'd': '3',
        'e': 'True',
        'f': '3,4',
        'g': 'x',
        'h': 'y',
    }
    assert call(get_config, **texts) == (0.5, False, 2.0, '3', True, (3, 4), ('x',), 'y')
    assert call(get_config) == (1, True, 0.5, 'x', None, (1, 2), (), 'k')


def test_annotations_may_be_texts():
    def get_config(runner: 'str', n: 'int', odd: 'NoSuchName' = None):  # noqa: F821 (on purpose)
        return n, odd

    assert call(get_config, n='3', odd='x') == ('3', 'x')  # one unknown name hides the others
    get_config.__annotations__.pop('odd')
    assert call(get_config, n='3', odd='x') == (3, 'x')


def test_positional_only_and_open_ended_functions_are_called():
    assert call(lambda runner, x, /, y: (x, y), x='1', y='2') == ('1', '2')
    assert call(lambda runner, **kwargs: kwargs, a='true', b='x') == {'a': True, 'b': 'x'}


def test_values_that_are_no_texts_are_passed_on():
    def get_config(runner, n: int, names: list[str]):
        return n, names

    assert call(get_config, n=3, names=['a']) == (3, ['a'])


def test_unknown_keys_list_the_valid_ones():
    def get_config(runner, root_uri, lr: float = 1e-3):
        pass

    with pytest.raises(ConfigError) as caught:
        call(get_config, rot_uri='x')
    for text in ('cfg.py: get_config', "'rot_uri'", 'Did you mean root_uri', 'lr (default 0.001)'):
        assert text in str(caught.value)
    with pytest.raises(ConfigError, match='takes no -a'):
        call(lambda runner: None, x='1')


def test_missing_and_wrong_values_name_the_parameter():
    def get_config(runner, root_uri, lr: float):
        pass

    with pytest.raises(ConfigError, match='-a root_uri VALUE'):
        call(get_config, lr='1')
    with pytest.raises(ConfigError, match="lr should be float, got 'fast'"):
        call(get_config, root_uri='x', lr='fast')
