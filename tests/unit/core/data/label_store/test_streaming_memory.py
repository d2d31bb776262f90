"""Memory of predicting depends on the width of a scene, not on its height."""

import tracemalloc

import numpy as np
import pytest

from rastervision.core.box import Box
from rastervision.core.data import (
    BuildingVectorOutputConfig,
    ClassConfig,
    IdentityCRSTransformer,
    PolygonVectorOutputConfig,
    SemanticSegmentationLabels,
    SemanticSegmentationLabelStore,
)
from rastervision.core.data.label import block_store
from rastervision.core.data.label_store import ss_writer
from rastervision.core.data.utils import polygonize
from rastervision.core.prediction import ScoreTile, blend

WIDTH = 200
CLASSES = ClassConfig(names=['a', 'b', 'null'])
OUTPUTS = [
    PolygonVectorOutputConfig(class_id=0, denoise=3, threshold=0.5),
    BuildingVectorOutputConfig(class_id=1, denoise=3, threshold=0.5),
]
DEFLATE_BYTES = (
    320_000  # what zlib takes while a thread compresses, which it may or may not just do
)
PATCHES = np.random.default_rng(0).random((3, 8, 8)).repeat(8, 1).repeat(8, 2).astype(np.float32)
PATCHES[:, :16] = [[[0]], [[0]], [[1]]]  # no polygon goes on over many windows


def store_of(height, folder):
    return SemanticSegmentationLabelStore(
        str(folder / str(height)),
        IdentityCRSTransformer(),
        CLASSES,
        bbox=Box(0, 0, height, WIDTH),
        vector_outputs=OUTPUTS,
        smooth_output=True,
        rasterio_block_size=64,
    )


def peak_bytes(work):
    work()  # imports and caches
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture(autouse=True)
def _small_scenes_are_large(monkeypatch):
    monkeypatch.setattr(polygonize, 'FLUSH_SIZE', 500)
    monkeypatch.setattr(block_store, 'MEMORY_BYTES', 2**19)
    monkeypatch.setattr(ss_writer, 'MAX_THREADS', 1)


def test_blending_and_writing(tmp_path):
    def work(height):
        store = store_of(height, tmp_path)
        windows = Box(0, 0, height, WIDTH).get_windows(64, 32)
        valid = np.ones((64, 64), bool)
        tiles = (ScoreTile(window, PATCHES, valid) for window in windows)
        with store.writer() as out:
            for band in blend(tiles, Box(0, 0, height, WIDTH), 3):
                out.write(band)

    low, high = (peak_bytes(lambda h=h: work(h)) for h in (256, 1280))
    # lists of windows and of the places of polygons do grow, by little
    assert high < 1.3 * low + DEFLATE_BYTES


def test_labels_that_are_kept_and_saved(tmp_path):
    def work(height):
        extent = Box(0, 0, height, WIDTH)
        labels = SemanticSegmentationLabels.make_empty(extent, 3, smooth=True)
        for window in extent.get_windows(64, 64):
            labels.add_window(window, PATCHES)
        store_of(height, tmp_path).save(labels)

    low, high = (peak_bytes(lambda h=h: work(h)) for h in (1024, 2560))
    assert high < 1.3 * low + DEFLATE_BYTES
