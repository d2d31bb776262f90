"""A model bundle as releases before scene groups laid it out, made of one of release 0.31."""

import json
import zipfile
from pathlib import Path

import numpy as np
import rasterio

from rastervision.core.predictor import Predictor
from rastervision.pytorch_backend.examples import tiny_buildings

DATA = Path(__file__).parent / 'data'
STATS = 'analyze/stats/train_scenes/stats.json'


def without_scene_groups(cfg):
    """Serialised configs as version 2 of the core package wrote transformers and sources."""
    if isinstance(cfg, list):
        return [without_scene_groups(item) for item in cfg]
    if not isinstance(cfg, dict):
        return cfg
    cfg = {name: without_scene_groups(value) for name, value in cfg.items()}
    if cfg.get('type_hint') == 'stats_transformer':
        return {'type_hint': 'stats_transformer', 'stats_uri': cfg['stats_uri']}
    if cfg.get('type_hint') == 'rasterio_source':
        cfg['extent'] = cfg.pop('bbox')
        return {**cfg, 'x_shift': 0.0, 'y_shift': 0.0, 'extent_crop': None}
    return cfg


def test_statistics_are_found_beside_the_config(tmp_path):
    bundle = tmp_path / 'model-bundle.zip'
    with zipfile.ZipFile(DATA / 'ss_0_31_bundle.zip') as new, zipfile.ZipFile(bundle, 'w') as old:
        config = without_scene_groups(json.loads(new.read('pipeline-config.json')))
        config['plugin_versions'] |= {'rastervision.core': 2}
        old.writestr('pipeline-config.json', json.dumps(config))
        old.writestr('model-bundle.zip', new.read('model-bundle.zip'))
        old.writestr('stats.json', new.read(STATS))

    image = tiny_buildings.DATA / 'val' / 'rio_img54.tif'
    predictor = Predictor(str(bundle), str(tmp_path / 'tmp'), trust_code=True)
    predictor.predict([str(image)], str(tmp_path / 'out'))
    with rasterio.open(tmp_path / 'out' / 'labels.tif') as dataset:
        ours = dataset.read(1) == 0
    with np.load(DATA / 'ss_0_31_labels.npz') as data:
        theirs = np.unpackbits(data['labels_54'], count=ours.size).reshape(ours.shape)
    assert (ours == theirs).mean() > 0.999
