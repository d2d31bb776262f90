"""Tables and lines are whole without a width, and keep what they say within one."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.pipeline.tables import NARROWEST, aligned, table, terminal_width, wrapped

WORDS = st.lists(st.text('abc', min_size=1, max_size=NARROWEST), max_size=12).map(' '.join)
CELLS = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.tuples(*[WORDS] * n), min_size=1, max_size=4)
)


@given(CELLS)
def test_without_a_width_a_row_is_a_line_whose_columns_begin_below_each_other(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    starts = [sum(widths[:i]) + 2 * i for i in range(len(widths))]
    for row, line in zip(rows, aligned(rows), strict=True):
        cells = [line[s : s + w] for s, w in zip(starts, widths, strict=True)]
        assert [cell.rstrip() for cell in cells] == list(row)


@given(CELLS, st.integers(80, 100))
def test_rows_fit_a_width_and_lose_no_word(rows, width):
    texts = aligned(rows, width)
    assert len(texts) == len(rows)
    for row, text in zip(rows, texts, strict=True):
        assert max(map(len, text.split('\n'))) <= width
        assert sorted(text.split()) == sorted(' '.join(row).split())


def test_cells_go_on_below_themselves():
    rows = [('step', 'reason'), ('1', 'a word and ' + 5 * 'other ' + 'x' * 30)]
    header, row = aligned(rows, 26)
    assert header == 'step  reason'
    assert row.split('\n') == [
        '1     a word and other',
        '      other other other',
        '      other',
        '      xxxxxxxxxx…xxxxxxxxx',
    ]


def test_what_is_nothing_or_the_same_everywhere_makes_way():
    rows = [
        ('scene', 'size', 'CRS', 'unit', 'AOI'),
        ('a', '3x4', 'EPSG:4326', 'degree', '-'),
        ('b', '5x4', 'EPSG:4326', 'degree', '-'),
    ]
    whole = table(rows, 36)
    assert table(rows) == whole
    assert whole.splitlines()[1] == 'a      3x4   EPSG:4326  degree  -'
    assert table(rows, 30).splitlines()[2] == 'b      5x4   EPSG:4326  degree'
    assert table(rows, 24).splitlines() == [
        'scene  size  unit',
        'a      3x4   degree',
        'b      5x4   degree',
        'Each: CRS EPSG:4326.',
    ]
    unknown = [*rows, ('c', '?', '?', '?', '?')]
    assert table(unknown, 30).splitlines()[3] == 'c      ?     ?          ?'
    assert table(unknown, 24).splitlines()[3:] == ['c      ?     ?', 'Each: CRS EPSG:4326.']


def test_columns_are_no_narrower_than_their_words():
    rows = [('pixel', 'id'), ('4e-06 degree', 'a' * 20)]
    assert aligned(rows, 1)[1] == '4e-06   aaaaaaaa…aaaaaaa\ndegree'


def test_a_line_is_wrapped_between_words():
    uri = 's3://bucket/' + 'a-b/' * 20
    assert wrapped(f'  scene: no file {uri}, my friend', 20, '    ').split('\n') == [
        '  scene: no file',
        f'    {uri},',
        '    my friend',
    ]
    assert wrapped(f'  {uri} a', None) == f'  {uri} a'


@pytest.mark.parametrize(('is_terminal', 'width'), [(True, 61), (False, None)])
def test_only_a_terminal_has_a_width(is_terminal, width, monkeypatch):
    monkeypatch.setattr(sys.stdout, 'isatty', lambda: is_terminal)
    monkeypatch.setenv('COLUMNS', '61')
    assert terminal_width() == width
