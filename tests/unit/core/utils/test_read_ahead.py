import threading
import time

import pytest

from rastervision.core.utils.read_ahead import iterate_ahead, map_ahead


@pytest.mark.parametrize('workers', [1, 3])
@pytest.mark.parametrize('ahead', [0, 1, 4, 100])
def test_map_ahead_is_map(workers, ahead):
    def slow_square(i):
        time.sleep(0.001 * (i % 3))
        return i * i

    assert list(map_ahead(slow_square, range(20), ahead, workers)) == [i * i for i in range(20)]


@pytest.mark.parametrize('ahead', [0, 1, 100])
def test_iterate_ahead_is_iteration(ahead):
    assert list(iterate_ahead((i for i in range(20)), ahead)) == list(range(20))


def test_no_more_than_asked_for_is_prepared():
    started = []
    results = map_ahead(started.append, range(100), ahead=5)
    next(results)
    time.sleep(0.05)
    assert len(started) <= 7
    results.close()
    assert len(started) <= 8


def test_results_are_there_before_they_are_asked_for():
    ready = threading.Event()

    def numbers():
        yield 0
        ready.set()
        yield 1

    results = iterate_ahead(numbers(), 2)
    next(results)
    assert ready.wait(timeout=30)
    results.close()


@pytest.mark.parametrize('ahead', [0, 3])
def test_errors_come_in_their_turn(ahead):
    def numbers():
        yield 0
        raise OSError('unreadable')

    results = iterate_ahead(numbers(), ahead)
    assert next(results) == 0
    with pytest.raises(OSError, match='unreadable'):
        next(results)


def test_no_thread_is_left():
    before = {*threading.enumerate()}
    results = iterate_ahead(range(1000), 3)
    next(results)
    results.close()
    assert before.issuperset(threading.enumerate())
