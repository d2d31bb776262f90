import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.core.data.utils.colors import (
    color_to_integer,
    color_to_triple,
    distinct_colors,
    normalize_color,
    rgb_to_int_array,
)

BYTES = st.integers(0, 255)
TRIPLES = st.tuples(BYTES, BYTES, BYTES)


@pytest.mark.parametrize(
    ('color', 'triple'),
    [
        ('red', (255, 0, 0)),
        ('RebeccaPurple', (102, 51, 153)),
        ('#0f8', (0, 255, 136)),
        ('rgb(1, 2, 3)', (1, 2, 3)),
        ('tab:orange', (255, 127, 14)),
        ([1, 2, 3], (1, 2, 3)),
        ((1.0, 2.0, 3.0), (1, 2, 3)),
        (np.array([4, 5, 6]), (4, 5, 6)),
    ],
)
def test_color_to_triple(color, triple) -> None:
    assert color_to_triple(color) == triple


@given(TRIPLES)
def test_triples_hex_strings_and_numbers_agree(triple) -> None:
    as_hex = '#{:02x}{:02x}{:02x}'.format(*triple)
    assert color_to_triple(as_hex) == triple
    assert color_to_integer(triple) == int(as_hex[1:], 16)
    assert rgb_to_int_array(np.array([[triple]], dtype=np.uint8)).tolist() == [
        [color_to_integer(triple)]
    ]
    assert np.allclose(normalize_color(triple), np.array(triple) / 255)


def test_normalize_color_keeps_floats() -> None:
    assert normalize_color((0.5, 0.25, 1.0)) == (0.5, 0.25, 1.0)


def test_no_color_is_a_random_one() -> None:
    assert all(0 <= value <= 255 for value in color_to_triple(None))


@pytest.mark.parametrize('color', ['', 'nope', (1, 2), (1, 2, 256), (1, -2, 3), ('a', 'b', 'c')])
def test_other_things_are_refused(color) -> None:
    with pytest.raises(ValueError, match='is not a colour'):
        color_to_triple(color)


def test_floats_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match='is not a colour'):
        normalize_color((0.5, 1.5, 0.0))


def test_distinct_colors_avoid_what_is_taken() -> None:
    first = distinct_colors(3)
    assert distinct_colors(5)[:3] == first
    assert not set(distinct_colors(20, avoid=first)) & set(first)
