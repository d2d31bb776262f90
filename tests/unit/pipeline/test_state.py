"""Records of jobs: who did what, and how it ended."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from waiting import started

from rastervision.pipeline import state
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.file_system import json_to_file
from rastervision.pipeline.fingerprint import CommandFacts, Stamps
from rastervision.pipeline.process import lives_here, process_start, this_process
from rastervision.pipeline.standing import standings
from rastervision.pipeline.state import INTERRUPTED, Record, read_record, record_uri, recorded


def record_of(pipeline, command, split=None, num_splits=1):
    return read_record(record_uri(pipeline.config.root_uri, command, split, num_splits))


def test_a_job_that_went_well(kitchen):
    pipeline = kitchen()
    with recorded(pipeline, 'mix', 0, 1, log='logs/mix.log'):
        during = record_of(pipeline, 'mix')
        pipeline.mix()
    after = record_of(pipeline, 'mix')
    assert (during.status, during.ended, during.outputs) == ('running', None, {})
    assert (after.status, after.reason, after.attempt, after.run) == ('done', None, 1, None)
    assert lives_here(after.process)
    assert after.process['pid'] == os.getpid()
    assert after.started <= after.ended
    assert after.started.endswith('+00:00')
    assert after.log == 'logs/mix.log'
    assert list(after.outputs) == [str(pipeline.output('mix'))]
    assert after.fingerprint == during.fingerprint is not None


@pytest.mark.parametrize(
    ('error', 'status', 'reason'),
    [
        (DataError('no eggs'), 'failed', 'no eggs'),
        (ValueError('of what'), 'failed', 'ValueError: of what'),
        (ValueError('http://h/a?sig=x'), 'failed', 'ValueError: http://h/a?...'),
        (KeyboardInterrupt(), 'failed', 'it was interrupted'),
        (SystemExit(3), 'failed', 'it was interrupted'),
        (SystemExit(0), 'done', None),
    ],
)
def test_a_job_that_ends_early(kitchen, error, status, reason):
    pipeline = kitchen()
    for attempt in (1, 2):
        with pytest.raises(type(error)), recorded(pipeline, 'mix', 0, 1):
            raise error
        record = record_of(pipeline, 'mix')
        assert (record.status, record.reason) == (status, reason)
        assert record.attempt == (attempt if status == 'failed' else 1)


def test_attempts_are_counted_anew_when_something_has_changed(kitchen):
    pipeline = kitchen()
    with pytest.raises(DataError), recorded(pipeline, 'mix', 0, 1):
        raise DataError('no eggs')
    pipeline.config.recipes['mix'] = 'corn'
    with recorded(pipeline, 'mix', 0, 1):
        assert record_of(pipeline, 'mix').attempt == 1


def test_splits_and_their_gather_step(kitchen):
    pipeline = kitchen()
    pipeline.run('mix', 'bake', num_splits=2)
    folder = Path(pipeline.config.root_uri, 'state')
    names = {'mix.json', 'bake.json', 'bake-1-of-2.json', 'bake-2-of-2.json'}
    assert {path.name for path in folder.iterdir()} == names
    split, whole = record_of(pipeline, 'bake', 1, 2), record_of(pipeline, 'bake')
    assert (split.split, split.num_splits, split.outputs) == (1, 2, {})
    assert (whole.split, whole.num_splits) == (None, 2)
    assert whole.outputs.keys() == {str(pipeline.output('bake'))}
    assert whole.upstream.keys() == {str(pipeline.output('mix'))}


def test_outputs_that_a_command_has_not_written_are_not_missed(kitchen):
    pipeline = kitchen()
    with recorded(pipeline, 'mix', 0, 1):
        pass
    assert record_of(pipeline, 'mix').outputs == {}


def test_a_command_of_which_nothing_is_known_has_a_record(kitchen):
    pipeline = kitchen()
    pipeline.unknown = {'mix'}
    pipeline.run('mix')
    record = record_of(pipeline, 'mix')
    assert (record.status, record.fingerprint, record.parts) == ('done', None, {})


def test_a_pipeline_without_a_root_has_no_records(kitchen, tmp_path):
    pipeline = kitchen()
    pipeline.config.root_uri = None
    with recorded(pipeline, 'mix', 0, 1):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {'pantry.txt'}


def test_records_of_other_releases_are_read_as_far_as_they_are_known(kitchen):
    pipeline = kitchen()
    pipeline.run('mix')
    path = Path(record_uri(pipeline.config.root_uri, 'mix'))
    path.write_text(json.dumps(json.loads(path.read_text()) | {'mood': 'good'}))
    assert record_of(pipeline, 'mix').status == 'done'


@pytest.mark.parametrize(
    'text',
    [
        '[]',
        '{}',
        'nonsense',
        *(
            json.dumps({'command': 'mix', 'status': 'done', name: value})
            for name, value in (
                ('command', None),
                ('status', 'tired'),
                ('outputs', None),
                ('parts', None),
                ('upstream', ['a']),
                ('process', 'x'),
                ('attempt', 'x'),
                ('run', 5),
            )
        ),
    ],
)
def test_a_damaged_record_is_none(kitchen, write, text):
    pipeline = kitchen()
    path = Path(record_uri(pipeline.config.root_uri, 'mix'))
    write(path, text)
    assert record_of(pipeline, 'mix') is None
    assert pipeline.run('mix') == ['mix']


@pytest.mark.skipif(process_start(os.getpid()) is None, reason='no start times here')
@pytest.mark.parametrize('end', ['it is gone', 'it says so', 'it never does', 'it is this one'])
def test_a_job_starts_when_its_last_attempt_is_over(kitchen, monkeypatch, end):
    """The process of that one, whose worker was lost, may still clean up."""
    monkeypatch.setattr(state, 'GRACE_SECONDS', -1.0 if end == 'it never does' else 60.0)
    pipeline = kitchen()
    uri = record_uri(pipeline.config.root_uri, 'mix')
    with started([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE) as other:
        process = this_process()
        if end != 'it is this one':
            process |= {'pid': other.pid, 'started': process_start(other.pid)}
        before = Record('mix', process=process)
        json_to_file(asdict(before), uri)
        looks = []

        def look(seconds):
            looks.append(seconds)
            if end == 'it is gone':
                other.communicate(b'\n')
            elif len(looks) == 2:
                json_to_file({**asdict(before), 'status': 'failed', 'reason': INTERRUPTED}, uri)

        monkeypatch.setattr(state.time, 'sleep', look)
        with recorded(pipeline, 'mix', 0, 1):
            pipeline.mix()
    assert record_of(pipeline, 'mix').status == 'done'
    assert len(looks) == {'it is gone': 1, 'it says so': 2}.get(end, 0)


@pytest.mark.parametrize(
    ('left_by', 'lock', 'waits'),
    [('old', 'now', False), ('now', 'now', True), (None, None, True), ('old', None, False)],
)
def test_what_was_left_by_an_older_run_elsewhere_is_not_waited_for(
    kitchen, monkeypatch, left_by, lock, waits
):
    pipeline, looks = kitchen(), []
    root = pipeline.config.root_uri
    if lock is not None:
        json_to_file({'run': lock}, state.state_uri(root, state.LOCK))
    before = Record('mix', run=left_by, process={**this_process(), 'host': 'elsewhere'})
    json_to_file(asdict(before), record_uri(root, 'mix'))

    def look(seconds):
        looks.append(seconds)
        json_to_file({**asdict(before), 'status': 'failed'}, record_uri(root, 'mix'))

    monkeypatch.setattr(state.time, 'sleep', look)
    with recorded(pipeline, 'mix', 0, 1):
        pipeline.mix()
    assert bool(looks) == waits


def why_mix_runs(pipeline):
    return standings({'root': pipeline}, ['mix'])['root', 'mix'].reason


def test_records_of_outputs_have_no_credentials_and_are_compared_as_ever(kitchen, monkeypatch):
    pipeline = kitchen()
    output = 'ftp://me:SECRET@host/mix.txt'
    tags = {output: 'first'}
    facts = CommandFacts(outputs=(output,))
    monkeypatch.setattr(type(pipeline), 'command_facts', lambda *_: facts)
    monkeypatch.setattr(Stamps, 'of', lambda _, uris: {uri: tags[uri] for uri in uris})
    with recorded(pipeline, 'mix', 0, 1):
        pass
    (record,) = Path(pipeline.config.root_uri, 'state').glob('*.json')
    assert 'SECRET' not in record.read_text()
    assert why_mix_runs(pipeline) is None
    tags[output] = 'second'
    assert why_mix_runs(pipeline) == 'its output ftp://host/mix.txt was changed'
