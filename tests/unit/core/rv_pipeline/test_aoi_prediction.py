"""With aoi_only, areas of interest are predicted as ever, and nothing else is."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data import ObjectDetectionLabels
from rastervision.core.data.utils.aoi import AOIMask
from rastervision.core.grid import apply_affine
from rastervision.core.prediction import ScenePlan, WindowPlan, prediction_windows
from rastervision.core.rv_pipeline import SemanticSegmentation
from rastervision.pipeline.cli import get_configs
from rastervision.pipeline.errors import StageError

CONFIG = str(Path(__file__).with_name('split_config.py'))
AREAS = [shapely.box(3.3, 20, 20, 70.5), shapely.box(10, 1200, 38, 1222)]


@pytest.fixture
def folder(tmp_path, make_scene):
    make_scene('a', 1)
    make_scene('b', 2)
    make_scene('tall', 3, size=(2100, 40))
    with rasterio.open(tmp_path / 'tall.tif') as image:
        transform, crs = image.transform, image.crs
    on_map = [
        shapely.transform(area, lambda xy: np.stack(apply_affine(transform, xy), axis=-1))
        for area in AREAS
    ]
    document = json.loads(shapely.to_geojson(shapely.union_all(on_map)))
    document['crs'] = {'type': 'name', 'properties': {'name': str(crs)}}
    (tmp_path / 'aoi.json').write_text(json.dumps(document))
    return tmp_path


@pytest.fixture
def predict(folder):
    """Return a function that predicts below a root of its own and returns that root."""

    def run(name, num_splits=1, **options):
        args = {'folder': str(folder), 'root_uri': str(folder / name)}
        config = get_configs(CONFIG, 'inprocess', args)[0].copy()
        tall = config.dataset.validation_scenes[0]
        tall.aoi_uris = [str(folder / 'aoi.json')]
        for option, value in options.items():
            setattr(config.predict_options, option, value)
        config.update()
        for path in (folder / 'tmp', folder / name):
            path.mkdir(exist_ok=True)
        pipeline = SemanticSegmentation(config, str(folder / 'tmp'))
        pipeline.analyze()
        for i in range(num_splits):
            pipeline.predict(i, num_splits)
        if num_splits > 1:
            pipeline.finish_predict(num_splits)
        return folder / name

    return run


def read(root, scene='tall', name='labels.tif'):
    with rasterio.open(root / 'predict' / scene / name) as dataset:
        return dataset.read()


def num_windows(root):
    return len((root / 'windows.txt').read_text().splitlines())


def test_inside_it_is_as_ever_and_outside_there_is_nothing(predict):
    whole = predict('whole', batch_sz=1)
    only = predict('only', batch_sz=1, aoi_only=True)
    inside = AOIMask(AREAS)(Box(0, 0, 2100, 40))
    labels = read(only)[0]
    assert np.array_equal(labels[inside], read(whole)[0][inside])
    assert (labels[~inside] == 2).all()
    scores = read(only, name='scores.tif')
    assert np.array_equal(scores[:, inside], read(whole, name='scores.tif')[:, inside])
    assert (scores[2][~inside] == scores.max()).all()
    assert np.array_equal(read(only, 'b'), read(whole, 'b'))  # which has no area of interest


def test_only_windows_that_touch_are_seen(predict):
    root = predict('only', batch_sz=1, aoi_only=True)
    tall = prediction_windows(Box(0, 0, 2100, 40), 32, 16, 4)
    b = prediction_windows(Box(0, 0, *read(root, 'b').shape[1:]), 32, 16, 4)
    touching = sum(shapely.union_all(AREAS).intersects(w.to_shapely()) for w in tall)
    assert num_windows(root) == touching + len(b)
    assert touching < len(tall) / 5


def test_splits_change_no_byte(predict):
    one = predict('one', aoi_only=True)
    three = predict('three', 3, aoi_only=True)
    for name in ('labels.tif', 'scores.tif', 'vector_output/class-0-building.json'):
        path = Path('predict', 'tall', name)
        assert (one / path).read_bytes() == (three / path).read_bytes()


def test_another_area_of_interest_is_another_prediction(predict, folder):
    root = predict('only', aoi_only=True)
    count = num_windows(root)
    predict('only', aoi_only=True)
    assert num_windows(root) == count
    document = json.loads((folder / 'aoi.json').read_text())
    document['coordinates'] = document['coordinates'][:1]
    (folder / 'aoi.json').write_text(json.dumps(document))
    predict('only', aoi_only=True)
    assert count < num_windows(root) < 2 * count


def test_predictions_in_memory_are_refused(predict, monkeypatch):
    monkeypatch.setattr(SemanticSegmentation, 'scene_plan', lambda *_: None)
    with pytest.raises(StageError, match=r'tall: predict_options\.aoi_only needs'):
        predict('only', aoi_only=True)


boxes = st.builds(
    lambda y, x, h, w: shapely.box(x, y, x + w, y + h),
    *[st.integers(-50, 900)] * 2,
    *[st.integers(1, 300)] * 2,
)


@given(st.lists(boxes, min_size=1, max_size=3), st.integers(1, 9), st.data())
@settings(deadline=None, max_examples=40)
def test_a_run_sees_what_touches_in_the_batches_of_its_column(areas, batch_sz, data):
    extent = Box(0, 0, 1500, 700)
    plan = ScenePlan(extent, 64, 40, 4, batch_sz, 3, 128, 1, areas)
    everything = list(prediction_windows(extent, 64, 40, 4))
    area = shapely.union_all(areas)
    chosen = data.draw(st.sets(st.sampled_from(plan.parts), min_size=1))
    for run in plan.runs(chosen):
        column = [
            w for w in everything if w.intersects(Box(-999, run.box.xmin, 9999, run.box.xmax))
        ]
        sequence = [w for w in column if area.intersects(w.to_shapely())]
        needed = [w for w in sequence if w.intersects(run.box)]
        windows = list(run.windows)
        assert [w for w in windows if w.intersects(run.box)] == needed
        if needed:
            start = sequence.index(windows[0])
            assert start % batch_sz == 0
            assert windows == sequence[start : start + len(windows)]
        else:
            assert windows == []
        assert list(run.unseen) == [w for w in column if w.intersects(run.box) and w not in needed]


@given(st.lists(boxes, min_size=1, max_size=3))
@settings(deadline=None, max_examples=40)
def test_cells_are_those_that_touch(areas):
    plan = WindowPlan(Box(0, 0, 900, 700), 64, 40, 4, areas)
    area = shapely.union_all(areas)
    expected = list(prediction_windows(Box(0, 0, 900, 700), 64, 40))
    expected = [w for w in expected if area.intersects(w.to_shapely())]
    assert [w for part in plan.parts for w in part.windows] == expected
    assert [w for run in plan.runs(plan.parts) for w in run.windows] == expected


@given(st.lists(boxes, min_size=1, max_size=3), st.lists(boxes, max_size=20))
@settings(deadline=None, max_examples=40)
def test_objects_are_those_that_touch(areas, objects):
    bounds = shapely.bounds(np.array(objects, dtype=object)).reshape(-1, 4)
    labels = ObjectDetectionLabels(bounds[:, [1, 0, 3, 2]], np.arange(len(objects)))
    kept = labels.touching(areas).get_class_ids()
    area = shapely.union_all(areas)
    assert sorted(kept) == [i for i, geom in enumerate(objects) if area.intersects(geom)]
