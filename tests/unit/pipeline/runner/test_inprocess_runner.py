"""The plan walked in this process."""

import sys

import pytest

from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.pipeline.plan import plan
from rastervision.pipeline.runner import InProcessRunner, Runner
from rastervision.pipeline.runner.execute import execute_config
from rastervision.pipeline.state import read_record, record_uri


def run_in_process(pipelines, num_splits=1):
    pipelines = dict(pipelines)
    InProcessRunner().run_jobs(plan(pipelines, [], num_splits), pipelines)


def test_jobs_run_in_order_and_say_so(scripted, capsys):
    uri, pipeline = scripted.pipeline('out')
    InProcessRunner().run(uri, pipeline, [], num_splits=2)
    assert scripted.jobs('out') == ['first 0/1', 'many 0/2', 'many 1/2', 'gather 0/2', 'last 0/1']
    assert capsys.readouterr().out.splitlines() == [
        'Running first command...',
        'Running many command split 1/2...',
        'Running many command split 2/2...',
        'Running gather command...',
        'Running last command...',
    ]


def test_one_split_is_not_called_a_split(scripted, capsys):
    uri, pipeline = scripted.pipeline('out')
    InProcessRunner().run(uri, pipeline, ['many'])
    assert scripted.jobs('out') == ['many 0/1']
    assert 'split' not in capsys.readouterr().out


def test_a_failure_stops_its_dependants_only(scripted):
    bad = scripted.pipeline('bad', many__0='raise ValueError("split 0")')
    good = scripted.pipeline('good')
    with pytest.raises(ValueError, match='split 0') as caught:
        run_in_process([bad, good], 2)
    assert caught.value.__notes__ == [
        f'This ended many 1/2 of {bad[0]}. Not run because of it: gather, last.'
    ]
    assert scripted.jobs('bad') == ['first 0/1', 'many 1/2']
    assert len(scripted.jobs('good')) == 5


def test_several_failures_are_all_told(scripted):
    one = scripted.pipeline('one', first='1 / 0')
    two = scripted.pipeline('two', last='raise DataError("no pixels")')
    with pytest.raises(StageError) as caught:
        run_in_process([one, two])
    for text in ('2 jobs failed', 'one', 'division by zero', 'two', 'no pixels'):
        assert text in str(caught.value)


def test_jobs_do_not_see_each_others_changes(scripted):
    uri, pipeline = scripted.pipeline('out')
    pipeline.config.script['first'] = 'root.mkdir(exist_ok=True)'
    before = pipeline.config.copy()
    InProcessRunner().run(uri, pipeline, ['first'])
    assert pipeline.config == before


def test_a_serialised_config_is_executed(scripted, capsys):
    uri, _ = scripted.pipeline('out')
    execute_config(uri, 'many', 1, 3)
    execute_config(uri, 'gather', 0, 3)
    assert scripted.jobs('out') == ['many 1/3', 'gather 0/3']
    with pytest.raises(ConfigError, match=r"'mny'.*Did you mean many"):
        execute_config(uri, 'mny')
    with pytest.raises(ConfigError, match=r'0\.\.2, got 3'):
        execute_config(uri, 'many', 3, 3)
    assert 'Running many command split 2/3...' in capsys.readouterr().out


def test_jobs_have_records(scripted):
    uri, pipeline = scripted.pipeline('out')
    execute_config(uri, 'first', log='first.log')
    execute_config(uri, 'many', 1, 2)
    execute_config(uri, 'gather', 0, 2)
    root = pipeline.config.root_uri
    assert read_record(record_uri(root, 'first')).log == 'first.log'
    assert read_record(record_uri(root, 'many', 1, 2)).status == 'done'
    assert read_record(record_uri(root, 'many')).num_splits == 2


def test_a_command_without_a_method_is_named(scripted, monkeypatch):
    uri, pipeline = scripted.pipeline('out')
    monkeypatch.setattr(type(pipeline), 'commands', ['first', 'frist'])
    with pytest.raises(ConfigError, match=r"ScriptedPipeline has no method 'frist'"):
        InProcessRunner().run(uri, pipeline, ['frist'])


def test_run_command_runs_a_program(tmp_path):
    runner: Runner = InProcessRunner()
    assert runner.get_split_ind() is None
    target = tmp_path / 'a'
    runner.run_command([sys.executable, '-c', f'open({str(target)!r}, "w")'])
    assert target.exists()
    with pytest.raises(StageError, match='exit code 3'):
        runner.run_command([sys.executable, '-c', 'exit(3)'])
    with pytest.raises(StageError, match='no-such-program'):
        runner.run_command(['no-such-program'])
