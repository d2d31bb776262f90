"""The runner for AWS Batch."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from secrets import token_hex
from typing import Any

import click

from rastervision.aws_batch.client import BatchClient, DeniedError
from rastervision.aws_batch.following import ENDED, follow
from rastervision.aws_batch.remote_files import (
    code_uri,
    own_modules,
    require_remote,
    require_remote_outputs,
    upload_code,
    warn_of_local_inputs,
)
from rastervision.aws_batch.settings import attempts as attempts_setting
from rastervision.aws_batch.settings import place
from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError, RVError
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.plan import Job, can_split, in_order
from rastervision.pipeline.runner.runner import PlanRunner
from rastervision.pipeline.runner.stages import stages
from rastervision.pipeline.rv_config import get_env_var
from rastervision.pipeline.utils import grouped

log = logging.getLogger(__name__)

MAX_PARENTS = 20
"""Jobs that one job may wait for."""
MAX_ARRAY = 10_000
MAX_NAME = 128
DEBUGGER = ('-m', 'debugpy', '--listen', '0.0.0.0:6006', '--wait-for-client')


class AWSBatchRunner(PlanRunner):
    """Submits the jobs of a plan to AWS Batch, the splits of a command as one array job.

    It returns when all jobs are submitted; with `wait`, when they have ended. Ctrl-C before that,
    or a job that is refused, ends those that were submitted.

    Settings, in the section `[batch]`: `cpu_job_queue` and `cpu_job_def`, name or ARN of the queue
    and of the job definition; `gpu_job_queue` and `gpu_job_def`, for commands that use a GPU;
    `attempts`, else as in the definition; `region` and `profile`, else as the AWS SDK has them.
    """

    def __init__(self) -> None:
        self._submitted: list[str] = []

    def check(self, pipelines: Mapping[str, Pipeline], commands: Sequence[str]) -> None:
        """Refuse outputs on this machine, and queues and definitions that are not there."""
        asked = {uri: in_order(pipeline, commands) for uri, pipeline in pipelines.items()}
        kinds: set[bool] = set()
        for uri, pipeline in pipelines.items():
            require_remote(uri)
            require_remote_outputs(pipeline, asked[uri])
            kinds |= {command in pipeline.gpu_commands for command in asked[uri]}
        attempts_setting()
        places = [place(use_gpu) for use_gpu in sorted(kinds)]
        for queue, definition in places:
            try:
                self._batch.check_queue(queue)
                self._batch.check_definition(definition)
            except DeniedError as error:  # of somebody who may submit jobs, and no more
                log.debug('%s', error)
        for uri, pipeline in pipelines.items():
            warn_of_local_inputs(pipeline, asked[uri])

    def run_jobs(
        self,
        jobs: Sequence[Job],
        pipelines: Mapping[str, Pipeline],
        num_splits: int = 1,  # noqa: ARG002 (the jobs have it)
        pipeline_run_name: str = 'raster-vision',
    ) -> None:
        """Submit a plan; see `Runner.run_jobs`.

        Raises:
            ConfigError: A setting is missing or wrong, or the root of a pipeline is a local folder.
            StageError: AWS Batch refuses a job; or, with `wait`, jobs failed.
        """
        plan = stages(jobs)
        requests = []
        for stage in plan:
            job = stage.jobs[0]
            pipeline = pipelines[job.pipeline]
            requests.append(
                self.build_cmd(
                    job.command, job.pipeline, pipeline, job.num_splits, pipeline_run_name
                )
            )
        for uri, pipeline in pipelines.items():
            upload_code(uri, pipeline)
        ids: list[str] = []
        with self._ending_jobs_after(BaseException):
            for stage, (command, arguments) in zip(plan, requests, strict=True):
                parents = [ids[position] for position in stage.after]
                ids.append(self.run_command(command, parent_job_ids=parents, **arguments))
        if not self.wait:
            click.echo(f'The jobs go on without this process; see {self._batch.page}')
            return
        with self._ending_jobs_after(KeyboardInterrupt, SystemExit):
            walk, self._submitted = follow(self._batch, dict(zip(ids, plan, strict=True)))
        walk.raise_failures()

    def build_cmd(
        self,
        command: str,
        cfg_json_uri: str,
        pipeline: Pipeline,
        num_splits: int = 1,
        pipeline_run_name: str = 'raster-vision',
    ) -> tuple[list[str], dict[str, Any]]:
        """The program that carries out a command, and the other arguments of `run_command`.

        Args:
            command: Name of a command, or of a gather step.
            cfg_json_uri: URI of the serialised config of the pipeline.
            pipeline: The pipeline.
            num_splits: Number of splits.
            pipeline_run_name: How the name of the job begins.

        Raises:
            ConfigError: The config is in a local file, or a setting cannot be used.
        """
        require_remote(cfg_json_uri)
        is_array = num_splits > 1 and can_split(pipeline, command)
        is_gather = num_splits > 1 and command in pipeline.gather_commands.values()
        verbosity = rv_config_.get_verbosity_cli_opt()
        cmd = ['python', '-m', 'rastervision.pipeline', *([verbosity] if verbosity else [])]
        cmd += ['run_command', cfg_json_uri, command, '--runner', 'batch']
        if is_array or is_gather:
            cmd += ['--num-splits', str(num_splits)]
        if modules := own_modules(pipeline):
            cmd += ['--code', code_uri(cfg_json_uri)]
            cmd += [word for module in modules for word in ('--module', *module)]
        return cmd, {
            'job_name': _job_name(f'{pipeline_run_name}-{command}'),
            'attempts': attempts_setting(),
            'num_array_jobs': num_splits if is_array else None,
            'use_gpu': command in pipeline.gpu_commands,
        }

    def run_command(  # type: ignore[override]  # as in 0.31: a job has an id, a process has none
        self,
        cmd: list[str],
        job_name: str | None = None,
        debug: bool = False,
        attempts: int | None = 1,
        parent_job_ids: list[str] | None = None,
        num_array_jobs: int | None = None,
        use_gpu: bool = False,
        job_queue: str | None = None,
        job_def: str | None = None,
        **kwargs: Any,
    ) -> str:
        """Submit a program as a job.

        Args:
            cmd: The program and its arguments.
            job_name: Name of the job; one is made up by default.
            debug: Let the program, which has to be Python, wait for a debugger on port 6006.
            attempts: How often to try; None for as often as the job definition says.
            parent_job_ids: Jobs that have to go well before.
            num_array_jobs: Number of jobs of an array; one job that is in no array by default.
            use_gpu: Take the queue and the definition for GPUs.
            job_queue: The queue, if not that of the settings.
            job_def: The job definition, if not that of the settings.
            kwargs: Further arguments of the request `SubmitJob`.

        Returns:
            Id of the job.

        Raises:
            ConfigError: A setting is missing, or the size of the array is not in 2..10,000.
            StageError: AWS Batch refuses the job.
        """
        if num_array_jobs is not None and not 2 <= num_array_jobs <= MAX_ARRAY:
            raise ConfigError(
                f'AWS Batch takes 2 to {MAX_ARRAY:,} jobs in an array, got {num_array_jobs}; '
                'choose another number of splits.'
            )
        if job_queue is None or job_def is None:
            queue, definition = place(use_gpu)
            job_queue, job_def = job_queue or queue, job_def or definition
        parents = list(parent_job_ids or ())
        while len(parents) > MAX_PARENTS:  # jobs that do nothing wait for them in groups
            parents = [
                self.run_command(['true'], parent_job_ids=list(group))
                for group in grouped(parents, MAX_PARENTS)
            ]
        request: dict[str, Any] = {
            'jobName': job_name or f'raster-vision-{token_hex(4)}',
            'jobQueue': job_queue,
            'jobDefinition': job_def,
            'containerOverrides': {'command': [cmd[0], *DEBUGGER, *cmd[1:]] if debug else cmd},
        }
        if attempts is not None:
            request['retryStrategy'] = {'attempts': attempts}
        if parents:
            request['dependsOn'] = [{'jobId': parent} for parent in parents]
        if num_array_jobs is not None:
            request['arrayProperties'] = {'size': num_array_jobs}
        job_id = self._batch.submit(**(request | kwargs))
        self._submitted.append(job_id)
        self.note()
        array = '' if num_array_jobs is None else f', an array of {num_array_jobs}'
        click.echo(f'{request["jobName"]}: job {job_id}{array}')
        return job_id

    def get_split_ind(self) -> int | None:
        """Index of the split of this process, a job of an array; None if it is in no array."""
        index: int | None = get_env_var('AWS_BATCH_JOB_ARRAY_INDEX', out_type=int)
        return index

    def engine_jobs(self) -> Sequence[str]:
        """Names of the jobs that go on without this process: region and id."""
        return [f'{self._batch.region}/{job_id}' for job_id in self._submitted]

    def is_running(self, engine_jobs: Sequence[str]) -> bool | None:
        """Whether any of some jobs waits or runs; None if AWS Batch cannot be asked."""
        ids: dict[str, list[str]] = {}
        for name in engine_jobs:
            region, _, job_id = name.rpartition('/')
            ids.setdefault(region, []).append(job_id)
        try:
            details = [d for region in ids for d in BatchClient(region).details(ids[region])]
        except RVError as error:
            log.warning('%s', error)
            return None
        return any(detail['status'] not in ENDED for detail in details)

    @cached_property
    def _batch(self) -> BatchClient:
        return BatchClient()

    @contextmanager
    def _ending_jobs_after(self, *errors: type[BaseException]) -> Iterator[None]:
        """End all jobs that were submitted if one of some errors ends the block."""
        try:
            yield
        except errors:
            if self._submitted:
                click.echo('Ending the jobs that were submitted.', err=True)
            for job_id in reversed(self._submitted):
                try:
                    self._batch.terminate(job_id, 'The run was broken off.')
                except RVError as error:  # the others are to end all the same
                    log.warning('%s', error)
            raise


def _job_name(text: str) -> str:
    """A name that AWS Batch takes: letters, digits, - and _, and no sign at the beginning."""
    name = re.sub('[^A-Za-z0-9_-]+', '-', text).lstrip('-_')
    return name[:MAX_NAME]
