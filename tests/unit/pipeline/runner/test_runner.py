"""Runners of third parties, which know nothing but `run`."""

from rastervision.pipeline import registry_
from rastervision.pipeline.plan import plan
from rastervision.pipeline.runner import Runner


class RecordingRunner(Runner):
    """As a plugin for release 0.31 would write one."""

    def __init__(self):
        self.calls = []

    def run(self, cfg_json_uri, pipeline, commands, num_splits=1, pipeline_run_name='x'):
        self.calls.append((cfg_json_uri, list(commands), num_splits, pipeline_run_name))


def test_a_registered_runner_gets_the_commands_in_order(scripted, monkeypatch):
    monkeypatch.setattr(registry_, 'runners', {})
    registry_.add_runner('recording', RecordingRunner)
    runner = registry_.get_runner('recording')()
    one, two = scripted.pipeline('one'), scripted.pipeline('two')

    def run(pipelines, commands, num_splits=1):
        pipelines = dict(pipelines)
        jobs = plan(pipelines, commands, num_splits)
        runner.run_jobs(jobs, pipelines, num_splits, 'my-run')

    run([one, two], ['last', 'first'], 3)
    assert runner.calls == [(uri, ['first', 'last'], 3, 'my-run') for uri, _ in (one, two)]
    run([one], [])
    assert runner.calls[-1][1:] == (['first', 'many', 'last'], 1, 'my-run')
    run([one], [], 2)
    assert runner.calls[-1][1:] == (['first', 'many', 'gather', 'last'], 2, 'my-run')
