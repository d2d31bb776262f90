"""Plans grouped for job arrays."""

from typing import ClassVar

from hypothesis import given
from hypothesis import strategies as st

from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.plan import plan
from rastervision.pipeline.runner.stages import stages


class Piped(Pipeline):
    commands: ClassVar = ['one', 'two', 'three', 'four']
    split_commands: ClassVar = ['two', 'four']
    gpu_commands: ClassVar = ['three']
    gather_commands: ClassVar = {'two': 'join'}


@given(st.integers(1, 5), st.integers(1, 3), st.sets(st.sampled_from(Piped.commands)))
def test_stages_hold_all_jobs_and_wait_for_earlier_ones(num_splits, count, commands):
    jobs = plan({f'{i}.json': Piped(None, '') for i in range(count)}, sorted(commands), num_splits)
    grouped = stages(jobs)
    assert sorted(job.id for stage in grouped for job in stage.jobs) == sorted(j.id for j in jobs)
    for place, stage in enumerate(grouped):
        assert all(earlier < place for earlier in stage.after)
        waits_for = {job.id for earlier in stage.after for job in grouped[earlier].jobs}
        assert all(job.after == waits_for for job in stage.jobs)
        assert len({(job.pipeline, job.command) for job in stage.jobs}) == 1
        assert stage.is_array == (len(stage.jobs) > 1)
