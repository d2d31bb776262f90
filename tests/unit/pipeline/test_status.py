"""The state of a run is what its records, its plan and its lock say, also while it is at work."""

import json
import socket
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from rastervision.pipeline import cli_status
from rastervision.pipeline.cli_status import status as status_command
from rastervision.pipeline.errors import DataError, NotReadableError
from rastervision.pipeline.experiments import experiment_roots
from rastervision.pipeline.process import this_process
from rastervision.pipeline.run_lock import RunLock
from rastervision.pipeline.running import run_pipelines
from rastervision.pipeline.state import INTERRUPTED, Record, now
from rastervision.pipeline.status import LOST, run_status

HERE = socket.gethostname()
DEAD = 2**22 + 1  # more than there are numbers for processes


def run(*kitchens, **kwargs):
    by_uri = {f'{k.config.root_uri}/pipeline-config.json': k for k in kitchens}
    run_pipelines(by_uri, kwargs.pop('commands', ()), 'cook', **kwargs)


def statuses(root, is_running=None):
    found = run_status(str(root), lambda runner, jobs: is_running)
    return {command.command: command.status for command in found.commands}


def invoke(*args):
    result = CliRunner().invoke(status_command, [str(arg) for arg in args])
    return result.exit_code, result.output


@pytest.fixture
def records(tmp_path):
    """Write a plan and records as some run leaves them, and return the root."""

    def write(*found, steps=(), run='r', lock=None):
        folder = tmp_path / 'root/state'
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'root/pipeline-config.json').write_text('{}')
        (folder / 'plan.json').write_text(json.dumps({'run': run, 'steps': steps}))
        for i, record in enumerate(found):
            fields = {'run': run, 'started': now(), 'process': {'host': 'far'}, **record}
            (folder / f'{i}.json').write_text(json.dumps(asdict(Record(**fields))))
        if lock is not None:
            (folder / 'lock.json').write_text(json.dumps({'run': run, **lock}))
        return tmp_path / 'root'

    return write


def step(number, command, jobs=1, **fields):
    whole = {'step': number, 'command': command, 'jobs': jobs, 'status': 'runs'}
    return {**whole, 'gather': False, 'after': [], **fields}


def test_while_a_run_is_at_work_and_after_it(kitchen, cook):
    pipeline, seen = kitchen(), {}

    def look(job):
        seen[job.label] = run_status(pipeline.config.root_uri, lambda *_: None)

    cook.during = staticmethod(look)
    run(pipeline, num_splits=2)
    first = seen['mix']
    assert first.is_running
    assert {(c.status, c.jobs) for c in first.commands if c.command != 'bake'} == {('waits', 1)}
    bake = {c.command: c for c in seen['join'].commands}['bake']
    assert (bake.status, bake.done, bake.jobs) == ('runs', 2, 3)
    last = run_status(pipeline.config.root_uri, lambda *_: None)
    assert (last.is_running, last.holder) == (False, None)
    assert [(c.command, c.status, c.done, c.jobs) for c in last.commands] == [
        ('mix', 'done', 1, 1),
        ('bake', 'done', 3, 3),
        ('fry', 'done', 1, 1),
        ('serve', 'done', 1, 1),
    ]
    assert all(c.hosts == (HERE,) and c.ended is not None for c in last.commands)


def test_a_failure_and_what_it_left_out(kitchen, cook):
    pipeline = kitchen()
    pipeline.failing = {'fry'}
    with pytest.raises(DataError):
        run(pipeline)
    assert list(statuses(pipeline.config.root_uri).values()) == [
        'done',
        'done',
        'failed',
        'left out',
    ]
    code, text = invoke(pipeline.config.root_uri)
    assert code == 1
    assert 'fry failed: the oven is cold' in text


def test_what_was_up_to_date_shows_the_run_that_did_it(kitchen, cook):
    pipeline = kitchen()
    run(pipeline, num_splits=2)
    run(pipeline, commands=['serve'], rerun=True)
    found = run_status(pipeline.config.root_uri, lambda *_: None)
    assert {(c.command, c.status, c.done, c.jobs) for c in found.commands} == {
        ('mix', 'done', 1, 1),
        ('bake', 'done', 3, 3),
        ('fry', 'done', 1, 1),
        ('serve', 'done', 1, 1),
    }


def test_a_command_that_another_pipeline_carries_out(kitchen, cook, tmp_path):
    shared = {'mix_uri': f'{tmp_path}/shared/mix'}
    run(kitchen('a', **shared), kitchen('b', **shared))
    assert [statuses(tmp_path / root)['mix'] for root in 'ab'] == ['done', 'shared']
    run(kitchen('b', **shared))
    assert statuses(tmp_path / 'b')['mix'] == 'done'


@pytest.mark.parametrize('named', [{'pid': DEAD}, {'started': '1'}], ids=['number', 'start'])
def test_a_record_is_not_believed_when_its_process_is_gone(records, named):
    mine = {'command': 'a', 'process': this_process()}
    gone = {'command': 'b', 'process': {**this_process(), **named}, 'log': 'b.log'}
    root = records(mine, gone)
    found = {c.command: c for c in run_status(str(root), lambda *_: None).commands}
    assert (found['a'].status, found['b'].status, found['b'].reason) == ('runs', 'stopped', LOST)
    assert found['b'].logs == ('b.log',)


@pytest.mark.parametrize(('run', 'reason'), [('r', 'out of memory'), ('older', LOST)])
def test_an_engine_is_asked_about_the_jobs_of_the_run_that_it_has_at_work(records, run, reason):
    """That of an older run may be another engine."""
    gone = {'command': 'a', 'process': {**this_process(), 'pid': DEAD}, 'output': 'o', 'run': run}
    root = records(gone, lock={'host': 'far', 'runner': 'slurm'})
    found = run_status(str(root), lambda *_: None, lambda runner, output: 'out of memory')
    assert [command.reason for command in found.commands] == [reason]


@pytest.mark.parametrize(
    ('lock', 'engine', 'job', 'waiting'),
    [
        (None, None, 'stopped', 'left out'),
        ({'run': 'other', 'host': 'far'}, None, 'stopped', 'left out'),
        ({'host': 'far'}, None, 'runs', 'waits'),
        ({'host': 'far', 'engine_jobs': ['7']}, True, 'runs', 'waits'),
        ({'host': 'far', 'engine_jobs': ['7']}, False, 'stopped', 'left out'),
        ({'host': 'far', 'engine_jobs': ['7']}, None, 'runs', 'waits'),
    ],
)
def test_jobs_on_other_machines_live_as_long_as_their_run(records, lock, engine, job, waiting):
    steps = [step(1, 'a'), step(2, 'b', after=[1])]
    root = records({'command': 'a'}, steps=steps, lock=lock)
    assert statuses(root, engine) == {'a': job, 'b': waiting}


def test_the_time_of_a_job_that_was_killed_does_not_go_on(records):
    started = '2026-01-02T03:04:05+00:00'
    root = records({'command': 'a', 'started': started, 'process': {**this_process(), 'pid': DEAD}})
    assert invoke(root)[1].splitlines()[2].split()[:2] == ['a', 'stopped']
    assert invoke(root)[1].splitlines()[2].split()[-2:] == ['-', HERE]


@pytest.mark.parametrize('damage', [{'pid': 'x'}, {'engine_jobs': 7}, {'run': ['r']}], ids=str)
def test_a_damaged_lock_is_held_by_nobody(records, damage):
    lock = {**this_process(), **damage}
    assert statuses(records({'command': 'a'}, lock=lock)) == {'a': 'stopped'}


def test_a_run_that_was_killed_between_two_jobs(records):
    done = {'command': 'a', 'split': 0, 'num_splits': 3, 'status': 'done', 'ended': now()}
    steps = [step(1, 'a', 3), step(2, 'join', gather=True, after=[1])]
    found = run_status(str(records(done, steps=steps)), lambda *_: None).commands[0]
    assert (found.status, found.done, found.jobs) == ('stopped', 1, 4)
    assert found.reason == INTERRUPTED


def test_splits_of_an_older_run_are_not_counted(records):
    old = [{'command': 'a', 'split': i, 'num_splits': 2, 'run': 'old'} for i in range(2)]
    new = [{'command': 'a', 'split': i, 'num_splits': 3, 'status': 'done'} for i in range(3)]
    root = records(*old, *new, steps=[step(1, 'a', 3)])
    assert statuses(root) == {'a': 'done'}


@pytest.mark.parametrize('hours', [-5, 0, 5])
def test_clocks_of_machines_do_not_decide_how_a_run_stands(records, hours):
    """An older run failed on a machine with another clock; then one went well, and was the last."""
    old_time = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
    old = {'split': 1, 'num_splits': 3, 'run': 'old', 'status': 'failed', 'started': old_time}
    new = {'num_splits': 2, 'status': 'done'}
    found = [
        {'command': name, **fields}
        for name, run in (('a', 'r'), ('b', 'before'))
        for fields in (old, *({**new, 'run': run, 'split': i} for i in (0, 1, None)))
    ]
    steps = [step(1, 'a', 2), step(2, 'join', gather=True, after=[1])]
    root = records(*found, steps=[*steps, step(3, 'b', 0, status='up to date')])
    commands = run_status(str(root), lambda *_: None).commands
    assert [(c.command, c.status, c.done) for c in commands] == [('a', 'done', 3), ('b', 'done', 3)]


def test_an_interrupted_command_was_stopped(records):
    root = records({'command': 'a', 'status': 'failed', 'reason': INTERRUPTED})
    assert statuses(root) == {'a': 'stopped'}


def test_the_command_shows_who_runs_and_for_how_long(records, tmp_path):
    started = {'started': '2026-01-02T03:04:05+00:00', 'status': 'done'}
    root = records(
        {'command': 'a', **started, 'ended': '2026-01-02T04:05:06+00:00'},
        {'command': 'b', **started, 'ended': '2026-01-02T03:04:00+00:00'},
        {'command': 'c', 'log': 'c.log'},
        lock={'host': 'far', 'pid': 5, 'runner': 'slurm', 'since': '2026-01-02T03:04:05+00:00'},
    )
    code, text = invoke(root)
    lines = [line.split() for line in text.splitlines()]
    assert code == 0
    assert 'the run with slurm since 2026-01-02 03:04:05 (process 5 on far) goes on, or' in text
    assert lines[2] == ['a', 'done', '1/1', '2026-01-02', '03:04:05', '1:01:01', 'far']
    assert lines[3][-2:] == ['0:00', 'far']
    assert lines[5:] == [['c', 'runs'], ['log:', 'c.log']]
    code, text = invoke(tmp_path, '--format', 'json')
    (found,) = json.loads(text)
    assert (code, found['root_uri']) == (0, str(root))
    assert [c['status'] for c in found['commands']] == ['done', 'done', 'runs']


def test_a_lock_of_this_machine_is_known_to_live_or_not(records):
    root = records({'command': 'a'})
    with RunLock('local', tuple, lambda *_: False) as lock:
        lock.take([str(root)])
        found = run_status(str(root), lambda *_: None)
        assert (found.is_running, found.holder['run']) == (True, lock.run)
        records({'command': 'a'}, run=lock.run)
        text = invoke(root)[1]
        assert 'the run with local since' in text and 'goes on\n' in text  # noqa: PT018 (one line)


def test_a_run_that_is_being_prepared(records, tmp_path):
    new, old = tmp_path / 'new', records({'command': 'a', 'status': 'done'})
    with RunLock('local', tuple, lambda *_: False) as lock:
        lock.take([str(new), str(old)])
        code, text = invoke(new)
        assert (code, text.count('\n')) == (0, 1)
        assert text.startswith(f'{new}: the run with local since ')
        assert text.endswith(') is being prepared\n')
        assert ' is being prepared; of the run before:\ncommand' in invoke(old)[1]
        code, text = invoke(tmp_path, '--format', 'json')
        found = [(run['is_prepared'], len(run['commands'])) for run in json.loads(text)]
        assert (code, found) == (0, [(True, 0), (True, 1)])
        with pytest.raises(NotReadableError, match=r'new has no pipeline-config\.json'):
            experiment_roots([str(new)])
    assert not run_status(str(old), lambda *_: None).is_prepared


@pytest.mark.parametrize(
    ('jobs', 'status', 'told', 'code'),
    [
        (['7', '8'], 'done', '(jobs 7, 8) has ended: all is done\n', 0),
        (['7', '8'], 'failed', '(jobs 7, 8) has ended: a failed, b left out\n', 1),
        ([], 'running', ') was killed\n', 1),
    ],
)
def test_a_run_of_an_engine_ends_without_the_process_that_submitted_it(
    records, monkeypatch, jobs, status, told, code
):
    monkeypatch.setattr(cli_status, 'is_running', lambda *_: False)
    steps = [step(1, 'a'), *([step(2, 'b', after=[1])] if code else [])]
    gone = {**this_process(), 'pid': DEAD}
    lock = {**gone, 'runner': 'slurm', 'engine_jobs': jobs}
    root = records({'command': 'a', 'status': status, 'process': gone}, steps=steps, lock=lock)
    exit_code, text = invoke(root)
    assert exit_code == code
    assert told in text


def test_roots_are_found_in_a_folder_of_experiments(tmp_path):
    for name in ('b', 'a', 'a/deeper'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'pipeline-config.json').write_text('{}')
    (tmp_path / 'c').mkdir()
    a, b = str(tmp_path / 'a'), str(tmp_path / 'b')
    assert experiment_roots([str(tmp_path), b]) == [a, b]
    assert experiment_roots([b, a]) == [b, a]
    for none in ('c', 'missing'):
        with pytest.raises(NotReadableError, match=f'{none} has no pipeline-config.json'):
            experiment_roots([str(tmp_path / none)])
