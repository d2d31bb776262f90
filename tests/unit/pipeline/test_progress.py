"""Progress: what a reader sees on a terminal, in a log, and what a worker passes on."""

import io
import logging
import sys
import time

import pytest

from rastervision.pipeline import progress as progress_module
from rastervision.pipeline.progress import (
    Task,
    clock,
    describe,
    forward_to,
    progress,
    shortened,
    track,
)


@pytest.mark.parametrize(
    ('done', 'total', 'unit', 'elapsed', 'text'),
    [
        (0, 10, '', 0, '0/10'),
        (12, 40, '', 4, '12/40, 3/s, 0:09 left'),
        (12, 40, 'windows', 4, '12/40, 3 windows/s, 0:09 left'),
        (40, 40, '', 70, '40/40, 0.57/s, 1:10 in all'),
        (5, None, '', 2, '5, 2.5/s'),
        (1_500_000, 3_000_000, 'B', 1, '1.5 MB/3 MB, 1.5 MB/s, 0:01 left'),
        (0, None, 'B', 1, '0 B'),
    ],
)
def test_count_rate_and_time_left(done, total, unit, elapsed, text):
    assert describe(Task('x', total, unit, done, started=0), now=elapsed) == text


def test_jobs_have_no_rate():
    assert describe(Task('x', 4, done=2, timed=False, started=0), now=100) == '2/4'


def test_clock():
    assert [clock(s) for s in (0.4, 59.6, 3600, 36_061)] == ['0:00', '1:00', '1:00:00', '10:01:01']


@pytest.mark.parametrize(
    ('text', 'width', 'short'),
    [
        ('Predicting north', 16, 'Predicting north'),
        ('Predicting north-2024', 20, 'Predicting…orth-2024'),
        ('Predicting north-2024', 3, 'Predicti…th-2024'),
    ],
)
def test_names_leave_room_for_numbers(text, width, short):
    assert shortened(text, width) == short
    assert len(short) <= max(width, 16)


@pytest.mark.parametrize('terminal', [True, False])
def test_items_pass_through(terminal, monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, 'stderr', stream)
    assert list(track([1, 2, 3], desc='numbers')) == [1, 2, 3]
    assert list(track(iter('ab'), total=2)) == ['a', 'b']


def test_a_short_loop_writes_no_log(caplog, capsys):
    with caplog.at_level(logging.INFO, logger='rastervision'):
        list(track(range(1000), desc='fast'))
    assert caplog.text == ''
    assert capsys.readouterr() == ('', '')


def test_a_long_loop_writes_a_line_now_and_then(caplog, monkeypatch):
    now = [time.monotonic()]
    monkeypatch.setattr(progress_module.time, 'monotonic', lambda: now[0])
    with caplog.at_level(logging.INFO, logger='rastervision'):
        for _ in track(range(10), desc='slow'):
            now[0] += 2
    counts = [message.partition(',')[0] for message in caplog.messages]
    assert counts == ['slow: 3/10', 'slow: 6/10', 'slow: 9/10', 'slow: 10/10']
    caplog.clear()
    with caplog.at_level(logging.INFO, logger='rastervision'):
        for _ in track(range(2), desc='slow'):
            now[0] += 6
    assert [message.partition(',')[0] for message in caplog.messages] == ['slow: 1/2', 'slow: 2/2']


def test_a_terminal_shows_bars_of_nested_loops(monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr(sys, 'stderr', stream)
    monkeypatch.setattr(progress_module, 'REFRESH_SECONDS', 0.0)
    monkeypatch.setattr(progress_module, 'LOG_SECONDS', 0.0)
    monkeypatch.setenv('COLUMNS', '100')
    monkeypatch.setenv('TERM', 'xterm')
    for _ in track(range(2), desc='outer [x]'):
        for _ in track(range(3), desc='inner'):
            pass
    text = stream.getvalue()
    assert 'outer [x]' in text
    assert 'inner: 3/3' in text
    assert progress_module.bars._display is None


def test_a_loop_that_is_left_early_takes_its_bar_away(monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr(sys, 'stderr', stream)
    loop = track(range(5))
    next(loop)
    loop.close()
    assert progress_module.bars._display is None


def test_a_worker_passes_states_on(monkeypatch):
    monkeypatch.setattr(progress_module, 'REFRESH_SECONDS', 0.0)
    states = []
    forward_to(lambda task, end: states.append((task.desc, task.done, task.total, end)))
    try:
        with progress(10, 'bytes', unit='B') as advance:
            advance(4)
            advance(6)
    finally:
        forward_to(None)
    assert states == [
        ('bytes', 0, 10, False),
        ('bytes', 4, 10, False),
        ('bytes', 10, 10, False),
        ('bytes', 10, 10, True),
    ]
