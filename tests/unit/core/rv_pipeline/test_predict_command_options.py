"""Options of `rastervision predict` and `Predictor`."""

import json
from pathlib import Path

import pytest
import rasterio

from rastervision.core.predictor import Predictor, ScenePredictor
from rastervision.pipeline.errors import ConfigError


def options_of(predictor):
    return predictor.config.predict_options


def test_options_change_those_of_the_bundle(bundle, tmp_path):
    predictor = Predictor(bundle, str(tmp_path / 'p'), stride=8, blend='hann', tta=True)
    options = options_of(predictor)
    assert (options.chip_sz, options.stride, options.crop_sz) == (32, 8, 4)
    assert (options.blend, options.tta) == ('hann', True)
    with pytest.raises(ConfigError, match='no_such'):
        Predictor(bundle, str(tmp_path / 'p'), no_such=1)


def test_a_new_chip_size_keeps_the_overlap(bundle, tmp_path):
    predictor = Predictor(bundle, str(tmp_path / 'p'), chip_sz=64)
    assert options_of(predictor).stride == 32
    predictor = Predictor(bundle, str(tmp_path / 'p'), chip_sz=64, stride=20)
    assert options_of(predictor).stride == 20


def test_options_of_the_command_line_arrive(bundle, images, cli, monkeypatch, updated):
    seen = []
    backend = type(updated.backend.build(updated, ''))
    predict_windows = backend.predict_windows

    def spy(self, scene, windows, options):
        seen.append(options)
        return predict_windows(self, scene, windows, options)

    monkeypatch.setattr(backend, 'predict_windows', spy)
    flags = '--chip-size 40 --stride 10 --crop auto --blend hann --batch-size 3 --tta'
    flags += ' --precision bfloat16 --engine torch'
    cli(bundle, images[0] / 'a.tif', 'out', *flags.split())
    values = seen[0].to_dict()
    expected = {
        'chip_sz': 40, 'stride': 10, 'crop_sz': 'auto', 'blend': 'hann', 'batch_sz': 3,
        'tta': True, 'precision': 'bfloat16', 'engine': 'torch',
    }  # fmt: skip
    assert {name: values[name] for name in expected} == expected


@pytest.mark.parametrize('dtype', ['uint8', 'float16', 'float32', 'none'])
def test_scores_by_option(bundle, images, cli, dtype):
    cli(bundle, images[0] / 'a.tif', 'out', '--scores', dtype)
    assert Path('out/scores.tif').exists() == (dtype != 'none')
    if dtype != 'none':
        with rasterio.open('out/scores.tif') as dataset:
            bits = dataset.tags(1, ns='IMAGE_STRUCTURE').get('NBITS')
            # GDAL before 3.11 shows float16 as float32 of 16 bits
            assert ('float16' if bits == '16' else dataset.dtypes[0]) == dtype


def test_scenes_take_the_same_options(bundle, images, cli, updated, tmp_path):
    scene = updated.dataset.validation_scenes[0].copy()
    scene.label_source = None
    scene.raster_source.transformers[0].stats_uri = None
    scene.label_store.uri = str(tmp_path / 'out')
    scene.to_file('scene.json')
    options = {'type_hint': 'semantic_segmentation_predict_options', 'chip_sz': 64}
    Path('options.json').write_text(json.dumps(options))
    args = ['scene.json', '--predict-options-uri', 'options.json', '--stride', 16, '--rerun']
    cli(bundle, *args, command='predict_scene')
    assert (tmp_path / 'out/labels.tif').exists()
    predictor = ScenePredictor(bundle, 'options.json', stride=16)
    assert (options_of(predictor).chip_sz, options_of(predictor).stride) == (64, 16)
