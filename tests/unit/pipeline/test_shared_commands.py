"""Commands of several pipelines that write to one place."""

from pathlib import Path

import pytest

from rastervision.pipeline.errors import ConfigError
from rastervision.pipeline.standing import standings
from rastervision.pipeline.state import read_record


def test_pipelines_share_commands_that_are_the_same(kitchen, run_all, tmp_path):
    shared = {'mix_uri': f'{tmp_path}/shared/mix'}
    one, two = kitchen('one', **shared), kitchen('two', **shared)
    two.config.recipes['bake'] = 'warm'
    labels = run_all([one, two], num_splits=2)
    assert labels.count('mix') == 1
    assert labels.count('serve') == 2
    assert two.output('serve').read_text() == two.expected('serve')
    assert run_all([one, two]) == []
    assert one.run() == []
    assert two.run() == [], 'the record of what they share is in it'
    three = kitchen('three', **shared)
    assert three.run() == ['bake', 'fry', 'serve']
    assert read_record(f'{tmp_path}/shared/mix/.state/mix.json').status == 'done'
    assert [path.name for path in (tmp_path / 'shared').iterdir()] == ['mix']


def test_pipelines_that_would_write_over_each_other_are_refused(kitchen, run_all, tmp_path):
    shared = {'mix_uri': f'{tmp_path}/shared/mix'}
    one, two = kitchen('one', **shared), kitchen('two', **shared)
    two.config.recipes['mix'] = 'corn'
    with pytest.raises(ConfigError, match=r'MIX of .*one.* and MIX of .*two.*shared/mix/mix.txt'):
        run_all([one, two])


def without_stamps(pipeline):
    """Let nobody be able to tell whether what is read from outside has changed."""
    Path(pipeline.config.pantry).unlink()


def test_writers_of_one_place_are_compared_also_if_nobody_knows_what_has_changed(kitchen, tmp_path):
    shared = {'mix_uri': f'{tmp_path}/shared/mix'}
    one, two = kitchen('one', **shared), kitchen('two', **shared)
    without_stamps(one)
    states = standings({'one': one, 'two': two})
    assert states['two', 'mix'].same_as == 'one'
    assert states['two', 'bake'].same_as is None
    two.config.recipes['mix'] = 'corn'
    with pytest.raises(ConfigError, match=r'shared/mix/mix.txt, with different options'):
        standings({'one': one, 'two': two})


def test_what_reads_something_else_that_nobody_knows_is_not_the_same(kitchen, monkeypatch):
    one, two = kitchen('one'), kitchen('two')
    without_stamps(one)
    two.config.recipes['mix'] = 'corn'
    monkeypatch.setattr(type(one), 'output', lambda self, command: Path('/out', command))
    with pytest.raises(ConfigError, match='BAKE of one and BAKE of two would both write'):
        standings({'one': one, 'two': two}, ['bake'])


def test_what_follows_the_unknown_does_not_write_to_the_place_of_another(kitchen, tmp_path):
    one, two = kitchen('one'), kitchen('two')
    for pipeline in (one, two):
        pipeline.unknown = {'mix'}
        pipeline.config.root_uri = str(tmp_path / 'root')
    with pytest.raises(ConfigError, match='and nobody can tell whether it is the same'):
        standings({'one': one, 'two': two})
