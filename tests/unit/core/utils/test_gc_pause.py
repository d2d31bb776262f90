import gc

import pytest

from rastervision.core.utils.gc_pause import gc_paused


def test_the_collector_is_off_in_the_block_only() -> None:
    with gc_paused():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_blocks_in_blocks_leave_it_as_it_was() -> None:
    with gc_paused():
        with gc_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_puts_it_on_again() -> None:
    with pytest.raises(KeyError), gc_paused():
        raise KeyError
    assert gc.isenabled()
