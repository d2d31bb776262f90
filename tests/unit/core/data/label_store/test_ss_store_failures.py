"""A label store of class maps leaves its outputs whole or not at all, and says what is wrong."""

import os

import numpy as np
import pytest
from unit.core.data.label_store.ss_store import EXTENT, files_in, store_at, write

from rastervision.core.box import Box
from rastervision.core.data import (
    ClassConfig,
    PolygonVectorOutputConfig,
    SemanticSegmentationLabels,
)
from rastervision.core.prediction import ScoreTile
from rastervision.pipeline.errors import (
    ConfigError,
    DataError,
    NotReadableError,
    NotWritableError,
    StageError,
)


def test_a_failure_leaves_nothing(uri, scores):
    options = {'smooth_output': True, 'vector_outputs': [PolygonVectorOutputConfig(class_id=0)]}
    with pytest.raises(ZeroDivisionError), store_at(uri, **options).writer() as writer:
        writer.write(ScoreTile(Box(0, 0, 8, 50), scores[:, : 8 // 0], np.ones((8, 50), bool)))
    assert files_in(uri) == []


def test_missing_rows_leave_nothing(uri, scores):
    with pytest.raises(StageError, match=r'8 of 40 rows .*scène'):
        write(store_at(uri), scores[:, :8])
    assert files_in(uri) == []


def test_a_failure_leaves_the_former_predictions(uri, scores):
    store = store_at(uri)
    write(store, scores)
    with pytest.raises(StageError), store.writer():
        pass
    np.testing.assert_array_equal(store.get_labels().get_label_arr(EXTENT), scores.argmax(0))
    write(store, scores[[1, 0, 2]])
    np.testing.assert_array_equal(
        store.get_labels().get_label_arr(EXTENT), scores[[1, 0, 2]].argmax(0)
    )


def test_bands_must_follow_on_each_other(uri, scores):
    with pytest.raises(ValueError, match='from row 0 on'), store_at(uri).writer() as writer:
        writer.write(ScoreTile(Box(8, 0, 16, 50), scores[:, 8:16], np.ones((8, 50), bool)))


def test_a_folder_that_cannot_be_written(tmp_path, scores):
    (tmp_path / 'file').write_text('')
    with pytest.raises(NotWritableError, match='file'):
        write(store_at(str(tmp_path / 'file')), scores)


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='limits the size of files')
@pytest.mark.parametrize('limit', [1000, 20_000, 100_000])
@pytest.mark.parametrize('what', ['labels', 'scores', 'polygons'])
def test_a_full_disk_leaves_nothing(uri, limit, what):
    import resource

    bbox = Box(0, 0, 300, 300)
    options = {
        'discrete_output': what == 'labels',
        'smooth_output': what == 'scores',
        'vector_outputs': [PolygonVectorOutputConfig(class_id=0, denoise=0)] * (what == 'polygons'),
    }
    scores = np.random.default_rng(0).random((9, 300, 300), dtype=np.float32)
    classes = ClassConfig(names=list('abcdefghi'))
    store = store_at(uri, bbox=bbox, class_config=classes, rasterio_block_size=64, **options)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        if what == 'labels' and limit == 100_000:
            write(store, scores)  # this fits
            return
        with pytest.raises(NotWritableError, match='scène'):
            write(store, scores)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files_in(uri) == []


def test_wrong_creation_options_name_the_file(uri):
    labels = SemanticSegmentationLabels.make_empty(EXTENT, 3)
    with pytest.raises(NotWritableError, match=r'labels\.tif cannot be written'):
        store_at(uri).save(labels, profile={'blockxsize': 17})
    with pytest.raises(ConfigError, match='profile says dtype, nodata'):
        store_at(uri).save(labels, profile={'nodata': 7, 'dtype': 'float32'})
    assert files_in(uri) == []
    with pytest.raises(ConfigError, match='multiple of 16, got 17'):
        store_at(uri, rasterio_block_size=17)


# ---- errors


def test_nothing_predicted_yet(uri):
    with pytest.raises(NotReadableError, match=r'labels\.tif does not exist'):
        store_at(uri).get_labels()


def test_a_raster_of_other_classes(uri, scores):
    write(store_at(uri), scores)
    few = store_at(uri, class_config=ClassConfig(names=['house']))
    with pytest.raises(DataError, match=r'labels\.tif holds the class id 2'):
        few.get_labels()


def test_sizes_must_agree(uri, scores):
    write(store_at(uri), scores)
    other = store_at(uri, bbox=Box(0, 0, 30, 30))
    with pytest.raises(DataError, match='40 x 50 pixels, but the scene has 30 x 30'):
        other.get_labels()
    with pytest.raises(DataError, match='40 x 50 pixels do not fit'):
        other.save(SemanticSegmentationLabels.make_empty(EXTENT, 3))


def test_a_writer_needs_the_bbox(uri):
    with pytest.raises(ConfigError, match='bbox'):
        store_at(uri, bbox=None).writer()
