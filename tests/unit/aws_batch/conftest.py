"""AWS Batch on this machine, and a pipeline in a bucket."""

import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from rastervision.pipeline import registry_
from rastervision.pipeline.cli import get_configs
from rastervision.pipeline.pipeline import Pipeline

REGION = 'eu-west-1'
CONFIG = """
from notes import note
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.fingerprint import CommandFacts
from rastervision.pipeline.pipeline import Pipeline, PipelineConfig


@register_config('batch_test_pipeline')
class BatchTestPipelineConfig(PipelineConfig):
    failing: str = ''

    def build(self, tmp_dir):
        return BatchTestPipeline(self, tmp_dir)


class BatchTestPipeline(Pipeline):
    commands = ['first', 'many', 'last']
    split_commands = ['many']
    gpu_commands = ['last']
    gather_commands = {'many': 'gather'}

    def command_facts(self, command):
        before = self.commands[: self.commands.index(command)]
        return CommandFacts(upstream=tuple(before[-1:]))

    def note(self, command, text=''):
        print('doing', command)
        if command == self.config.failing:
            raise DataError('no pixels')
        note(text, f'{self.config.root_uri}/{command}.txt')

    def first(self):
        self.note('first')

    def many(self, split_ind=0, num_splits=1):
        self.note(f'many-{split_ind}', str(num_splits))

    def gather(self, num_splits):
        self.note('gather', str(num_splits))

    def last(self):
        self.note('last')


def get_config(runner, root_uri, failing=''):
    return BatchTestPipelineConfig(root_uri=root_uri, failing=failing)
"""

HELPER = """
from rastervision.pipeline.file_system import str_to_file as note
"""


@dataclass
class Account:
    """An account with AWS Batch: queues and definitions for both kinds of jobs."""

    batch: Any
    name: str

    def jobs(self, ids: list[str]) -> list[dict[str, Any]]:
        """What AWS Batch tells of jobs."""
        details = {job['jobId']: job for job in self.batch.describe_jobs(jobs=ids)['jobs']}
        return [details[job_id] for job_id in ids]


@pytest.fixture
def no_aws(no_clouds: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the runner, but no account."""
    for kind in ('cpu', 'gpu'):
        monkeypatch.setenv(f'BATCH_{kind.upper()}_JOB_QUEUE', f'{kind}-queue')
        monkeypatch.setenv(f'BATCH_{kind.upper()}_JOB_DEF', f'{kind}-def')
    monkeypatch.setenv('AWS_DEFAULT_REGION', REGION)
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'tester')
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'not-a-secret')


@pytest.fixture
def account(no_aws: None, moto: str, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account whose queues and definitions are those of the settings."""
    name = uuid.uuid4().hex[:8]
    monkeypatch.setenv('AWS_ENDPOINT_URL_BATCH', moto)
    iam = boto3.client('iam', endpoint_url=moto)
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument='{}')['Role']['Arn']
    batch = boto3.client('batch')
    batch.create_compute_environment(
        computeEnvironmentName=f'env-{name}', type='UNMANAGED', serviceRole=role
    )
    for kind in ('cpu', 'gpu'):
        batch.create_job_queue(
            jobQueueName=f'{kind}-{name}',
            priority=1,
            state='ENABLED',
            computeEnvironmentOrder=[{'order': 1, 'computeEnvironment': f'env-{name}'}],
        )
        batch.register_job_definition(
            jobDefinitionName=f'{kind}-def-{name}',
            type='container',
            containerProperties={'image': 'rastervision', 'vcpus': 1, 'memory': 1024},
        )
        monkeypatch.setenv(f'BATCH_{kind.upper()}_JOB_QUEUE', f'{kind}-{name}')
        monkeypatch.setenv(f'BATCH_{kind.upper()}_JOB_DEF', f'{kind}-def-{name}')
    return Account(batch, name)


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config file with a pipeline that no plugin has."""
    monkeypatch.setattr(sys, 'path', [*sys.path])
    monkeypatch.delitem(sys.modules, 'notes', raising=False)  # that of the test before
    monkeypatch.setattr(registry_, 'configs', dict(registry_.configs))
    path = tmp_path / 'my config.py'
    path.write_text(CONFIG)
    (tmp_path / 'notes.py').write_text(HELPER)
    return path


@pytest.fixture
def pipeline(config_file: Path) -> Pipeline:
    """Its pipeline, with a root in a bucket that is not there."""
    config = get_configs(str(config_file), 'batch', {'root_uri': 's3://bucket/root'})[0]
    built: Pipeline = config.build('')
    return built
