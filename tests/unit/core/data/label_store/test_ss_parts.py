"""Predictions in parts: whatever the history, the same files."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data import (
    BuildingVectorOutputConfig,
    ClassConfig,
    PolygonVectorOutputConfig,
    RasterioCRSTransformer,
    SemanticSegmentationLabelStore,
)
from rastervision.core.prediction import ScoreTile
from rastervision.core.prediction.scene_plan import ScenePlan
from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.pipeline.file_system.local_file_system import TMP_PREFIX

HEIGHT, WIDTH, BLOCK = 171, 150, 16
EXTENT = Box(0, 0, HEIGHT, WIDTH)
UTM = RasterioCRSTransformer(Affine(2, 0, 500_000, 0, -2, 5_000_000), 'EPSG:32633')
CLASSES = ClassConfig(names=['house', 'tree', 'null'])
OUTPUTS = [
    PolygonVectorOutputConfig(class_id=0, denoise=3),
    BuildingVectorOutputConfig(class_id=1, denoise=0, threshold=0.6),
]
SCORES = np.random.default_rng(0).random((3, 24, 24)).repeat(8, 1).repeat(8, 2).astype(np.float32)
SCORES = SCORES[:, :HEIGHT, :WIDTH]
VALID = np.random.default_rng(1).random(EXTENT.size) < 0.99


def store_at(path, **kwargs):
    kwargs = {'smooth_output': True, 'rasterio_block_size': BLOCK} | kwargs
    return SemanticSegmentationLabelStore(
        str(path), UTM, CLASSES, EXTENT, vector_outputs=OUTPUTS, **kwargs
    )


def write(writer, box, height=7):
    for y in range(box.ymin, box.ymax, height):
        band = Box(y, box.xmin, min(y + height, box.ymax), box.xmax)
        at = band.to_slices()
        writer.write(ScoreTile(band, SCORES[:, *at], VALID[at]))


def files_in(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(Path(folder).rglob('*'))
        if path.is_file()
    }


def boxes_of(ys, xs):
    ys, xs = [0, *ys, HEIGHT], [0, *xs, WIDTH]
    return [Box(y0, x0, y1, x1) for x0, x1 in pairwise(xs) for y0, y1 in pairwise(ys)]


@pytest.fixture(scope='module', params=['uint8', 'float16', 'float32'])
def streamed(request, tmp_path_factory):
    """A store, and the files that a writer for the whole scene has made of it."""
    store = store_at(tmp_path_factory.mktemp('streamed'), smooth_dtype=request.param)
    with store.writer() as writer:
        write(writer, EXTENT, 50)
    return request.param, files_in(store.root_uri)


edges = st.lists(st.sampled_from([32, 64, 96, 128]), unique=True).map(sorted)


@given(edges, edges, st.data())
@settings(
    deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_files_do_not_depend_on_the_history(streamed, tmp_path_factory, ys, xs, data):
    dtype, expected = streamed
    root = tmp_path_factory.mktemp('parts')
    boxes = boxes_of(ys, xs)
    order = data.draw(st.permutations(range(len(boxes))))
    for index in order:
        parts = store_at(root, smooth_dtype=dtype).parts(boxes, 'k')  # as if by another process
        assert not parts.is_done(index)
        fate = data.draw(st.sampled_from(['well', 'error', 'cut off', 'zeros', 'flipped']))
        if fate == 'error':
            with pytest.raises(ZeroDivisionError):
                write_and_fail(parts, index, boxes[index])
        elif fate != 'well':
            damage(parts, index, boxes[index], fate)
            assert not store_at(root, smooth_dtype=dtype).parts(boxes, 'k').is_done(index)
        with parts.writer(index) as writer:
            write(writer, boxes[index])
        assert parts.is_done(index)
    store = store_at(root, smooth_dtype=dtype)
    assert not store.is_predicted('k')
    store.parts(boxes, 'k').join()
    assert store.is_predicted('k')
    files = files_in(root)
    del files['prediction.json']
    assert files == expected


def write_and_fail(parts, index, box):
    with parts.writer(index) as writer:
        write(writer, box)
        raise ZeroDivisionError


def damage(parts, index, box, how):
    with parts.writer(index) as writer:
        write(writer, box)
    path = Path(parts._folder.part_uri(index))
    content = bytearray(path.read_bytes())
    if how == 'cut off':
        del content[len(content) // 2 :]
    elif how == 'zeros':
        content[:] = bytes(len(content))
    else:
        content[len(content) // 3] ^= 1
    path.write_bytes(content)


def test_the_parts_of_a_plan_fit(tmp_path):
    plan = ScenePlan(EXTENT, 50, 25, 0, 4, 3, BLOCK, budget=100_000)
    store = store_at(tmp_path)
    boxes = [part.box for part in plan.parts]
    assert len(boxes) > 1
    parts = store.parts(boxes, 'k')
    for index, box in enumerate(boxes):
        with parts.writer(index) as writer:
            write(writer, box)
    parts.join()
    assert np.array_equal(store.get_score_arr(EXTENT)[:, VALID], SCORES[:, VALID])


def test_missing_parts_are_named(tmp_path):
    parts = store_at(tmp_path).parts(boxes_of([64], []), 'k')
    with parts.writer(1) as writer:
        write(writer, Box(64, 0, HEIGHT, WIDTH))
    with pytest.raises(StageError, match=r'1 of 2 parts .* missing \(numbers 0\)'):
        parts.join()


def test_parts_of_another_key_are_removed(tmp_path):
    store = store_at(tmp_path)
    with store.parts([EXTENT], 'old').writer(0) as writer:
        write(writer, EXTENT)
    assert store.parts([EXTENT], 'old').is_done(0)
    assert not store.parts([EXTENT], 'new').is_done(0)
    assert not store.parts([EXTENT], 'old').is_done(0)


@pytest.mark.parametrize(
    'boxes',
    [
        [],
        [Box(0, 0, 64, WIDTH)],
        [EXTENT, Box(0, 0, 32, 32)],
        [Box(0, 0, 16, WIDTH), Box(16, 0, HEIGHT, WIDTH)],
        [Box(0, 0, HEIGHT + 32, WIDTH)],
    ],
)
def test_parts_cover_the_extent_once_on_the_grid(tmp_path, boxes):
    with pytest.raises(ValueError, match=r'once|edges at multiples of 32'):
        store_at(tmp_path).parts(boxes, 'k')


def test_rows_of_a_part_must_be_its_own(tmp_path):
    boxes = boxes_of([64], [32])
    parts = store_at(tmp_path).parts(boxes, 'k')
    for wrong in (Box(0, 0, 8, WIDTH), Box(8, 0, 16, 32), Box(0, 0, 65, 32)):
        with pytest.raises(ValueError, match='columns 0 to 32'), parts.writer(0) as writer:
            write(writer, wrong, 100)
    assert files_in(tmp_path) == {}


# ---- the record


def predicted(path):
    store = store_at(path)
    parts = store.parts([EXTENT], 'k')
    with parts.writer(0) as writer:
        write(writer, EXTENT)
    parts.join()
    assert store.is_predicted('k')
    return store


def test_a_record_tells_what_the_files_are(tmp_path):
    store = predicted(tmp_path)
    assert not store.is_predicted('another')
    assert not store_at(tmp_path / 'elsewhere').is_predicted('k')
    assert not Path(tmp_path, '.partial').exists()
    Path(store.score_uri).write_bytes(b'other')
    assert not store.is_predicted('k')
    Path(store.score_uri).unlink()
    assert not store.is_predicted('k')


def test_no_record_outlives_its_files(tmp_path):
    store = predicted(tmp_path)
    with store.writer() as writer:
        write(writer, EXTENT)
    assert not store.is_predicted('k')


def test_a_join_that_fails_changes_nothing(tmp_path, monkeypatch):
    store = predicted(tmp_path)
    before = files_in(tmp_path)
    parts = store.parts([EXTENT], 'k2')
    with parts.writer(0) as writer:
        write(writer, EXTENT)
    monkeypatch.setattr('rastervision.core.data.label_store.ss_join.PolygonWriter', None)
    with pytest.raises(TypeError):
        parts.join()
    assert store.is_predicted('k')
    now = files_in(tmp_path)
    assert {name: now[name] for name in before} == before
    monkeypatch.undo()
    store.parts([EXTENT], 'k2').join()
    assert store.is_predicted('k2')


@pytest.mark.parametrize(
    'size', [(70, 10), (6, 100), (40, 40), (33, 1), (1, 33), (16, 16), (1, 1)], ids=str
)
def test_scenes_of_any_shape_are_joined(tmp_path, size):
    def store(name):
        return SemanticSegmentationLabelStore(
            str(tmp_path / name),
            UTM,
            CLASSES,
            Box(0, 0, *size),
            None,
            OUTPUTS,
            rasterio_block_size=16,
        )

    plan = ScenePlan(Box(0, 0, *size), 8, 8, 0, 4, 3, BLOCK, budget=1)
    boxes = [
        Box(y, part.box.xmin, min(y + 32, size[0]), part.box.xmax)
        for part in plan.parts
        for y in range(0, size[0], 32)
    ]
    parts = store('parts').parts(boxes, 'k')
    for index, box in enumerate(boxes):
        with parts.writer(index) as writer:
            write(writer, box)
    parts.join()
    with store('whole').writer() as writer:
        write(writer, Box(0, 0, *size))
    files = files_in(tmp_path / 'parts')
    del files['prediction.json']
    assert files == files_in(tmp_path / 'whole')


def test_a_file_uri_is_a_folder_like_any_other(tmp_path):
    store = store_at((tmp_path / 'a').as_uri())
    parts = store.parts([EXTENT], 'k')
    with parts.writer(0) as writer:
        write(writer, EXTENT)
    parts.join()
    assert store.is_predicted('k')
    assert (tmp_path / 'a' / 'labels.tif').is_file()
    assert not (tmp_path / 'a' / '.partial').exists()


@pytest.mark.parametrize('content', [b'', b'[]', b'{"key": "k"}', b'{"key": "k", "files": 1}'])
def test_a_damaged_record_is_none(tmp_path, content):
    store = store_at(tmp_path)
    (tmp_path / 'prediction.json').write_bytes(content)
    assert not store.is_predicted('k')
    predict(store, 'k')
    assert store.is_predicted('k')


def predict(store, key):
    """Write a scene; without a key as `save` does, which keeps no record."""
    if key is None:
        with store.writer() as writer:
            write(writer, EXTENT)
        return
    parts = store.parts([EXTENT], key)
    with parts.writer(0) as writer:
        write(writer, EXTENT)
    parts.join()


@pytest.mark.parametrize('keys', [['new'], [None], [None, 'new']])
def test_files_of_an_earlier_prediction_go(tmp_path, keys):
    predict(store_at(tmp_path), 'old')
    before = {path.name for path in tmp_path.rglob('*') if path.is_file()}
    assert before > {'labels.tif', 'scores.tif', 'prediction.json'}
    (tmp_path / 'vector_output/mine.json').write_text('{}')
    for key in keys:
        less = SemanticSegmentationLabelStore(str(tmp_path), UTM, CLASSES, EXTENT)
        predict(less, key)
    after = {path.name for path in tmp_path.rglob('*') if path.is_file()}
    assert after == {'labels.tif', 'prediction.json', 'mine.json'}
    assert less.is_predicted('new') == (keys[-1] == 'new')
    assert not less.is_predicted('old')


def test_files_that_somebody_changed_stay(tmp_path):
    predict(store_at(tmp_path), 'old')
    (tmp_path / 'scores.tif').write_bytes(b'mine')
    outside = tmp_path.parent / f'{tmp_path.name}.txt'
    outside.write_text('1')
    record = json.loads((tmp_path / 'prediction.json').read_text())
    record['files'][f'../{outside.name}'] = 1
    (tmp_path / 'prediction.json').write_text(json.dumps(record))
    predict(SemanticSegmentationLabelStore(str(tmp_path), UTM, CLASSES, EXTENT), 'new')
    assert (tmp_path / 'scores.tif').read_bytes() == b'mine'
    assert outside.exists()


def test_what_a_crash_has_left_goes_away(tmp_path):
    store = store_at(tmp_path)
    parts = store.parts([EXTENT], 'k')
    with parts.writer(0) as writer:
        write(writer, EXTENT)
    (tmp_path / f'{TMP_PREFIX}scores').write_bytes(b'half')
    parts.join()
    assert not list(tmp_path.glob(f'{TMP_PREFIX}*'))


def test_polygons_of_one_class_twice_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r'several entries for one class \(class ids \[0, 0\]\)'):
        SemanticSegmentationLabelStore(
            str(tmp_path), UTM, CLASSES, EXTENT, vector_outputs=[OUTPUTS[0], OUTPUTS[0]]
        )
