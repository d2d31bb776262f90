import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.prediction import ScenePlan, prediction_windows
from rastervision.core.prediction.scene_plan import Windows


@st.composite
def plans(draw):
    """A plan and what it was made from; often with several columns."""
    extent = Box(0, 0, draw(st.integers(1, 3000)), draw(st.integers(1, 3000)))
    chip = draw(st.integers(60, 700))
    crop = draw(st.integers(0, chip // 5))
    stride = draw(st.integers(40, max(40, chip - 2 * crop)))
    stride = min(stride, chip - 2 * crop)
    options = {'chip_sz': chip, 'stride': stride, 'crop_sz': crop}
    options |= {
        'batch_sz': draw(st.integers(1, 9)),
        'num_values': draw(st.integers(1, 7)),
        'block_size': draw(st.sampled_from([16, 96, 256, 512, 1024])),
        'budget': draw(st.sampled_from([1, 3_000_000, 10_000_000, 2**28])),
    }
    return ScenePlan(extent, **options), extent, options


def all_windows(extent, options):
    return prediction_windows(extent, options['chip_sz'], options['stride'], options['crop_sz'])


@given(plans())
@settings(deadline=None, max_examples=60)
def test_parts_tile_the_extent(plan):
    plan, extent, options = plan
    seen = np.zeros(extent.size, np.uint8)
    for index, part in enumerate(plan.parts):
        assert part.index == index
        seen[part.box.to_slices()] += 1
        assert part.box.intersection(extent) == part.box
        for side, end in zip(part.box, (*extent.size, *extent.size), strict=True):
            assert side % (2 * options['block_size']) == 0 or side == end
    assert (seen == 1).all()
    boxes = [(part.column, part.box.xmin, part.box.ymin) for part in plan.parts]
    assert boxes == sorted(boxes)


@given(plans(), st.data())
@settings(deadline=None, max_examples=60)
def test_a_run_sees_every_window_of_its_pixels_in_the_batches_of_the_column(plan, data):
    plan, extent, options = plan
    batch = options['batch_sz']
    everything = list(all_windows(extent, options))
    chosen = data.draw(st.sets(st.sampled_from(plan.parts)))
    runs = plan.runs(chosen)
    assert [part for run in runs for part in run.parts] == sorted(chosen, key=lambda p: p.index)
    for run in runs:
        assert run.box.area == sum(part.box.area for part in run.parts)
        windows = list(run.windows)
        touching = [w for w in everything if w.intersects(run.box)]
        assert [w for w in windows if w.intersects(run.box)] == touching
        column = Box(-9999, run.box.xmin, 9999, run.box.xmax)
        sequence = [w for w in everything if w.intersects(column)]
        start = sequence.index(windows[0])
        assert start % batch == 0
        assert windows == sequence[start : start + len(windows)]
        assert len(windows) % batch == 0 or windows[-1] == sequence[-1]
        # no batch without need
        assert any(w in touching for w in windows[:batch])
        last = (len(windows) - 1) // batch * batch
        assert any(w in touching for w in windows[last:])


@given(plans())
@settings(deadline=None, max_examples=60)
def test_what_remains_of_windows_covers_every_pixel(plan):
    plan, extent, options = plan
    for run in plan.runs(plan.parts):
        seen = np.zeros(extent.size, bool)
        for window in run.windows:
            core = window.erode(options['crop_sz']).intersection(extent)
            seen[core.to_slices()] = True
        assert seen[run.box.to_slices()].all()


def test_runs_are_as_long_as_can_be():
    plan = ScenePlan(Box(0, 0, 5000, 3000), 256, 256, 0, 8, 3, 512, budget=1)
    assert {part.box.width for part in plan.parts} == {1024, 3000 - 2048}
    column = [part for part in plan.parts if part.column == 1]
    assert len(column) == 5
    some = [*column[3:], *column[:2], plan.parts[4]]
    runs = plan.runs(some)
    assert [[part.index for part in run.parts] for run in runs] == [[4], [5, 6], [8, 9]]
    assert runs[1].box == Box(0, 1024, 2048, 2048)
    assert plan.runs([]) == []


def test_a_scene_gets_columns_only_when_its_rows_of_windows_are_over_the_budget():
    def columns(width, budget):
        plan = ScenePlan(Box(0, 0, 100, width), 256, 128, 0, 8, 7, 512, budget)
        return [part.box.width for part in plan.parts]

    unit = 1024 * (256 + 128) * 7 * 4
    assert columns(10 * 1024, 10 * unit) == [10 * 1024]
    assert columns(10 * 1024, 10 * unit - 1) == [5 * 1024] * 2
    assert columns(10 * 1024 + 1, 4 * unit) == [3 * 1024, 4 * 1024, 3 * 1024 + 1]
    big = ScenePlan(Box(0, 0, 50_000, 50_000), 256, 128, 0, 8, 7, 512)
    assert len({part.column for part in big.parts}) == 3


@pytest.mark.parametrize(
    ('block_size', 'height'), [(16, 1024), (512, 1024), (300, 1200), (1024, 2048)]
)
def test_parts_have_at_least_1024_rows(block_size, height):
    plan = ScenePlan(Box(0, 0, 3000, 100), 64, 64, 0, 8, 3, block_size)
    assert plan.parts[0].box.height == height


def test_windows_are_those_of_release_0_31():
    """Read off its predictions for chip_sz=100, stride=50, crop_sz=10."""
    windows = prediction_windows(Box(0, 0, 406, 438), 100, 50, 10)
    assert sorted({w.ymin for w in windows}) == list(range(-32, 319, 50))
    assert sorted({w.xmin for w in windows}) == list(range(-41, 360, 50))


def test_windows_lie_in_the_frame_of_the_extent():
    windows = prediction_windows(Box(10, 20, 110, 120), 60, 40)
    assert list(windows) == Box(10, 20, 110, 120).get_windows(60, 40)


def test_windows_are_a_sequence():
    windows = Windows(range(0, 9, 3), range(5, 25, 10), 4)
    boxes = [Box(y, x, y + 4, x + 4) for y in (0, 3, 6) for x in (5, 15)]
    assert list(windows) == boxes
    assert list(windows[1:5][1:]) == boxes[2:5]
    assert windows[-1] == boxes[-1]
    assert boxes[3] in windows
    assert len(windows[4:100]) == 2
    with pytest.raises(IndexError):
        windows[6]
