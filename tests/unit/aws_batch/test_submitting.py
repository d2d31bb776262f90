"""What is submitted to AWS Batch, and that it does what a local run does."""

import os
import re
import subprocess
import sys

import pytest

from rastervision.aws_batch import AWSBatchRunner
from rastervision.aws_batch.aws_batch_runner import MAX_PARENTS
from rastervision.aws_batch.client import BatchClient
from rastervision.pipeline.cli import get_configs
from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.pipeline.file_system import file_to_str, list_paths
from rastervision.pipeline.pipeline import Pipeline, PipelineConfig
from rastervision.pipeline.plan import plan
from rastervision.pipeline.running import run_pipelines
from rastervision.pipeline.standing import standings

pytestmark = pytest.mark.integration
ROOT = 's3://bucket/root'
URI = f'{ROOT}/pipeline-config.json'


@pytest.fixture
def requests(monkeypatch):
    """The requests that are sent, which go to the server all the same."""
    sent = []
    submit = BatchClient.submit

    def keep(self, **request):
        sent.append(request)
        return submit(self, **request)

    monkeypatch.setattr(BatchClient, 'submit', keep)
    return sent


def outputs(root):
    files = [*list_paths(root, '.txt')]
    return {uri.rpartition('/')[2]: file_to_str(uri) for uri in files}


def run(config_file, root, runner):
    config = get_configs(str(config_file), runner, {'root_uri': root})[0]
    run_pipelines({f'{root}/pipeline-config.json': config.build('')}, (), runner, num_splits=2)


def standings_of(config_file, root):
    config = get_configs(str(config_file), 'batch', {'root_uri': root})[0]
    return standings({f'{root}/pipeline-config.json': config.build('')}).values()


def test_what_is_submitted_does_what_a_local_run_does(account, s3, config_file, tmp_path, capsys):
    """The commands of the jobs are run here, in an order that their dependencies allow."""
    root = f'{s3}/root'
    run(config_file, root, 'batch')
    jobs = account.jobs(re.findall(r'job ([0-9a-f-]{36})', capsys.readouterr().out))
    assert [job['jobName'] for job in jobs] == [
        f'raster-vision-{name}' for name in ('first', 'many', 'gather', 'last')
    ]
    run(config_file, str(tmp_path / 'local'), 'inprocess')
    states = standings_of(config_file, root)
    assert all(state.reason is not None for state in states)
    config_file.rename(config_file.with_suffix('.away'))  # the machines do not see it
    helper = config_file.with_name('notes.py')
    helper.rename(helper.with_suffix('.away'))
    ended = set()
    for job in jobs:
        assert ended.issuperset(parent['jobId'] for parent in job['dependsOn'])
        size = job.get('arrayProperties', {}).get('size')
        environments = [{'AWS_BATCH_JOB_ARRAY_INDEX': str(i)} for i in range(size or 0)] or [{}]
        for environment in environments:
            python, *rest = job['container']['command']
            assert python == 'python'
            subprocess.run(
                [sys.executable, *rest],
                env={**os.environ, **environment},
                cwd='/',
                timeout=60,
                check=True,
            )
        ended.add(job['jobId'])

    assert outputs(root) == outputs(str(tmp_path / 'local'))
    assert outputs(root).keys() == {
        *('first.txt', 'gather.txt', 'last.txt', 'many-0.txt', 'many-1.txt')
    }
    for path in (config_file, helper):
        path.with_suffix('.away').rename(path)
    assert [state.reason for state in standings_of(config_file, root)] == [None] * 3
    logs = {uri.rpartition('/')[2] for uri in list_paths(f'{root}/logs', '.log')}
    assert logs == {*('first.log', 'gather.log', 'last.log', 'many-1-of-2.log', 'many-2-of-2.log')}


def test_requests(account, pipeline, requests, monkeypatch):
    monkeypatch.setenv('BATCH_ATTEMPTS', '3')
    runner = AWSBatchRunner()
    monkeypatch.setattr('rastervision.aws_batch.remote_files.upload_or_copy', lambda *_: None)
    runner.run_jobs(plan({URI: pipeline}, (), 4), {URI: pipeline}, 4, 'Zürich, 2nd try')
    ids = [name.rpartition('/')[2] for name in runner.engine_jobs()]
    assert [name.rpartition('/')[0] for name in runner.engine_jobs()] == ['eu-west-1'] * 4

    names = ['first', 'many', 'gather', 'last']
    assert [request['jobName'] for request in requests] == [f'Z-rich-2nd-try-{n}' for n in names]
    kinds = ['cpu', 'cpu', 'cpu', 'gpu']
    assert [r['jobQueue'] for r in requests] == [f'{kind}-{account.name}' for kind in kinds]
    assert [r['jobDefinition'] for r in requests] == [f'{k}-def-{account.name}' for k in kinds]
    assert [r.get('arrayProperties') for r in requests] == [None, {'size': 4}, None, None]
    assert [r.get('dependsOn') for r in requests] == [None, *([{'jobId': i}] for i in ids[:3])]
    assert all(r['retryStrategy'] == {'attempts': 3} for r in requests)
    commands = [r['containerOverrides']['command'] for r in requests]
    own = re.search(r"'--module', '(my config_\w+)'", str(commands))
    assert own is not None
    module = ['--code', f'{ROOT}/code', '--module', own[1], 'my config.py']
    splits = [[], ['--num-splits', '4'], ['--num-splits', '4'], []]
    program = ['python', '-m', 'rastervision.pipeline', 'run_command', URI]
    assert commands == [
        [*program, name, '--runner', 'batch', *count, *module]
        for name, count in zip(names, splits, strict=True)
    ]


def test_without_attempts_the_definition_decides(account, requests):
    pipeline = Pipeline(PipelineConfig(root_uri=ROOT), '')
    AWSBatchRunner().run(URI, pipeline, ['test_cpu'], num_splits=1)
    assert 'retryStrategy' not in requests[0]
    assert 'arrayProperties' not in requests[0]
    assert '--module' not in requests[0]['containerOverrides']['command']


def test_many_parents(account, requests):
    """No job waits for more than 20; jobs that do nothing stand in between."""
    runner = AWSBatchRunner()
    parents = [runner.run_command(['true']) for _ in range(45)]
    del requests[:]
    runner.run_command(['ls'], parent_job_ids=parents)
    waits = [[p['jobId'] for p in request['dependsOn']] for request in requests]
    assert max(map(len, waits)) <= MAX_PARENTS
    assert [parent for group in waits[:-1] for parent in group] == parents
    joins = [name.rpartition('/')[2] for name in runner.engine_jobs()[45:-1]]
    assert waits[-1] == joins


def test_the_lock_knows_a_job_as_soon_as_it_is_submitted(account):
    runner, noted = AWSBatchRunner(), []
    runner.note = lambda: noted.append([*runner.engine_jobs()])
    ids = [runner.run_command(['true']) for _ in range(2)]
    names = [f'eu-west-1/{job_id}' for job_id in ids]
    assert noted == [names[:1], names]


def test_arguments_of_run_command(account, requests):
    runner = AWSBatchRunner()
    runner.run_command(['python', 'x.py'], debug=True, job_name='one', tags={'a': 'b'})
    assert requests[0]['containerOverrides']['command'] == [
        *('python', '-m', 'debugpy', '--listen', '0.0.0.0:6006', '--wait-for-client', 'x.py')
    ]
    assert (requests[0]['jobName'], requests[0]['tags']) == ('one', {'a': 'b'})
    runner.run_command(['ls'], job_queue=f'gpu-{account.name}', job_def=f'gpu-def-{account.name}')
    assert requests[1]['jobQueue'] == f'gpu-{account.name}'
    for size in (1, 10_001):
        with pytest.raises(ConfigError, match=f'takes 2 to 10,000 jobs in an array, got {size}'):
            runner.run_command(['ls'], num_array_jobs=size)


def test_index_of_the_split(monkeypatch):
    assert AWSBatchRunner().get_split_ind() is None
    monkeypatch.setenv('AWS_BATCH_JOB_ARRAY_INDEX', '0')
    assert AWSBatchRunner().get_split_ind() == 0


def test_whether_jobs_run(account):
    runner = AWSBatchRunner()
    runner.run_command(['ls'])
    assert runner.is_running(runner.engine_jobs()) is False  # there, jobs end at once
    assert runner.is_running(['eu-west-1/of-last-year']) is False


def test_a_refused_job_ends_those_before(account, pipeline, monkeypatch):
    ended = []
    monkeypatch.setattr(BatchClient, 'terminate', lambda self, job_id, reason: ended.append(job_id))
    monkeypatch.setattr('rastervision.aws_batch.remote_files.upload_or_copy', lambda *_: None)
    monkeypatch.setenv('BATCH_GPU_JOB_DEF', 'not-there')
    runner = AWSBatchRunner()
    with pytest.raises(StageError, match=r'submit raster-vision-last .*not-there does not exist'):
        runner.run_jobs(plan({URI: pipeline}), {URI: pipeline})
    assert ended == [name.rpartition('/')[2] for name in reversed(runner.engine_jobs())]
    assert len(ended) == 2
