"""Warnings that are handled by many threads at once."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice

from rastervision.core.utils.quiet import caught_warnings, quiet


def silence(number: int) -> list[str]:
    with quiet(UserWarning, 'one'):
        warnings.warn('one', UserWarning, stacklevel=1)
    return []


def catch(number: int) -> list[str]:
    with caught_warnings() as caught:
        warnings.warn(f'two {number}', UserWarning, stacklevel=1)
    return [str(warning.message) for warning in caught]


def test_threads_leave_filters_as_they_were_and_hear_of_their_own():
    before = list(warnings.filters)
    count = 400
    with ThreadPoolExecutor(8) as pool:
        heard = pool.map(lambda f, n: f(n), islice(cycle([silence, catch]), count), range(count))
        assert list(heard) == [[f'two {n}'] if n % 2 else [] for n in range(count)]
    assert warnings.filters == before
