"""What is wrong is told in one line, before anything is written or submitted."""

import sys
from pathlib import Path
from typing import ClassVar

import boto3
import pytest
from botocore.stub import Stubber
from servers import free_port

from rastervision.aws_batch import AWSBatchRunner
from rastervision.aws_batch.client import BatchClient, DeniedError
from rastervision.pipeline import registry_
from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.pipeline.fingerprint import CommandFacts
from rastervision.pipeline.pipeline import Pipeline, PipelineConfig
from rastervision.pipeline.registry import Registry
from rastervision.pipeline.running import run_pipelines

URI = 's3://bucket/root/pipeline-config.json'


@pytest.fixture
def check(no_aws, pipeline):
    """Check the pipeline; expects an error of one line, and returns it."""

    def expect(error=ConfigError):
        with pytest.raises(error) as caught:
            AWSBatchRunner().check({URI: pipeline}, ())
        text = str(caught.value)
        assert '\n' not in text
        return text

    return expect


def stubbed(**replies):
    """A client that refuses requests: name of a method -> code of the error."""
    batch = BatchClient()
    stubber = Stubber(batch._client)
    for method, code in replies.items():
        stubber.add_client_error(method, code, 'because')
    stubber.activate()
    return batch


def test_local_root(no_aws, tmp_path, monkeypatch):
    pipeline = Pipeline(PipelineConfig(root_uri=str(tmp_path / 'out')), '')
    uri = str(tmp_path / 'out' / 'pipeline-config.json')
    with pytest.raises(ConfigError, match=r'do not see .*out.*root_uri .* such as s3://'):
        run_pipelines({uri: pipeline}, (), 'batch')
    with pytest.raises(ConfigError, match='do not see'):
        AWSBatchRunner().run(uri, pipeline, ['test_cpu'])
    assert list(tmp_path.iterdir()) == []


class Copying(Pipeline):
    """Reads and writes what its config says."""

    commands: ClassVar[list[str]] = ['copy']
    places: ClassVar[dict[str, str]] = {}

    def command_facts(self, command):
        return CommandFacts(inputs=(*self.places['in'].split(),), outputs=(self.places['out'],))


def test_local_files(no_aws, monkeypatch, caplog):
    pipeline = Copying(PipelineConfig(root_uri='s3://bucket/root'), '')
    monkeypatch.setattr(BatchClient, 'check_queue', lambda *_: None)
    monkeypatch.setattr(BatchClient, 'check_definition', lambda *_: None)
    pipeline.places |= {'in': 's3://bucket/a.tif', 'out': '/here/b.tif'}
    with pytest.raises(ConfigError, match=r'do not see /here/b\.tif; .* root_uri or copy_uri'):
        AWSBatchRunner().check({URI: pipeline}, ())
    pipeline.places |= {'in': '/here/a.tif', 'out': 's3://bucket/b.tif'}
    AWSBatchRunner().check({URI: pipeline}, ())
    pipeline.places['in'] = '/here/a.tif /here/b.tif /here/c.tif'
    AWSBatchRunner().check({URI: pipeline}, ())
    monkeypatch.delenv('BATCH_CPU_JOB_QUEUE')  # an error, which no warning goes before
    with pytest.raises(ConfigError, match='BATCH_CPU_JOB_QUEUE'):
        AWSBatchRunner().check({URI: pipeline}, ())
    one, several = (record.message.split('; the machines of ') for record in caplog.records)
    assert one == [
        'COPY reads /here/a.tif',
        'AWS Batch do not see it unless it is part of their image.',
    ]
    assert several == [
        'COPY reads /here/a.tif and 2 more local files',
        'AWS Batch do not see them unless they are part of their image.',
    ]


@pytest.mark.integration
def test_all_is_well(account, pipeline):
    AWSBatchRunner().check({URI: pipeline}, ())


@pytest.mark.integration
def test_unknown_queue(account, check, monkeypatch):
    monkeypatch.setenv('BATCH_CPU_JOB_QUEUE', f'cpu{account.name}')
    text = check()
    assert f"no job queue 'cpu{account.name}' in eu-west-1. Did you mean cpu-" in text
    assert f'gpu-{account.name}' in text


@pytest.mark.integration
def test_disabled_queue(account, check, monkeypatch):
    account.batch.update_job_queue(jobQueue=f'gpu-{account.name}', state='DISABLED')
    assert f"The job queue 'gpu-{account.name}' takes no jobs: DISABLED" in check()


@pytest.mark.integration
def test_unknown_definition(account, check, monkeypatch):
    monkeypatch.setenv('BATCH_GPU_JOB_DEF', 'gpu-deff')
    assert "There is no job definition 'gpu-deff' in eu-west-1." in check()


@pytest.mark.integration
def test_settings_of_gpus_are_asked_for_where_they_are_needed(
    account, check, pipeline, monkeypatch
):
    monkeypatch.delenv('BATCH_GPU_JOB_QUEUE')
    AWSBatchRunner().check({URI: pipeline}, ['first', 'many'])
    assert 'Set BATCH_GPU_JOB_QUEUE' in check()


@pytest.mark.parametrize('attempts', ['0', '11', 'often'])
def test_attempts(check, monkeypatch, attempts):
    monkeypatch.setenv('BATCH_ATTEMPTS', attempts)
    assert 'attempts' in check().lower()


def test_no_credentials(check, monkeypatch):
    monkeypatch.delenv('AWS_ACCESS_KEY_ID')
    monkeypatch.delenv('AWS_SECRET_ACCESS_KEY')
    assert 'no credentials for AWS (Unable to locate credentials); set AWS_ACCESS' in check()


def test_no_region(check, monkeypatch):
    monkeypatch.delenv('AWS_DEFAULT_REGION')
    assert 'set AWS_DEFAULT_REGION' in check()


def test_unknown_profile(check, monkeypatch):
    monkeypatch.setenv('BATCH_PROFILE', 'nobody')
    assert 'profile (nobody) could not be found; see profile below [batch]' in check()


def test_settings_name_profile_and_region(no_aws, monkeypatch):
    for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_DEFAULT_REGION'):
        monkeypatch.delenv(name)
    monkeypatch.setenv('BATCH_PROFILE', 'team')
    monkeypatch.setenv('BATCH_REGION', 'eu-north-1')
    path = Path(boto3.Session()._session.get_config_variable('credentials_file'))
    path.parent.mkdir()
    path.write_text('[team]\naws_access_key_id = of-the-team\naws_secret_access_key = x\n')
    batch = BatchClient()
    assert batch.region == 'eu-north-1'
    assert batch._client._request_signer._credentials.access_key == 'of-the-team'


def test_unreachable(check, monkeypatch):
    monkeypatch.setenv('AWS_ENDPOINT_URL_BATCH', f'http://127.0.0.1:{free_port()}')
    monkeypatch.setattr('botocore.retries.standard.ExponentialBackoff.delay_amount', lambda *_: 0)
    assert 'Cannot describe job queues (AWS Batch): Could not connect' in check(StageError)
    assert AWSBatchRunner().is_running(['eu-west-1/a-job']) is None


def test_no_sdk(check, monkeypatch):
    monkeypatch.setitem(sys.modules, 'boto3', None)
    assert 'pip install "rastervision[batch]"' in check()


@pytest.mark.parametrize('code', ['ExpiredTokenException', 'UnrecognizedClientException'])
def test_credentials_that_are_not_accepted(no_aws, code):
    with pytest.raises(ConfigError, match=r'does not accept the credentials \(because\); renew'):
        stubbed(describe_job_queues=code).check_queue('a')


def test_who_may_only_submit_is_not_checked(no_aws, pipeline, monkeypatch):
    def deny(self, name):
        raise DeniedError('You may not look.')

    monkeypatch.setattr(BatchClient, 'check_queue', deny)
    AWSBatchRunner().check({URI: pipeline}, ())


def test_denied(no_aws):
    batch = stubbed(submit_job='AccessDeniedException')
    with pytest.raises(
        DeniedError, match=r'does not let this user submit x to the queue q .*because'
    ):
        batch.submit(jobName='x', jobQueue='q', jobDefinition='d')


def test_requests_that_are_not_valid(no_aws):
    with pytest.raises(StageError, match=r'^Cannot submit x .* Parameter validation failed') as e:
        BatchClient().submit(jobName='x', jobQueue='q', jobDefinition='d', arrayProperties=3)
    assert '\n' not in str(e.value)


def test_the_plugin_has_what_it_had_in_0_31():
    registry = Registry()
    registry.load_plugins(['rastervision.aws_batch'])
    assert registry.get_plugin_version('rastervision.aws_batch') == 0
    assert registry.get_runner('batch') is AWSBatchRunner is registry_.get_runner('batch')
    assert registry.get_rv_config_schema()['batch'] == [
        *('gpu_job_queue', 'gpu_job_def', 'cpu_job_queue', 'cpu_job_def', 'attempts')
    ]
