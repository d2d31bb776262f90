"""Following jobs by what squeue says of them and by the files that they leave."""

import logging
from types import SimpleNamespace

import pytest

from rastervision.pipeline.errors import StageError
from rastervision.pipeline.plan import plan
from rastervision.pipeline.runner import patience
from rastervision.runners import slurm_follow
from rastervision.runners.slurm_client import TaskState
from rastervision.runners.slurm_follow import Task, follow

PIPELINE = SimpleNamespace(
    commands=['one', 'many', 'last'],
    split_commands=['many'],
    gpu_commands=[],
    gather_commands={},
)


class Cluster:
    """Jobs whose states are those of a script: for each look, id -> state."""

    def __init__(self, folder, looks):
        jobs = plan({f'{folder}/pipeline-config.json': PIPELINE}, num_splits=2)
        self.tasks = {
            job: Task(name, folder / f'{name}.out')
            for job, name in zip(jobs, ['1', '2_0', '2_1', '3'], strict=True)
        }
        self.looks = iter(looks)
        self.clock = 0.0

    def states(self, ids):
        assert ids == ['1', '2', '3']
        look = next(self.looks)
        if isinstance(look, StageError):
            raise look
        return {name: TaskState(*state.split()) for name, state in look.items()}

    def sleep(self, seconds):
        self.clock += seconds

    def leave(self, name, output=None, code=None):
        if output is not None:
            self.tasks_by_id[name].output.write_text(output)
        if code is not None:
            self.tasks_by_id[name].output.with_suffix('.exit').write_text(code)

    @property
    def tasks_by_id(self):
        return {task.id: task for task in self.tasks.values()}


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Return a function that makes a `Cluster`."""

    def make(*looks):
        made = Cluster(tmp_path, looks)
        monkeypatch.setattr(slurm_follow, 'task_states', made.states)
        monkeypatch.setattr(slurm_follow.time, 'sleep', made.sleep)
        monkeypatch.setattr(slurm_follow.time, 'monotonic', lambda: made.clock)
        return made

    return make


DONE = dict.fromkeys(('1', '2_0', '2_1', '3'), 'COMPLETED None')


def test_starts_and_ends_are_shown_once(cluster, capsys):
    waits = {'1': 'RUNNING None', '2_0': 'PENDING Dependency', '2_1': 'PENDING Dependency'}
    made = cluster(waits, waits, DONE | {'2_1': 'COMPLETING None', '3': 'PENDING x'}, DONE)
    follow(made.tasks)
    assert capsys.readouterr().out.splitlines() == [
        'one (job 1) runs',
        'one (job 1) is done',
        'many 1/2 (job 2_0) is done',
        'many 2/2 (job 2_1) is done',
        'last (job 3) is done',
    ]


def test_a_failure_that_is_not_over_does_not_blame_what_it_cancels(cluster):
    end = DONE | {'2_0': 'FAILED NonZeroExitCode', '3': 'CANCELLED DependencyNeverSatisfied'}
    made = cluster(end | {'2_0': 'COMPLETING NonZeroExitCode'}, end)
    made.leave('2_0', '', '1')
    with pytest.raises(StageError) as caught:
        follow(made.tasks)
    assert 'cancelled' not in str(caught.value)


@pytest.mark.parametrize(
    ('state', 'output', 'code', 'reason'),
    [
        ('FAILED NonZeroExitCode', 'oh\nno', '1\n', 'exit code 1'),
        ('FAILED JobLaunchFailure', None, None, 'it did not start (JobLaunchFailure); can its'),
        ('FAILED RaisedSignal:9', 'oh\nno', None, 'SLURM says RaisedSignal:9'),
        ('TIMEOUT TimeLimit', 'oh\nno', '143', 'it reached its time limit; raise time in [slurm]'),
        ('OUT_OF_MEMORY OutOfMemory', 'oh\nno', '1', 'it took more memory than it asked for'),
        ('NODE_FAIL NodeDown', 'oh\nno', None, 'its node failed'),
        ('CANCELLED None', 'oh\nno', '143', 'it was cancelled'),
        (
            'FAILED NonZeroExitCode',
            'oh\nslurmstepd: error: Detected 1 oom-kill event(s) in StepId=7.batch.',
            '1',
            'it took more memory than it asked for; raise mem in [slurm]',
        ),
        (
            'CANCELLED None',
            'slurmstepd-n1: error: *** JOB 3 ON n1 CANCELLED AT 2026 DUE TO TIME LIMIT ***',
            '143',
            'it reached its time limit',
        ),
    ],
)
def test_a_failure_is_explained_and_stops_its_dependants_only(
    cluster, tmp_path, state, output, code, reason
):
    end = DONE | {'2_0': state, '3': 'CANCELLED DependencyNeverSatisfied'}
    made = cluster(end)
    made.leave('2_0', output, code)
    with pytest.raises(StageError) as caught:
        follow(made.tasks)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(f'many 1/2 failed: {reason}')
    assert lines[1].startswith(f'Its log is {tmp_path / "2_0.out"}')
    assert [line.strip() for line in lines[2:-1]] == (output or '').splitlines()
    assert lines[-1] == 'Not run because of it: last'


def test_a_job_that_slurm_has_forgotten_is_known_by_its_exit_code(cluster):
    made = cluster({}, {})
    for name in ('1', '2_0', '2_1', '3'):
        made.leave(name, '', '0')
    follow(made.tasks)
    made = cluster({})
    made.leave('2_1', '', '3')
    with pytest.raises(StageError, match=r'many 2/2 failed: exit code 3'):
        follow(made.tasks)


def test_an_exit_code_that_nobody_sees_is_waited_for(cluster):
    made = cluster({}, *[{}] * 40)
    made.leave('1', '', '0')
    made.leave('2_0', '', '')  # being written
    made.leave('2_1', '', '0')
    with pytest.raises(StageError, match=r'many 1/2 failed: SLURM no longer knows it'):
        follow(made.tasks)
    assert patience.PATIENCE <= made.clock <= patience.PATIENCE + 30


def test_a_controller_may_be_away_for_a_while(cluster, caplog):
    made = cluster(StageError('squeue fails: gone.'), StageError('squeue fails: gone.'), DONE)
    with caplog.at_level(logging.WARNING):
        follow(made.tasks)
    assert [record.message for record in caplog.records] == [
        'squeue fails: gone. Trying again until it answers.'
    ]
