"""A runner that starts each job through a command of the user's, such as `nice` or `docker exec`.

    [WRAPPED]
    command = nice -n 19

in a profile, and `rastervision run wrapped ...` runs the plan, one job after the other, each as
`nice -n 19 python -m rastervision.pipeline run_command ...`.
"""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import StageError
from rastervision.pipeline.file_system.utils import file_exists, remove
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.plan import Job
from rastervision.pipeline.runner.job_log import log_uri
from rastervision.pipeline.runner.job_process import config_modules
from rastervision.pipeline.runner.plan_walk import JobResult, PlanWalk
from rastervision.pipeline.runner.runner import PlanRunner

if TYPE_CHECKING:
    from rastervision.pipeline.registry import Registry

NAME = 'wrapped'


class WrappedRunner(PlanRunner):
    """Runs each job as a program of its own."""

    on_this_machine = True

    def run_jobs(
        self,
        jobs: Sequence[Job],
        pipelines: Mapping[str, Pipeline],
        num_splits: int = 1,
        pipeline_run_name: str = 'raster-vision',
    ) -> None:
        """Carry out a plan; a job that fails stops those that wait for it, and no others."""
        walk = PlanWalk(jobs)
        while ready := walk.ready():
            job = ready[0]
            walk.start(job)
            walk.end(job, self.run_job(job, pipelines[job.pipeline]))
        walk.raise_failures()

    def run_job(self, job: Job, pipeline: Pipeline) -> JobResult:
        """Run a job and say how it ended."""
        log = log_uri(job)
        remove(log)  # that of an earlier run, if there is one
        try:
            self.run_command([*_wrapper(), *_program(job, pipeline)])
        except StageError as error:
            return JobResult(str(error), log if file_exists(log) else None)
        return JobResult(None, log)


def _wrapper() -> list[str]:
    """The user's command, from the settings."""
    settings = rv_config_.get_namespace_config(NAME)
    words: list[str] = settings('command', default='', parser=shlex.split)
    return words


def _program(job: Job, pipeline: Pipeline) -> Iterator[str]:
    """The words of a command line that runs a job, wherever the root of the pipeline is seen."""
    yield from (sys.executable, '-m', 'rastervision.pipeline')
    if profile := rv_config_.hand_over()['profile']:
        yield from ('--profile', profile)
    yield from ('run_command', job.pipeline, job.command, '--runner', NAME)
    if job.num_splits > 1:
        yield from ('--num-splits', str(job.num_splits))
        if not job.gather:
            yield from ('--split-ind', str(job.split))
    for name, file in config_modules(pipeline.config):
        yield from ('--module', name, file or '')


def register_plugin(registry: 'Registry') -> None:
    """Make the runner known by its name."""
    registry.add_runner(NAME, WrappedRunner)
