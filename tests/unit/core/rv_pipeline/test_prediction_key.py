"""The fingerprint of a prediction changes with what decides it, and with nothing else."""

import os
from pathlib import Path

import pytest

from rastervision.core.data import SemanticSegmentationLabelStoreConfig
from rastervision.core.data.raster_source.vrt import mosaic_vrt
from rastervision.core.rv_pipeline.prediction_key import prediction_key


@pytest.fixture
def key(updated, tmp_path):
    """Return a function that gives the key of the validation scene."""
    stats = tmp_path / 'stats.json'
    stats.write_text('{"means": [1, 2, 3], "stds": [1, 1, 1]}')
    scene = updated.dataset.validation_scenes[0]
    scene.raster_source.transformers[0].stats_uri = str(stats)

    def make(change=lambda scene: None, model='m'):
        copy = scene.copy()
        change(copy)
        options = updated.predict_options
        return prediction_key(copy, options, updated.dataset.class_config, model)

    make.image = scene.raster_source.uris
    make.stats = stats
    return make


def test_a_key_is_a_name_for_a_folder(key):
    assert key() == key()
    assert len(key()) == 32
    assert key(model='other') != key()


def test_where_things_are_kept_is_no_part_of_it(key, tmp_path):
    before = key()

    def move(scene):
        scene.label_store.uri = 'elsewhere'
        scene.raster_source.transformers[0].stats_uri = str(tmp_path / 'copy.json')

    (tmp_path / 'copy.json').write_text(key.stats.read_text())
    os.utime(key.stats)
    assert key(move) == key() == before


@pytest.mark.parametrize('suffix', ['', '.aux.xml', '.msk'])
def test_files_of_the_image_are_part_of_it(key, suffix):
    before = key()
    path = Path(key.image + suffix)
    if suffix == '.msk':
        path.write_bytes(Path(key.image).read_bytes())
    elif suffix:
        path.write_text('<PAMDataset></PAMDataset>')
    else:
        os.utime(path)
    assert key() != before


def test_files_in_a_mosaic_are_part_of_it(key, tmp_path):
    vrt = tmp_path / 'mosaic.vrt'
    vrt.write_text(mosaic_vrt([key.image]))

    def use_mosaic(scene):
        scene.raster_source.uris = str(vrt)

    before = key(use_mosaic)
    os.utime(key.image)
    assert key(use_mosaic) != before


def test_values_are_part_of_it(key):
    def other_bands(scene):
        scene.raster_source.channel_order = [2, 1, 0]

    def other_outputs(scene):
        scene.label_store = SemanticSegmentationLabelStoreConfig(smooth_output=True)

    keys = {key(), key(other_bands), key(other_outputs)}
    key.stats.write_text('{"means": [1, 2, 4], "stds": [1, 1, 1]}')
    assert len({*keys, key()}) == 4
