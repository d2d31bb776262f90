import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.core.data.label import row_store
from rastervision.core.data.label.row_store import RowStore
from rastervision.pipeline.errors import NotWritableError

ROW = 2 * 7 * 4  # bytes of a row of (2, H, 7) float32


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(1, 20)), max_size=12), st.integers(0, 9))
@settings(deadline=None)
def test_a_store_with_little_memory_holds_what_an_array_holds(writes, bands_in_memory):
    store = RowStore((2, 40, 7), np.float32, memory_bytes=bands_in_memory * ROW)
    array = np.zeros((2, 40, 7), np.float32)
    for i, (ymin, height) in enumerate(writes, start=1):
        ymax = min(40, ymin + height)
        for start, stop, rows in store.changing(ymin, ymax):
            np.add(rows, i * np.arange(start, stop)[:, None], out=rows)
        array[:, ymin:ymax] += i * np.arange(ymin, ymax)[:, None]
        np.testing.assert_array_equal(store.read(0, 2, 40, 5), array[:, :, 2:5])
    np.testing.assert_array_equal(store.read(0, 0, 40, 7), array)


def test_only_a_few_bands_are_in_memory():
    store = RowStore((2, 40, 7), np.float32, memory_bytes=4 * ROW)
    for _ in store.changing(0, 40):
        assert len(store._bands) <= 4
    assert sum(1 for _ in store.parts(0, 40)) == 40


def test_rows_that_were_never_written_are_left_out():
    store = RowStore((1, 1000, 3), np.uint8)
    for _, _, rows in store.changing(300, 301):
        rows[...] = 5
    assert [(start, stop) for start, stop, _ in store.parts(0, 1000)] == [(256, 512)]
    assert store.read(299, 0, 302, 1).ravel().tolist() == [0, 5, 0]


def test_a_full_disk_is_named(monkeypatch):
    class FullDisk:
        def seek(self, position):
            pass

        def write(self, data):
            raise OSError(28, 'No space left on device')

    store = RowStore((2, 40, 7), np.float32, memory_bytes=0)
    monkeypatch.setattr(store, '_open_file', FullDisk)
    with pytest.raises(NotWritableError, match=r'No space left on device; .*--tmpdir'):
        list(store.changing(0, 40))


def test_a_small_scene_never_goes_to_disk(monkeypatch):
    monkeypatch.setattr(row_store.tempfile, 'TemporaryFile', None)
    store = RowStore((3, 600, 500), np.float32)
    for _, _, rows in store.changing(0, 600):
        rows[...] = 1
    assert store.read(0, 0, 600, 500).sum() == 3 * 600 * 500
