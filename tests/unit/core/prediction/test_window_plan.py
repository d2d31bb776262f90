"""Parts of windows: whoever takes which, every window is seen once, in the same batch."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rastervision.core.box import Box
from rastervision.core.prediction import WindowPlan, prediction_windows, window_plan

sizes = st.integers(1, 700)


def batches(windows, size):
    return [tuple(windows[i : i + size]) for i in range(0, len(windows), size)]


@settings(deadline=None)
@given(sizes, sizes, st.integers(5, 60), st.integers(3, 60), st.integers(1, 100))
def test_parts_are_all_windows_in_order(height, width, chip_sz, stride, batch_sz):
    extent = Box(0, 0, height, width)
    plan = WindowPlan(extent, chip_sz, stride, batch_sz)
    seen = [window for part in plan.parts for window in part.windows]
    assert seen == list(prediction_windows(extent, chip_sz, stride))
    assert [part.index for part in plan.parts] == list(range(len(plan.parts)))
    assert all(len(part.windows) % batch_sz == 0 for part in plan.parts[:-1])
    assert len(plan.parts) <= window_plan.MAX_PARTS


@given(sizes, sizes, st.integers(5, 60), st.integers(1, 100), st.data())
def test_windows_are_in_the_same_batch_in_whatever_run(height, width, chip_sz, batch_sz, data):
    plan = WindowPlan(Box(0, 0, height, width), chip_sz, chip_sz, batch_sz)
    all_batches = set(batches(list(plan.windows), batch_sz))
    chosen = data.draw(st.sets(st.sampled_from(plan.parts)))
    runs = plan.runs(chosen)
    assert [part for run in runs for part in run.parts] == sorted(chosen, key=lambda p: p.index)
    for run in runs:
        assert list(run.windows) == [w for part in run.parts for w in part.windows]
        assert set(batches(list(run.windows), batch_sz)) <= all_batches


def test_large_scenes_have_larger_parts_instead_of_more():
    plan = WindowPlan(Box(0, 0, 100_000, 100_000), 100, 100, 8)
    assert len(plan.windows) == 1_000_000
    assert len(plan.parts) == window_plan.MAX_PARTS
    assert sum(part.work for part in plan.parts) == 100_000**2
