import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data.label import block_store
from rastervision.core.data.label.block_store import BlockStore
from rastervision.pipeline.errors import NotWritableError

BLOCK = 2 * 8 * 6 * 4  # bytes of a block of (2, 8, 6) float32
EXTENT = Box(0, 0, 40, 17)


@pytest.fixture
def _small_blocks(monkeypatch):
    monkeypatch.setattr(block_store, 'BLOCK_ROWS', 8)
    monkeypatch.setattr(block_store, 'BLOCK_COLUMNS', 6)


@st.composite
def boxes(draw):
    y, x = draw(st.integers(0, 39)), draw(st.integers(0, 16))
    return Box(y, x, draw(st.integers(y, 40)), draw(st.integers(x, 17)))


@pytest.mark.usefixtures('_small_blocks')
@given(st.lists(boxes(), max_size=12), st.integers(0, 9))
@settings(deadline=None)
def test_a_store_with_little_memory_holds_what_an_array_holds(writes, blocks_in_memory):
    store = BlockStore((2, *EXTENT.size), np.float32, memory_bytes=blocks_in_memory * BLOCK)
    array = np.zeros((2, *EXTENT.size), np.float32)
    pixels = np.arange(EXTENT.area).reshape(EXTENT.size)
    for i, box in enumerate(writes, start=1):
        for part, values in store.changing(box):
            np.add(values, i * pixels[part.to_slices()], out=values)
        array[:, *box.to_slices()] += i * pixels[box.to_slices()]
        np.testing.assert_array_equal(store.read(box), array[:, *box.to_slices()])
    np.testing.assert_array_equal(store.read(EXTENT), array)


@pytest.mark.usefixtures('_small_blocks')
def test_only_a_few_blocks_are_in_memory():
    store = BlockStore((2, *EXTENT.size), np.float32, memory_bytes=4 * BLOCK)
    for _ in store.changing(EXTENT):
        assert len(store._blocks) <= 4
    assert sum(1 for _ in store.parts(EXTENT)) == 5 * 3


@pytest.mark.usefixtures('_small_blocks')
def test_a_wide_scene_is_written_to_disk_about_once(monkeypatch):
    spilled = []
    spill = BlockStore._spill
    monkeypatch.setattr(BlockStore, '_spill', lambda self: spilled.append(1) or spill(self))
    store = BlockStore((1, 40, 600), np.uint8, memory_bytes=0)
    for y in range(0, 40, 4):
        for x in range(0, 600, 3):
            for _, values in store.changing(Box(y, x, min(40, y + 8), min(600, x + 6))):
                values[...] = 1
    assert len(spilled) < 4 * 5 * 100  # blocks, each for four rows of windows at most


def test_blocks_that_were_never_written_are_left_out():
    store = BlockStore((1, 1000, 3), np.uint8)
    for _, values in store.changing(Box(300, 1, 301, 2)):
        values[...] = 5
    assert [part for part, _ in store.parts(Box(0, 0, 1000, 3))] == [Box(256, 0, 512, 3)]
    assert store.read(Box(299, 1, 302, 2)).ravel().tolist() == [0, 5, 0]


def test_a_full_disk_is_named(monkeypatch):
    class FullDisk:
        def seek(self, position):
            pass

        def write(self, data):
            raise OSError(28, 'No space left on device')

    store = BlockStore((2, 4000, 7), np.float32, memory_bytes=0)
    monkeypatch.setattr(store, '_open_file', FullDisk)
    with pytest.raises(NotWritableError, match=r'No space left on device; .*--tmpdir'):
        list(store.changing(Box(0, 0, 4000, 7)))


def test_a_small_scene_never_goes_to_disk(monkeypatch):
    monkeypatch.setattr(block_store.tempfile, 'TemporaryFile', None)
    store, extent = BlockStore((3, 600, 1500), np.float32), Box(0, 0, 600, 1500)
    for _, values in store.changing(extent):
        values[...] = 1
    assert store.read(extent).sum() == 3 * 600 * 1500
