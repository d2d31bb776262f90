"""What is up to date: after any changes, a run leaves what a run from scratch would leave."""

import inspect
import os
from datetime import UTC, datetime, timedelta
from itertools import count, cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rastervision.pipeline import code_files, state
from rastervision.pipeline.errors import ConfigError, DataError
from rastervision.pipeline.plan import plan
from rastervision.pipeline.standing import outdated, report, standings

ALL = ['mix', 'bake', 'fry', 'serve']

changes = st.lists(
    st.one_of(
        st.tuples(st.just('recipe'), st.sampled_from(ALL), st.sampled_from('abc')),
        st.tuples(st.just('pantry'), st.sampled_from('abc')),
        st.tuples(st.just('delete'), st.sampled_from(ALL)),
        st.tuples(st.just('overwrite'), st.sampled_from(ALL)),
        st.tuples(st.just('fail'), st.sampled_from(ALL)),
        st.tuples(st.just('run'), st.lists(st.sampled_from(ALL), min_size=1), st.integers(1, 3)),
    ),
    max_size=6,
)


def reasons(*kitchens, commands=(), rerun=False):
    by_uri = {k.config.root_uri: k for k in kitchens}
    return {command: s.reason for (_, command), s in standings(by_uri, commands, rerun).items()}


def apply(kitchen, change, write):
    kind, *values = change
    if kind == 'recipe':
        kitchen.config.recipes[values[0]] = values[1]
    elif kind == 'pantry':
        write(Path(kitchen.config.pantry), values[0])
    elif kind == 'delete':
        kitchen.output(values[0]).unlink(missing_ok=True)
    elif kind == 'overwrite':
        write(kitchen.output(values[0]), 'something else')
    elif kind == 'fail':
        kitchen.failing = {values[0]}
        try:
            kitchen.run()
        except DataError:
            pass
        finally:
            kitchen.failing = set()
    elif all(kitchen.output(u).exists() for c in values[0] for u in kitchen.upstream[c]):
        kitchen.run(*values[0], num_splits=values[1])


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=changes, num_splits=st.integers(1, 3))
def test_a_run_leaves_what_a_run_from_scratch_would_leave(kitchen, write, changes, num_splits):
    make = kitchen.func
    with TemporaryDirectory() as folder:
        pipeline = make(Path(folder))
        pipeline.run()
        for change in changes:
            apply(pipeline, change, write)
        pipeline.run(num_splits=num_splits)
        for command in ALL:
            assert pipeline.output(command).read_text() == pipeline.expected(command)
        assert pipeline.run() == []


@pytest.mark.parametrize(
    ('change', 'expected'),
    [
        (lambda k, _: None, {}),
        (
            lambda k, _: k.config.recipes.update(bake='cold'),
            {'bake': 'recipe changed', 'serve': 'BAKE runs'},
        ),
        (
            lambda k, write: write(Path(k.config.pantry), 'milk'),
            {
                'mix': '{pantry} changed',
                'bake': 'MIX runs',
                'fry': 'MIX runs',
                'serve': 'BAKE runs',
            },
        ),
        (
            lambda k, _: Path(k.config.pantry).unlink(),
            {
                'mix': 'nobody can tell whether {pantry} changed',
                'bake': 'MIX runs',
                'fry': 'MIX runs',
                'serve': 'BAKE runs',
            },
        ),
        (lambda k, _: k.output('fry').unlink(), {'fry': 'its output {fry} is missing'}),
        (
            lambda k, write: write(k.output('bake'), 'burnt'),
            {'bake': 'its output {bake} was changed', 'serve': 'BAKE runs'},
        ),
    ],
)
def test_reasons_name_what_changed(kitchen, write, change, expected):
    pipeline = kitchen()
    pipeline.run()
    change(pipeline, write)
    names = {'pantry': pipeline.config.pantry} | {c: pipeline.output(c) for c in ALL}
    found = {command: reason for command, reason in reasons(pipeline).items() if reason}
    assert found == {command: reason.format(**names) for command, reason in expected.items()}


def test_what_ran_with_other_code_than_there_is_now_is_not_up_to_date(kitchen, monkeypatch):
    """A process that goes on with the code that it has imported says so in its records."""
    pipeline = kitchen()
    pipeline.run()
    assert reasons(pipeline)['mix'] is None
    file = Path(inspect.getfile(type(pipeline)))
    with monkeypatch.context() as patch:
        patch.setitem(code_files._imported, file, 'the digest of what was imported')
        pipeline.run('mix', rerun=True)
    assert reasons(pipeline)['mix'].endswith(f'{file.name} changed')


@pytest.mark.parametrize(
    'change',
    [
        lambda k: None,
        lambda k: k.config.recipes.update(bake='cold'),
        lambda k: os.utime(k.config.pantry, (1, 1)),
        lambda k: os.utime(k.output('mix'), (1, 1)),
        lambda k: os.utime(k.output('bake'), (4e9, 4e9)),
        lambda k: k.output('fry').unlink(),
    ],
    ids=['nothing', 'config', 'older input', 'older upstream', 'newer output', 'missing output'],
)
def test_clocks_of_machines_do_not_decide_what_is_up_to_date(kitchen, monkeypatch, change):
    """Jobs run on machines with clocks hours apart, which also stamp what they write."""

    def found(root, hours):
        pipeline, jobs = kitchen(root), count()
        clocks = [datetime.now(UTC) + timedelta(hours=offset) for offset in hours]

        def work(command):
            cook(pipeline, command)
            time = clocks[next(jobs) % len(clocks)].timestamp()
            os.utime(pipeline.output(command), (time, time))

        cook = type(pipeline).cook
        with monkeypatch.context() as patch:
            ticks = cycle(clocks)
            patch.setattr(state, 'now', lambda: next(ticks).isoformat())
            patch.setattr(pipeline, 'cook', work)
            pipeline.run(num_splits=3)
        change(pipeline)
        texts = {name: text and text.replace(root, '') for name, text in reasons(pipeline).items()}
        os.utime(pipeline.config.pantry, (2, 2))
        return texts

    assert found('apart', [7, -5, 3, -9, 0]) == found('alike', [0])


@pytest.mark.parametrize('moment', range(4))
@pytest.mark.parametrize(
    ('change', 'expected'),
    [
        (lambda k, write: write(k.output('mix'), 'mud'), '{mix} changed'),
        (lambda k, _: k.config.recipes.update(bake='cold'), 'recipe changed'),
    ],
    ids=['upstream', 'config'],
)
def test_what_changes_between_the_jobs_of_a_command_is_noticed(
    kitchen, write, change, expected, moment
):
    pipeline = kitchen()
    pipeline.run('mix')
    jobs = plan({'k': pipeline}, ['bake'], 3, standings({'k': pipeline}, ['bake']))
    assert len(jobs) == 4
    for number, job in enumerate(jobs):
        if number == moment:
            change(pipeline, write)
        pipeline.do(job)
    found = reasons(pipeline, commands=['bake'])['bake']
    if moment == 0:
        assert found is None
    else:
        assert found in {
            expected.format(mix=pipeline.output('mix')),
            'something may have changed while it ran',
        }


def test_what_changes_between_jobs_and_back_is_noticed(kitchen):
    pipeline = kitchen()
    pipeline.run('mix')
    first, second, gather = plan({'k': pipeline}, ['bake'], 2, standings({'k': pipeline}, ['bake']))
    pipeline.do(first)
    pipeline.config.recipes['bake'] = 'cold'
    pipeline.do(second)
    pipeline.do(gather)
    pipeline.config.recipes['bake'] = 'hot'
    expected = {'bake': 'something may have changed while it ran'}
    assert reasons(pipeline, commands=['bake']) == expected


def test_a_gather_step_without_records_of_its_splits_claims_nothing(kitchen):
    pipeline = kitchen()
    pipeline.run('mix')
    *splits, gather = plan({'k': pipeline}, ['bake'], 2, standings({'k': pipeline}, ['bake']))
    for job in splits:
        pipeline.do(job)
    Path(pipeline.config.root_uri, 'state/bake-2-of-2.json').unlink()
    pipeline.do(gather)
    expected = {'bake': 'something may have changed while it ran'}
    assert reasons(pipeline, commands=['bake']) == expected


def test_what_was_written_over_by_others_is_made_again_by_those_who_read_it(kitchen, write):
    pipeline = kitchen()
    pipeline.run()
    write(pipeline.output('mix'), 'mud')
    found = reasons(pipeline, commands=['bake'])
    assert found == {'bake': f'{pipeline.output("mix")} changed'}


def test_named_commands_are_looked_at_alone(kitchen):
    pipeline = kitchen()
    assert pipeline.run('mix', 'bake') == ['mix', 'bake']
    assert pipeline.run('bake') == []
    assert pipeline.run('serve', 'mix') == ['serve']
    assert pipeline.run('serve', rerun=True) == ['serve']
    assert reasons(pipeline, commands=['serve'], rerun=True) == {'serve': '--rerun asks for it'}
    with pytest.raises(ConfigError, match='Unknown command'):
        pipeline.run('cook')


def test_a_command_waits_for_what_it_reads_through_others_that_are_not_asked_for(kitchen):
    pipeline = kitchen()
    states = standings({'k': pipeline}, ['mix', 'serve'])
    jobs = plan({'k': pipeline}, ['mix', 'serve'], 1, states)
    assert [(job.command, set(job.after)) for job in jobs] == [
        ('mix', set()),
        ('serve', {'k#mix#0'}),
    ]


def test_commands_that_do_not_read_each_other_do_not_wait(kitchen):
    pipeline = kitchen()
    jobs = plan({'k': pipeline}, [], 2, standings({'k': pipeline}))
    after = {job.label: {name.split('#')[1] for name in job.after} for job in jobs}
    assert after == {
        'mix': set(),
        'bake 1/2': {'mix'},
        'bake 2/2': {'mix'},
        'join': {'bake'},
        'fry': {'mix'},
        'serve': {'join'},
    }


def test_what_nobody_knows_about_always_runs_and_so_does_what_comes_after(kitchen):
    pipeline = kitchen()
    pipeline.unknown = {'bake'}
    pipeline.run()
    assert reasons(pipeline) == {
        'mix': None,
        'bake': 'nobody knows what it reads',
        'fry': 'BAKE runs',
        'serve': 'BAKE runs',
    }
    assert reasons(pipeline, commands=['serve']) == {'serve': 'nobody knows what BAKE reads'}
    jobs = plan({'k': pipeline}, [], 1, standings({'k': pipeline}))
    assert [(job.command, len(job.after)) for job in jobs] == [
        ('bake', 0),
        ('fry', 1),
        ('serve', 1),
    ]


def test_interrupted_and_failed_commands_run_again(kitchen):
    pipeline = kitchen()
    pipeline.failing = {'bake'}
    with pytest.raises(DataError):
        pipeline.run()
    assert reasons(pipeline)['mix'] is None
    assert reasons(pipeline)['bake'] == 'it failed'
    record = Path(pipeline.config.root_uri, 'state/bake.json')
    record.write_text(record.read_text().replace('"failed"', '"running"'))
    assert reasons(pipeline)['bake'] == 'it was interrupted'
    record.write_text('no JSON')
    assert reasons(pipeline)['bake'] == 'it has not run yet'


def test_the_report_has_a_line_for_each_command_unless_all_is_new(kitchen):
    pipeline = kitchen()
    assert report(standings({'k': pipeline})) == []
    pipeline.run()
    pipeline.config.recipes['fry'] = 'butter'
    assert report(standings({'k': pipeline})) == [
        'mix is up to date',
        'bake is up to date',
        'fry runs: recipe changed',
        'serve is up to date',
    ]
    other = kitchen('other')
    assert report(standings({'k': pipeline, 'o': other}))[4] == 'mix of o runs: it has not run yet'


def test_old_outputs_that_are_read_because_nobody_asks_for_new_ones_are_told(kitchen):
    pipeline = kitchen()
    old = 'BAKE is out of date and not asked for: its old outputs are read'

    def told(*commands, **kwargs):
        return report(standings({'k': pipeline}, commands, **kwargs))

    pipeline.run('mix')
    assert told('bake', 'serve') == told('serve') == []
    pipeline.run()
    pipeline.config.recipes['bake'] = 'cold'
    assert told('serve') == [f'serve runs: {old}']
    assert told('serve', rerun=True) == [f'serve runs: --rerun asks for it; {old}']
    assert told('bake', 'serve') == ['bake runs: recipe changed', 'serve runs: BAKE runs']
    pipeline.run('serve')
    assert told('serve') == [f'serve is up to date; {old}']
    pipeline.run('bake')
    assert told('serve')[0].startswith('serve runs: ')
    assert old not in told('serve')[0]


def test_outdated_is_what_has_run_and_would_write_something_else(kitchen):
    pipeline = kitchen()
    assert outdated(pipeline) == {}
    pipeline.run('mix', 'bake')
    assert outdated(pipeline) == {}
    pipeline.config.recipes['mix'] = 'new'
    pipeline.run('mix')
    assert list(outdated(pipeline)) == ['bake']
    assert outdated(pipeline, ['mix']) == {}
    pipeline.unknown = {'bake'}
    assert outdated(pipeline) == {}
