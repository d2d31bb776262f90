"""Parts of windows on disk: there as a whole or not at all."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.data.label_store.part_folder import PartFolder
from rastervision.core.data.label_store.window_parts import WindowParts
from rastervision.core.prediction import WindowBoxes, WindowScores
from rastervision.pipeline.errors import StageError

WINDOWS = Box(0, 0, 30, 40).get_windows(10, 10)
PARTS = [WINDOWS[:5], WINDOWS[5:10], WINDOWS[10:]]


def scores_of(windows, rng):
    return [
        WindowScores(w, rng.random(3, dtype=np.float32), bool(rng.random() < 0.5)) for w in windows
    ]


def boxes_of(windows, rng):
    results = []
    for window in windows:
        n = int(rng.integers(0, 4))
        boxes, scores = rng.random((n, 4), np.float32), rng.random(n, np.float32)
        results.append(WindowBoxes(window, boxes, rng.integers(0, 9, n), scores, n > 0))
    return results


def parts_at(path, key='k'):
    return WindowParts(PartFolder(str(path / '.out.partial'), key), PARTS, 'out.json')


def assert_same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert (type(one), one.window, one.valid) == (type(other), other.window, other.valid)
        for name in ('scores', 'boxes', 'class_ids'):
            if hasattr(one, name):
                np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize('make', [scores_of, boxes_of])
def test_results_come_back_in_order(tmp_path, make):
    rng = np.random.default_rng(0)
    results = [make(windows, rng) for windows in PARTS]
    for index in (2, 0, 1):
        assert not parts_at(tmp_path).is_done(index)
        parts_at(tmp_path).write(index, results[index])
        assert parts_at(tmp_path).is_done(index)
    assert_same(list(parts_at(tmp_path).read()), [r for part in results for r in part])


def test_missing_parts_are_told(tmp_path):
    parts = parts_at(tmp_path)
    parts.write(1, scores_of(PARTS[1], np.random.default_rng(0)))
    with pytest.raises(StageError, match=r'2 of 3 parts of out\.json are missing \(numbers 0, 2\)'):
        list(parts.read())


@given(st.integers(0, 10**6), st.integers(1, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_damaged_part_is_none(tmp_path, position, flipped):
    results = scores_of(PARTS[0], np.random.default_rng(0))
    parts_at(tmp_path).write(0, results)
    path = tmp_path / '.out.partial' / 'k' / '00000.part'
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= flipped
    path.write_bytes(content)
    assert not parts_at(tmp_path).is_done(0)
    path.write_bytes(content[: len(content) // 2])
    assert not parts_at(tmp_path).is_done(0)
    path.write_bytes(bytes(len(content)))
    assert not parts_at(tmp_path).is_done(0)


def test_parts_of_another_prediction_are_removed(tmp_path):
    parts_at(tmp_path, 'old').write(0, scores_of(PARTS[0], np.random.default_rng(0)))
    parts = parts_at(tmp_path, 'new')
    assert not parts.is_done(0)
    assert list(tmp_path.rglob('*.part')) == []
    parts.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_backend_must_give_a_result_for_every_window(tmp_path):
    with pytest.raises(ValueError, match='gave 4 results for 5 windows'):
        parts_at(tmp_path).write(0, scores_of(PARTS[0][:4], np.random.default_rng(0)))
