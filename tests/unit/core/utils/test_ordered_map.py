"""Maps over threads."""

import threading
import time
from itertools import count, islice

import pytest

from rastervision.core.utils.ordered_map import ordered_map


def test_results_keep_their_order():
    def slow_first(i):
        time.sleep(0.02 if i % 3 == 0 else 0)
        return i * i

    assert list(ordered_map(slow_first, range(30), workers=4)) == [i * i for i in range(30)]


def test_endless_input_is_read_only_so_far():
    taken = []

    def note(i):
        taken.append(i)
        return i

    results = ordered_map(note, count(), workers=2, ahead=5)
    assert list(islice(results, 10)) == list(range(10))
    results.close()
    assert max(taken) < 10 + 5 + 1


def test_an_error_comes_at_its_place():
    def fail_at_3(i):
        if i == 3:
            raise ValueError('three')
        return i

    seen = []
    with pytest.raises(ValueError, match='three'):
        seen += iter_into(ordered_map(fail_at_3, range(10)), seen)
    assert seen == [0, 1, 2]


def iter_into(results, seen):
    for result in results:
        seen.append(result)
    return []


def test_it_runs_in_other_threads():
    names = set(ordered_map(lambda _: threading.get_ident(), range(8), workers=2))
    assert threading.get_ident() not in names
