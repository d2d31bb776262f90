"""A plan in words and drawings: every step, why it runs, and what it comes after."""

import json
import re

import pytest

from rastervision.pipeline.plan import plan
from rastervision.pipeline.plan_graph import (
    FORMATS,
    Step,
    as_dot,
    as_json,
    as_mermaid,
    as_table,
    steps,
)
from rastervision.pipeline.standing import standings

NOTHING = 'nothing that it reads has changed'


def steps_of(*kitchens, num_splits=1):
    by_uri = {str(i): pipeline for i, pipeline in enumerate(kitchens)}
    states = standings(by_uri)
    return steps(by_uri, plan(by_uri, (), num_splits, states), states)


def test_a_step_for_each_command_and_gather_step(kitchen):
    assert steps_of(kitchen(), num_splits=3) == [
        Step(1, '0', 'mix', 'runs', 'it has not run yet', 1),
        Step(2, '0', 'bake', 'runs', 'MIX runs', 3, after=(1,)),
        Step(3, '0', 'join', 'runs', 'it joins what 3 jobs write', 1, gather=True, after=(2,)),
        Step(4, '0', 'fry', 'runs', 'MIX runs', 1, after=(1,)),
        Step(5, '0', 'serve', 'runs', 'BAKE runs', 1, after=(3,)),
    ]


def test_what_is_up_to_date_is_shown_as_such(kitchen):
    pipeline = kitchen()
    pipeline.run()
    pipeline.config.recipes['bake'] = 'hotter'
    assert steps_of(pipeline, num_splits=2) == [
        Step(1, '0', 'mix', 'up to date', NOTHING),
        Step(2, '0', 'bake', 'runs', 'recipe changed', 2, after=(1,)),
        Step(3, '0', 'join', 'runs', 'it joins what 2 jobs write', 1, gather=True, after=(2,)),
        Step(4, '0', 'fry', 'up to date', NOTHING, after=(1,)),
        Step(5, '0', 'serve', 'runs', 'BAKE runs', 1, after=(3,)),
    ]


def test_what_two_pipelines_share_is_one_step(kitchen, tmp_path):
    shared = {'mix_uri': f'{tmp_path}/shared/mix'}
    found = steps_of(kitchen('a', **shared), kitchen('b', **shared))
    assert found[4] == Step(5, '1', 'mix', 'shared', 'the same as step 1', after=(1,))
    assert (found[5].command, found[5].after) == ('bake', (5,))
    assert [step.step for step in found] == list(range(1, 9))


def test_no_form_has_the_password_of_a_config(kitchen):
    by_uri = {'ftp://me:SECRET@h/c.json': kitchen()}
    states = standings(by_uri)
    found = steps(by_uri, plan(by_uri, (), 2, states), states)
    for form in FORMATS.values():
        assert 'ftp://h/c.json' in form(found)
        assert 'SECRET' not in form(found)
    assert {step.config for step in found} == {'ftp://h/c.json'}


def test_the_json_form_is_complete(kitchen):
    found = steps_of(kitchen(), kitchen('b'), num_splits=2)
    assert [Step(**{**s, 'after': tuple(s['after'])}) for s in json.loads(as_json(found))] == found


@pytest.mark.parametrize(('form', 'arrow'), [(as_dot, '->'), (as_mermaid, '-->')])
def test_drawings_have_all_steps_and_edges(kitchen, form, arrow):
    found = steps_of(kitchen(), kitchen('b'), num_splits=2)
    text = form(found)
    nodes = re.findall(r'^    s(\d+) ?\[', text, re.MULTILINE)
    assert nodes == [str(step.step) for step in found]
    edges = re.findall(rf'^  s(\d+) {arrow} s(\d+)', text, re.MULTILINE)
    assert edges == [(str(before), str(s.step)) for s in found for before in s.after]


def test_odd_characters_do_not_break_drawings():
    odd = Step(1, 'C:\\a "b"', 'mix', 'up to date', 'the "<x>" #1')
    assert 'label="C:\\\\a \\"b\\""' in as_dot([odd])
    assert 'style=dashed' in as_dot([odd])
    assert '["C:\\a #quot;b#quot;"]' in as_mermaid([odd])
    assert 'the #quot;#lt;x#gt;#quot; #35;1' in as_mermaid([odd])
    assert as_mermaid([odd]).splitlines()[-1] == '  class s1 done'


def test_the_table_has_a_line_for_each_step_under_its_config(kitchen):
    found = steps_of(kitchen(), kitchen('b'))
    lines = FORMATS['table'](found).splitlines()
    assert lines[0].split() == ['step', 'command', 'jobs', 'gpu', 'after', 'status', 'reason']
    assert [line for line in lines if ' ' not in line] == ['0', '1']
    assert lines[3].split() == ['2', 'bake', '1', '-', '1', 'runs', 'MIX', 'runs']
    assert len(lines) == 1 + 2 + len(found)


def test_the_table_fits_a_terminal(kitchen):
    uri = f'/{"very/" * 30}long/pipeline-config.json'
    by_uri = {uri: (pipeline := kitchen())}
    pipeline.run('mix')
    pipeline.config.recipes['mix'] = 'corn'
    states = standings(by_uri, ['bake', 'serve'])
    found = steps(by_uri, plan(by_uri, ['bake', 'serve'], 1, states), states)
    assert uri in as_table(found).splitlines()
    header, name, *lines = as_table(found, 60).splitlines()
    assert max(map(len, [header, name, *lines])) <= 60
    assert (name[:6], name[-20:]) == ('/very/', uri[-20:])
    reason = ' '.join(line[header.index('reason') :] for line in lines[:-1])
    assert reason.split() == found[0].reason.split()
