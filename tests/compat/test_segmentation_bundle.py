"""A config and a model bundle of release 0.31, read by this one.

`data/ss_0_31_config.py.txt` is a config as its user wrote it, `data/ss_0_31_bundle.zip` what the
release bundled after running it, and `data/ss_0_31_labels.npz` has the building pixels (packed
bits) that its `predict` command found in two images, which come with the example tiny_buildings.
"""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner

from rastervision.core.predictor import Predictor
from rastervision.pipeline.cli import main
from rastervision.pipeline.errors import DataError
from rastervision.pytorch_backend.examples import tiny_buildings

DATA = Path(__file__).parent / 'data'
BUNDLE = DATA / 'ss_0_31_bundle.zip'


def assert_same(ours, theirs, path=''):
    """Every field of the release has the same value; ours may have more fields."""
    if isinstance(theirs, dict):
        for key in theirs.keys() - {'plugin_versions'}:
            assert_same(ours[key], theirs[key], f'{path}.{key}')
    elif path.endswith('.colors[2]'):  # of the null class: by chance in 0.31, as black is taken
        assert len(ours) == len(theirs) == 3, path
    elif isinstance(theirs, list) and 'scene_groups' not in path:
        assert len(ours) == len(theirs), path
        for i, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(our, their, f'{path}[{i}]')
    elif isinstance(theirs, list):  # a set, in any order
        assert sorted(ours) == sorted(theirs), path
    else:
        assert ours == theirs, path


def test_the_config_is_filled_as_by_the_release():
    names = {}
    exec((DATA / 'ss_0_31_config.py.txt').read_text(), names)  # a module of our own tests
    written = names['get_config']('inprocess', '/opt/data/output/ss')
    config = written.copy()
    config.update()
    config.recursive_validate_config()
    with zipfile.ZipFile(BUNDLE) as zf:
        theirs = json.loads(zf.read('pipeline-config.json'))
    assert_same(config.to_dict(with_rv_metadata=True), theirs)
    assert written.dataset.scene_groups == {}  # the user's own object is left as it is


def test_the_bundle_predicts_what_the_release_predicted(tmp_path):
    predictor = Predictor(str(BUNDLE), str(tmp_path / 'tmp'), trust_code=True)
    with np.load(DATA / 'ss_0_31_labels.npz') as data:
        for scene in (54, 64):
            image = tiny_buildings.DATA / 'val' / f'rio_img{scene}.tif'
            predictor.predict([str(image)], str(tmp_path / str(scene)))
            with rasterio.open(tmp_path / str(scene) / 'labels.tif') as dataset:
                ours = dataset.read(1) == 0
            shape = tuple(data[f'shape_{scene}'])
            theirs = np.unpackbits(data[f'labels_{scene}'], count=ours.size).reshape(shape)
            assert (ours == theirs).mean() > 0.999
            outputs = {p.name for p in (tmp_path / str(scene)).rglob('*.*')}
            assert outputs == {
                'labels.tif',
                'scores.tif',
                'class-0-building.json',
                'prediction.json',
            }


def test_its_code_is_not_run_unasked(tmp_path):
    with pytest.raises(DataError, match='--trust-code'):
        Predictor(str(BUNDLE), str(tmp_path))
    image = str(tiny_buildings.DATA / 'val' / 'rio_img54.tif')
    out = tmp_path / 'out'
    result = CliRunner().invoke(main, ['predict', str(BUNDLE), image, str(out)])
    assert result.exit_code == 1
    assert '--trust-code' in result.output
    assert not out.exists()
