"""Waiting for jobs: what is told of them, how it ends, and that nothing goes on afterwards."""

from collections import defaultdict

import pytest

from rastervision.aws_batch import AWSBatchRunner, following
from rastervision.aws_batch.client import DeniedError
from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.pipeline.plan import plan
from rastervision.pipeline.runner import patience

URI = 's3://bucket/root/pipeline-config.json'
LOG = 'Running first command...\nError: no pixels\n'


class FakeBatch:
    """Jobs that go through states, one at each look; the last one stays.

    Args:
        states: Name of a command -> its states, or what is told of it besides. What is not named
            succeeds when what it waits for has, and fails if that has.
        children: Name of a command -> what is told of the jobs of its array that have failed.
    """

    region = 'here'
    page = 'the console'

    def __init__(self, states, children=None):
        self.states = {name: list(steps) for name, steps in states.items()}
        self.children = children or {}
        self.parents = {}
        self.last = defaultdict(lambda: 'SUBMITTED')
        self.terminated = []
        self.looks = 0

    def submit(self, **request):
        name = request['jobName'].removeprefix('raster-vision-')
        self.parents[name] = [parent['jobId'] for parent in request.get('dependsOn', ())]
        return name

    def details(self, job_ids):
        self.looks += 1
        return [detail for name in job_ids if (detail := self.detail(name))]

    def detail(self, name):
        steps = self.states.get(name)
        if steps:
            state = steps.pop(0) if len(steps) > 1 else steps[0]
        else:
            ended = {self.last[parent] for parent in self.parents[name]}
            state = 'FAILED' if 'FAILED' in ended else 'PENDING'
            state = 'SUCCEEDED' if ended <= {'SUCCEEDED'} else state
        if isinstance(state, BaseException):
            raise state
        if state is None:
            return None
        detail = {'jobId': name, **(state if isinstance(state, dict) else {'status': state})}
        self.last[name] = detail['status']
        return detail

    def failed_children(self, name):
        return [
            {'jobId': f'{name}:{index}', 'status': 'FAILED', **failure}
            for index, failure in self.children[name].items()
        ]

    def terminate(self, job_id, reason):
        self.terminated.append(job_id)


@pytest.fixture
def run(no_aws, pipeline, monkeypatch):
    """Run the pipeline in four splits on a fake; returns the runner."""
    monkeypatch.setattr('rastervision.aws_batch.remote_files.upload_or_copy', lambda *_: None)
    monkeypatch.setattr(following, 'SHORTEST', 0.0)
    monkeypatch.setattr(following, 'file_to_str', lambda uri: LOG)

    def start(batch):
        runner = AWSBatchRunner()
        runner.wait = True
        runner._batch = batch
        start.runner = runner
        runner.run_jobs(plan({URI: pipeline}, (), 4), {URI: pipeline}, 4)
        return runner

    return start


def array(**counts):
    return {'status': 'PENDING', 'arrayProperties': {'size': 4, 'statusSummary': counts}}


def test_all_goes_well(run, capsys):
    batch = FakeBatch(
        {
            'first': ['RUNNABLE', 'RUNNABLE', 'STARTING', 'RUNNING', 'SUCCEEDED'],
            'many': [*['PENDING'] * 5, array(RUNNING=3, SUCCEEDED=1, FAILED=0), 'SUCCEEDED'],
        }
    )
    assert run(batch).engine_jobs() == []
    lines = [line for line in capsys.readouterr().out.splitlines() if '(' in line]
    assert lines == [
        'first (first): waiting for a machine',
        'first (first): starting',
        'first (first): running',
        'first (first): done',
        'many (many): 3 running, 1 done',
        'many (many): done',
        'gather (gather): done',
        'last (last): done',
    ]
    assert batch.terminated == []


def test_a_job_that_says_why_it_failed(run):
    failed = {'status': 'FAILED', 'statusReason': 'Essential container in task exited'}
    batch = FakeBatch({'first': ['RUNNING', {**failed, 'container': {'exitCode': 1}}]})
    with pytest.raises(StageError) as caught:
        run(batch)
    assert str(caught.value).splitlines() == [
        'first failed: exit code 1',
        'Its log is s3://bucket/root/logs/first.log and ends with',
        '    Running first command...',
        '    Error: no pixels',
        'Not run because of it: many 1/4, many 2/4, many 3/4, many 4/4, gather, last',
    ]
    assert (batch.terminated, run.runner.engine_jobs()) == ([], [])


def test_a_job_that_is_killed_may_have_an_old_log(run):
    container = {
        'exitCode': 137,
        'reason': 'OutOfMemoryError: Container killed due to memory usage',
        'logStreamName': 'def/default/1',
    }
    batch = FakeBatch({'first': [{'status': 'FAILED', 'container': container}]})
    with pytest.raises(StageError) as caught:
        run(batch)
    assert str(caught.value).splitlines()[:2] == [
        'first failed: exit code 137 (OutOfMemoryError: Container killed due to memory usage)',
        'Its log is the stream def/default/1 of CloudWatch',
    ]


def test_jobs_of_an_array_that_fail(run):
    children = {
        1: {'container': {'exitCode': 1}},
        3: {'statusReason': 'Host EC2 (instance i-1) terminated.'},
    }
    failed = {'status': 'FAILED', 'arrayProperties': {'size': 4}}
    with pytest.raises(StageError) as caught:
        run(FakeBatch({'many': ['PENDING', failed]}, {'many': children}))
    lines = str(caught.value).splitlines()
    assert [line for line in lines if not line.startswith(' ')] == [
        'many 2/4 failed: exit code 1',
        'Its log is s3://bucket/root/logs/many-2-of-4.log and ends with',
        'Not run because of it: gather, last',
        'many 4/4 failed: Host EC2 (instance i-1) terminated.',
    ]


def test_an_array_of_which_nothing_starts(run):
    failed = {'status': 'FAILED', 'statusReason': 'no', 'arrayProperties': {'size': 4}}
    with pytest.raises(StageError) as caught:
        run(FakeBatch({'many': [failed]}, {'many': {}}))
    assert str(caught.value).splitlines() == [
        'many 1/4 failed: no',
        'Not run because of it: gather, last',
        *(f'many {i}/4 failed: no' for i in (2, 3, 4)),
    ]


def test_a_job_that_is_forgotten_may_go_on(run, monkeypatch):
    """So may those that wait for it: the lock of the run is kept while AWS Batch has them."""
    monkeypatch.setattr(patience, 'PATIENCE', 0.2)
    with pytest.raises(StageError, match='first failed: AWS Batch no longer knows it'):
        run(FakeBatch({'first': ['RUNNING', None]}))
    assert run.runner.engine_jobs() == [f'here/{n}' for n in ('first', 'many', 'gather', 'last')]


def test_a_job_that_is_missing_from_an_answer(run):
    assert run(FakeBatch({'first': [None, 'RUNNING', None, 'SUCCEEDED']})).engine_jobs() == []


def test_a_job_that_no_machine_suits(run, capsys):
    waits = {'status': 'RUNNABLE', 'statusReason': 'MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT'}
    run(FakeBatch({'first': [waits, 'SUCCEEDED']}))
    text = 'first (first): waiting for a machine: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT\n'
    assert text in capsys.readouterr().out


def test_a_network_that_is_away_for_a_while(run, caplog):
    away = StageError('Cannot describe jobs (AWS Batch): no route')
    batch = FakeBatch({'first': ['RUNNING', away, away, 'SUCCEEDED']})
    run(batch)
    assert [r.message for r in caplog.records] == [f'{away}. Trying again until it answers.']


@pytest.mark.parametrize('error', [ConfigError('renew them'), DeniedError('no')])
def test_who_may_no_longer_look_loses_nothing(run, error):
    batch = FakeBatch({'first': ['RUNNING', error]})
    with pytest.raises(type(error)) as caught:
        run(batch)
    assert caught.value.__notes__ == ['The jobs go on; see the console']
    assert (batch.terminated, len(run.runner.engine_jobs())) == ([], 4)


@pytest.mark.parametrize('stop', [KeyboardInterrupt(), SystemExit(143)])
def test_ctrl_c_ends_what_was_submitted(run, stop):
    batch = FakeBatch({'first': ['RUNNING', stop]})
    with pytest.raises(type(stop)):
        run(batch)
    assert batch.terminated == ['last', 'gather', 'many', 'first']
    assert len(run.runner.engine_jobs()) == 4  # until AWS Batch says that they have ended


def test_jobs_that_cannot_be_ended_do_not_keep_others(run, monkeypatch, caplog):
    batch = FakeBatch({'first': [KeyboardInterrupt()]})

    def refuse(job_id, reason):
        batch.terminated.append(job_id)
        raise StageError(f'{job_id} goes on')

    batch.terminate = refuse
    with pytest.raises(KeyboardInterrupt):
        run(batch)
    assert len(batch.terminated) == len(caplog.records) == 4
