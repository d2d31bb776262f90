"""Requests to AWS Batch, whose errors are one line each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rastervision.aws_batch.settings import SETTINGS
from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError, RVError, StageError, did_you_mean
from rastervision.pipeline.utils import grouped

DESCRIBED_AT_ONCE = 100
"""Jobs that one request may ask for."""
NO_SDK = 'Running on AWS Batch takes the AWS SDK; install it: pip install "rastervision[batch]".'
NO_CREDENTIALS = (
    'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of your AWS configuration '
    'in AWS_PROFILE, or as profile below [batch] in your settings'
)
_OUTDATED = {
    'ExpiredToken',
    'ExpiredTokenException',
    'IncompleteSignature',
    'InvalidClientTokenId',
    'InvalidSignatureException',
    'RequestExpired',
    'SignatureDoesNotMatch',
    'UnrecognizedClientException',
}
_DENIED = {'AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation'}
Detail = Mapping[str, Any]
"""What AWS Batch tells of a job."""


class DeniedError(StageError):
    """A request that the user may not make."""


class BatchClient:
    """AWS Batch in one region, with the profile of the settings.

    Args:
        region: The region; that of the settings, or of the user's AWS configuration, if None.

    Raises:
        ConfigError: The AWS SDK is not installed, or there is no such profile, or no region.
    """

    def __init__(self, region: str | None = None) -> None:
        try:
            import boto3
            from botocore.config import Config
        except ImportError as error:
            raise ConfigError(NO_SDK) from error
        setting = rv_config_.get_namespace_option
        retries = {'mode': 'standard', 'total_max_attempts': 8}
        with _explained('connect'):
            session = boto3.Session(
                profile_name=setting(SETTINGS, 'profile'),
                region_name=region or setting(SETTINGS, 'region'),
            )
            self._client = session.client(
                'batch', config=Config(retries=retries, connect_timeout=10)
            )
        self.region: str = self._client.meta.region_name

    @property
    def page(self) -> str:
        """Address of the jobs in the console of AWS."""
        host = f'{self.region}.console.aws.amazon.com'
        return f'https://{host}/batch/home?region={self.region}#jobs'

    def check_queue(self, name: str) -> None:
        """Refuse a queue that takes no jobs.

        Raises:
            ConfigError: There is no such queue, or it is switched off.
        """
        with _explained('describe job queues'):
            found = self._client.describe_job_queues(jobQueues=[name])['jobQueues']
            known = found or self._client.describe_job_queues()['jobQueues']
        if not found:
            raise ConfigError(self._unknown('job queue', name, (q['jobQueueName'] for q in known)))
        state, status = found[0]['state'], found[0].get('status', 'VALID')
        if state != 'ENABLED' or status not in {'CREATING', 'UPDATING', 'VALID'}:
            reason = f' ({found[0]["statusReason"]})' if 'statusReason' in found[0] else ''
            raise ConfigError(f'The job queue {name!r} takes no jobs: {state}, {status}{reason}.')

    def check_definition(self, name: str) -> None:
        """Refuse a job definition that is not there; its name may have a revision, as in `rv:3`.

        Raises:
            ConfigError: There is no active definition with this name.
        """
        ask = self._client.describe_job_definitions
        by_name: dict[str, Any] = (
            {'jobDefinitions': [name]} if ':' in name else {'jobDefinitionName': name}
        )
        with _explained('describe job definitions'):
            found = ask(**by_name, status='ACTIVE')['jobDefinitions']
            known = found or ask(status='ACTIVE')['jobDefinitions']
        if not found:
            names = (definition['jobDefinitionName'] for definition in known)
            raise ConfigError(self._unknown('job definition', name, names))

    def _unknown(self, kind: str, name: str, known: Iterable[str]) -> str:
        names = sorted(set(known))
        listed = f'There are: {", ".join(names)}' if names else 'There is none'
        return f'There is no {kind} {name!r} in {self.region}.{did_you_mean(name, names)} {listed}.'

    def submit(self, **request: Any) -> str:
        """Submit a job; its id.

        Raises:
            StageError: AWS Batch refuses it.
        """
        with _explained(
            f'submit {request["jobName"]} to the queue {request["jobQueue"]} with the definition '
            f'{request["jobDefinition"]}'
        ):
            job_id: str = self._client.submit_job(**request)['jobId']
        return job_id

    def details(self, job_ids: Sequence[str]) -> list[Detail]:
        """What AWS Batch tells of jobs, without those that it has forgotten."""
        with _explained('describe jobs'):
            return [
                detail
                for group in grouped(job_ids, DESCRIBED_AT_ONCE)
                for detail in self._client.describe_jobs(jobs=list(group))['jobs']
            ]

    def failed_children(self, array_id: str) -> list[Detail]:
        """What AWS Batch tells of the jobs of an array that have failed."""
        pages = self._client.get_paginator('list_jobs')
        with _explained('list jobs'):
            failed = [
                job['jobId']
                for page in pages.paginate(arrayJobId=array_id, jobStatus='FAILED')
                for job in page['jobSummaryList']
            ]
        return self.details(failed)

    def terminate(self, job_id: str, reason: str) -> None:
        """End a job, whether it has started or not."""
        with _explained(f'end the job {job_id}'):
            self._client.terminate_job(jobId=job_id, reason=reason)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Raise errors of the AWS SDK in the block as ours, one line each."""
    from botocore import exceptions as aws

    try:
        yield
    except aws.ClientError as error:
        raise _refusal(what, error.response.get('Error', {})) from error
    except (
        aws.NoCredentialsError,
        aws.PartialCredentialsError,
        aws.CredentialRetrievalError,
        aws.SSOError,
        aws.TokenRetrievalError,
    ) as error:
        raise ConfigError(
            f'There are no credentials for AWS ({error}); {NO_CREDENTIALS}.'
        ) from error
    except aws.NoRegionError as error:
        raise ConfigError(
            'The region of AWS Batch is not known; set AWS_DEFAULT_REGION, or region below [batch] '
            'in your settings.'
        ) from error
    except aws.ProfileNotFound as error:
        raise ConfigError(f'{error}; see profile below [batch] in your settings.') from error
    except aws.BotoCoreError as error:  # connections, timeouts, requests that are not valid
        raise StageError(f'Cannot {what} (AWS Batch): {" ".join(str(error).split())}') from error


def _refusal(what: str, answer: Mapping[str, str]) -> RVError:
    code, message = answer.get('Code', 'no reason'), answer.get('Message', '').strip()
    if code in _OUTDATED:
        return ConfigError(f'AWS does not accept the credentials ({message or code}); renew them.')
    if code in _DENIED:
        return DeniedError(f'AWS does not let this user {what}: {message or code}')
    return StageError(f'AWS Batch does not {what}: {message or code}')
