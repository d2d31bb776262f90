"""However large a scene is, a bounded part of it is read, and it stands for the whole."""

import logging
import threading

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data import RasterioSource, Scene
from rastervision.core.rv_pipeline.validation import sample
from rastervision.core.rv_pipeline.validation.heard import listening, quiet_log
from rastervision.core.rv_pipeline.validation.needs import machine
from rastervision.core.rv_pipeline.validation.sample import MAX_TILES, read_sample, sample_tiles


@given(height=st.integers(1, 60_000), width=st.integers(1, 60_000))
def test_tiles_lie_in_the_extent_side_by_side(height: int, width: int) -> None:
    extent = Box(0, 0, height, width)
    tiles, total = sample_tiles(extent, [], 'a')
    assert total == extent.area
    assert 1 <= len(tiles) <= MAX_TILES
    assert len({*tiles}) == len(tiles)
    assert all(tile.intersection(extent) == tile for tile in tiles)
    if len(tiles) < MAX_TILES:
        assert sum(tile.area for tile in tiles) == extent.area
    assert sample_tiles(extent, [], 'a')[0] == tiles


def test_only_tiles_that_touch_an_aoi_are_read() -> None:
    aoi = shapely.box(600, 100, 700, 200)  # in the second tile of the first row
    tiles, total = sample_tiles(Box(0, 0, 2048, 2048), [aoi], 'a')
    assert tiles == [Box(0, 512, 512, 1024)]
    assert total == 512**2


def test_a_sample_is_near_the_truth(write_raster, monkeypatch) -> None:
    monkeypatch.setattr(sample, 'TILE', 16)
    pixels = np.ones((1, 512, 512), np.uint8)
    pixels[:, :, :128] = 9
    source = RasterioSource(write_raster(pixels, nodata=9))
    found = read_sample(Scene('a', source), 2)
    assert found.pixels == MAX_TILES * 16**2
    assert found.share == pytest.approx(found.pixels / 512**2)
    assert found.nodata / found.pixels == pytest.approx(0.25, abs=0.15)
    assert found.flat_channels() == [0]


def test_warnings_are_heard_by_their_thread_alone(caplog) -> None:
    log = logging.getLogger('rastervision.test')
    with quiet_log():
        with listening() as heard:
            other = threading.Thread(target=log.warning, args=('other',))
            other.start()
            other.join(30)
            log.warning('mine %d', 1)
        log.warning('later')
    assert heard == ['mine 1']
    assert caplog.messages == ['other', 'later']


def test_free_disk_is_that_of_the_folder_above(tmp_path) -> None:
    assert machine(str(tmp_path / 'not' / 'there'))['free_disk'] > 0
    assert machine('s3://bucket/root')['free_disk'] is None
