"""One scene, many workers; resume: whoever did which part when, the outputs are the same bytes."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from unit.core.rv_pipeline.split_pipeline import COMMANDS, CONFIG, outputs, pipelines_of_scenes, run

from rastervision.core.prediction import ScenePlan
from rastervision.core.rv_pipeline import semantic_segmentation
from rastervision.core.rv_pipeline.partial import PartialResults
from rastervision.pipeline.cli import main
from rastervision.pipeline.errors import StageError

OUTPUTS = {
    'analyze/stats/train_scenes/stats.json',
    'analyze/stats/validation_scenes/stats.json',
    *(
        f'predict/{scene}/{name}'
        for scene in ('tall', 'b')
        for name in (
            'labels.tif',
            'scores.tif',
            'prediction.json',
            'vector_output/class-0-building.json',
        )
    ),
    'eval/validation_scenes/eval.json',
    'eval/validation_scenes/preview.png',
}


@pytest.fixture
def make_pipeline(folder):
    """Return a function that makes a pipeline below a root of its own."""
    return pipelines_of_scenes(folder)


def num_windows(pipeline):
    path = Path(pipeline.config.root_uri, 'windows.txt')
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.parametrize('columns', [False, True])
def test_outputs_are_the_same_whatever_the_splits(make_pipeline, monkeypatch, columns):
    if columns:
        narrow = partial(ScenePlan, budget=1)
        monkeypatch.setattr(semantic_segmentation, 'ScenePlan', narrow)
    found = []
    for num_splits in (1, 2, 3, 5):
        pipeline = make_pipeline(f'{num_splits}')
        for command in COMMANDS:
            run(pipeline, command, num_splits)
        found.append(outputs(pipeline))
    assert set(found[0]) == OUTPUTS
    assert all(other == found[0] for other in found[1:])


def test_columns_change_nothing_but_the_batches(make_pipeline, monkeypatch):
    maps = []
    for budget in (2**28, 1):
        monkeypatch.setattr(semantic_segmentation, 'ScenePlan', partial(ScenePlan, budget=budget))
        pipeline = make_pipeline(f'{budget}')
        pipeline.analyze()
        pipeline.predict()
        with rasterio.open(f'{pipeline.config.predict_uri}/tall/scores.tif') as dataset:
            maps.append(dataset.read())
    assert np.abs(maps[0] - maps[1]).max() < 0.11  # the noise of the batches is below 0.1


@pytest.mark.slow  # real worker processes
def test_worker_processes_give_what_one_process_gives(make_pipeline, folder):
    together, shared = make_pipeline('together'), make_pipeline('shared')
    for runner, pipeline, more in (
        ('inprocess', together, ()),
        ('local', shared, ('-s', '2')),
    ):
        args = ('-a', 'folder', str(folder), '-a', 'root_uri', pipeline.config.root_uri)
        result = CliRunner().invoke(main, ['run', runner, CONFIG, *COMMANDS, *args, *more])
        assert result.exit_code == 0, result.output
    assert outputs(together) == outputs(shared)
    assert set(outputs(shared)) == OUTPUTS
    logs = {path.stem for path in (folder / 'shared/logs').iterdir()}
    assert {'finish_analyze', 'finish_predict', 'predict-2-of-2', 'finish_eval'} <= logs


# --- resume


def predict_in_child(folder, name, kill_at):
    code = (
        'import sys; from rastervision.pipeline.cli import get_configs;'
        f'config = get_configs({CONFIG!r}, "inprocess", {{"folder": {str(folder)!r}, '
        f'"root_uri": {str(folder / name)!r}, "kill_at": {kill_at}}})[0];'
        f'config.update(); config.build({str(folder / "tmp")!r}).predict()'
    )
    env = {**os.environ, 'OMP_NUM_THREADS': '1'}
    command = [sys.executable, '-c', code]
    return subprocess.run(command, env=env, check=False, timeout=120).returncode


@pytest.mark.skipif(sys.platform == 'win32', reason='signals of POSIX')
def test_a_killed_prediction_goes_on_where_it_was_and_gives_the_same_bytes(
    make_pipeline, folder, caplog
):
    whole, resumed = make_pipeline('whole'), make_pipeline('resumed')
    whole.analyze()
    whole.predict()
    resumed.analyze()
    total = num_windows(whole)
    assert predict_in_child(folder, 'resumed', kill_at=300) == -9
    assert num_windows(resumed) == 300
    parts = Path(resumed.config.predict_uri, 'tall').glob('.partial/*/*.part')
    assert [part.name for part in parts] == ['00000.part']
    assert 'predict/tall/labels.tif' not in outputs(resumed)
    with caplog.at_level('INFO'):
        resumed.predict()
    assert 'tall, continuing: 1 of 3 parts are there' in caplog.text
    assert num_windows(resumed) - 300 < total - 150, 'what was finished is not predicted again'
    assert outputs(resumed) == outputs(whole)


def test_a_killed_split_goes_on_too(make_pipeline, folder):
    whole, resumed = make_pipeline('whole'), make_pipeline('resumed')
    run(whole, 'analyze')
    run(whole, 'predict')
    run(resumed, 'analyze')
    resumed.predict(0, 3)
    done = num_windows(resumed)
    with pytest.raises(StageError, match='Split 2 of 3 has not written'):
        resumed.finish_predict(3)
    resumed.predict()  # now all in one go
    assert num_windows(resumed) - done < num_windows(whole)
    assert {n: b for n, b in outputs(resumed).items() if '.partial' not in n} == outputs(whole)


def test_finished_scenes_are_skipped(make_pipeline, caplog):
    pipeline = make_pipeline()
    pipeline.analyze()
    pipeline.predict()
    count, before = num_windows(pipeline), outputs(pipeline)
    for num_splits in (1, 2):
        caplog.clear()
        with caplog.at_level('INFO'):
            run(pipeline, 'predict', num_splits)
        assert 'tall is predicted already' in caplog.text
    assert num_windows(pipeline) == count
    assert outputs(pipeline) == before
    scene = pipeline.build_scene(pipeline.config.dataset.validation_scenes[0])
    assert pipeline.is_predicted(scene)
    pipeline.predict_to_store(scene)  # who asks for it gets it
    assert num_windows(pipeline) > count


def test_statistics_that_are_computed_again_are_the_same(make_pipeline):
    pipeline = make_pipeline()
    for command in ('analyze', 'predict', 'analyze'):
        run(pipeline, command)
    count = num_windows(pipeline)
    pipeline.predict()
    assert num_windows(pipeline) == count


@pytest.mark.parametrize('change', ['weights', 'options', 'image', 'output', 'classes', 'stats'])
def test_what_changes_the_result_is_predicted_anew(make_pipeline, folder, change):
    pipeline = make_pipeline()
    pipeline.analyze()
    pipeline.predict()
    count = num_windows(pipeline)
    config = pipeline.config
    store = config.dataset.validation_scenes[0].label_store
    if change == 'weights':
        config.backend.weights = 'two'
        pipeline.use_model()  # what is loaded is the old one
    elif change == 'options':
        config.predict_options.blend = 'mean'
    elif change == 'image':
        os.utime(folder / 'tall.tif')
    elif change == 'output':
        store.rasterio_block_size = 32
    elif change == 'classes':
        config.dataset.class_config.names[0] = 'house'
    else:
        path = Path(config.analyze_uri, 'stats/train_scenes/stats.json')
        stats = json.loads(path.read_text())
        path.write_text(json.dumps({**stats, 'means': [mean + 1 for mean in stats['means']]}))
    scenes = [pipeline.build_scene(s) for s in config.dataset.validation_scenes]
    others = change in {'image', 'output'}
    assert [pipeline.is_predicted(s) for s in scenes] == [False, others]
    pipeline.predict()
    assert num_windows(pipeline) > count
    assert [pipeline.is_predicted(s) for s in scenes] == [True, True]


def test_where_the_predictions_go_changes_nothing(make_pipeline):
    one, two = make_pipeline('one'), make_pipeline('two')
    for pipeline in (one, two):
        run(pipeline, 'analyze')
        run(pipeline, 'predict')
    name = 'predict/tall/prediction.json'
    assert outputs(one)[name] == outputs(two)[name]


@pytest.mark.parametrize('num_splits', [1, 2, 3])
def test_a_failing_scene_is_told_and_the_others_are_predicted(make_pipeline, folder, num_splits):
    pipeline = make_pipeline()
    pipeline.analyze()
    image = folder / 'tall.tif'
    image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])  # breaks off on the way
    with pytest.raises(StageError, match=r'1 of 2 scenes:\n  tall: .*tall\.tif'):
        run(pipeline, 'predict', num_splits)
    names = set(outputs(pipeline))
    assert 'predict/b/labels.tif' in names
    assert 'predict/tall/labels.tif' not in names


def test_a_scene_that_changes_between_splits_fails(make_pipeline, folder):
    pipeline = make_pipeline()
    pipeline.analyze()
    pipeline.predict(0, 3)
    os.utime(folder / 'tall.tif')
    pipeline.predict(1, 3)
    pipeline.predict(2, 3)
    with pytest.raises(StageError, match=r'tall: .* changed while it was predicted'):
        pipeline.finish_predict(3)


# --- partial results


def test_gather_steps_find_the_number_of_splits(tmp_path):
    partial_results = PartialResults(str(tmp_path))
    assert partial_results.read(1) == partial_results.read(2) == []
    for i in range(3):
        partial_results.write({'split': i}, i, 3)
    expected = [{'split': i} for i in range(3)]
    assert partial_results.read(3) == partial_results.read(1) == expected
    partial_results.write({}, 0, 2)
    with pytest.raises(StageError, match=r'2 and 3 splits.*--num-splits'):
        partial_results.read(1)
    with pytest.raises(StageError, match=r'Split 2 of 2 has not written .*2-of-2\.json'):
        partial_results.read(2)
    partial_results.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_gather_step_that_is_tried_again_tells_the_failures_again(make_pipeline, folder):
    pipeline = make_pipeline()
    pipeline.analyze()
    (folder / 'tall.tif').write_bytes(b'no image')
    for i in range(2):
        pipeline.predict(split_ind=i, num_splits=2)
    for _ in range(2):
        with pytest.raises(StageError, match='PREDICT failed for 1 of 2 scenes'):
            pipeline.finish_predict(num_splits=2)
