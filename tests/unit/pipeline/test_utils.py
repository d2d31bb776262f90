import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rastervision.pipeline.utils import grouped, repr_with_args, split_into_groups


@given(st.lists(st.integers()), st.integers(1, 20))
def test_splits_share_everything_evenly(items: list[int], num_groups: int) -> None:
    groups = split_into_groups(items, num_groups)
    assert len(groups) == num_groups
    assert [item for group in groups for item in group] == items
    sizes = [len(group) for group in groups]
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) - min(sizes) <= 1


@given(st.lists(st.integers()), st.integers(1, 20))
def test_groups_have_the_size(items: list[int], size: int) -> None:
    groups = grouped(items, size)
    assert [item for group in groups for item in group] == items
    assert all(len(group) == size for group in groups[:-1])
    assert all(1 <= len(group) <= size for group in groups[-1:])


def test_bad_counts() -> None:
    with pytest.raises(ValueError, match='positive, got 0'):
        split_into_groups([1], 0)
    with pytest.raises(ValueError, match='positive, got -1'):
        grouped([1], -1)


def test_repr_with_args() -> None:
    assert repr_with_args([], size=1, name='a') == "list(size=1, name='a')"


def test_terminate_at_exit() -> None:
    code = (
        'from rastervision.pipeline.utils import terminate_at_exit\n'
        'class P:\n'
        '    def terminate(self): print("terminated")\n'
        'terminate_at_exit(P()); print("end")'
    )
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ['end', 'terminated']
