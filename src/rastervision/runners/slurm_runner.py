"""Jobs of SLURM: an array for the splits of a command, the order by dependencies."""

import logging
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from secrets import token_hex

import click

from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import ConfigError, StageError
from rastervision.pipeline.file_system import is_local, str_to_file
from rastervision.pipeline.file_system.local_file_system import to_path
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.plan import Job
from rastervision.pipeline.runner.job_process import Modules, config_modules
from rastervision.pipeline.runner.runner import PlanRunner
from rastervision.pipeline.runner.stages import Stage, stages
from rastervision.pipeline.signals import cleaning_up_on_signals
from rastervision.runners import slurm_client
from rastervision.runners.slurm_follow import WHY, Task, follow, last_words
from rastervision.runners.slurm_script import batch_script
from rastervision.runners.slurm_settings import SECTION, job_settings

log = logging.getLogger(__name__)


class SlurmRunner(PlanRunner):
    """Submits a plan to SLURM, and waits for its end if it is told to.

    Every command of a pipeline is one submission: a job, or an array of jobs if it is split.
    Nothing starts before SLURM has accepted everything. A job that fails ends those that wait for
    it, and nothing else. Scripts, what jobs print, and their exit codes go to a new folder below
    `slurm/` beside the pipeline's config, or below `work_dir` of the section `[slurm]`.
    """

    on_this_machine = True  # the machines of a cluster share their files

    def __init__(self) -> None:
        self._jobs: list[str] = []

    def run_jobs(
        self,
        jobs: Sequence[Job],
        pipelines: Mapping[str, Pipeline],
        num_splits: int = 1,  # noqa: ARG002 (SLURM has a queue of its own)
        pipeline_run_name: str = 'raster-vision',
    ) -> None:
        """Submit a plan; see `Runner.run_jobs`. Ctrl-C cancels what is submitted.

        Raises:
            StageError: SLURM cannot be reached or does not take a job; or jobs failed that were
                waited for: the message has their last lines and what did not run.
            ConfigError: There is no place for scripts, or a setting cannot be read.
            NotWritableError: A script cannot be written.
        """
        self._jobs = []
        submission = _Submission(pipelines, pipeline_run_name)
        with cleaning_up_on_signals():
            try:
                tasks = submission.submit(stages(jobs), self._jobs)
                self.note()
                slurm_client.release(submission.held)
                if self.wait:
                    follow(tasks)
                    self._jobs = []
            except BaseException:
                self._cancel()
                raise
        if not self.wait:
            for pipeline in pipelines.values():
                root = shlex.quote(str(pipeline.config.root_uri))
                click.echo(f'See how it goes: rastervision status {root}')

    def _cancel(self) -> None:
        """End what was submitted."""
        try:
            slurm_client.cancel(self._jobs)
        except StageError as error:
            log.warning('%s Cancel jobs %s yourself.', error, ' '.join(self._jobs))

    def engine_jobs(self) -> Sequence[str]:
        """Ids of the jobs that were submitted; none if they were waited for and went well."""
        return tuple(self._jobs)

    def is_running(self, engine_jobs: Sequence[str]) -> bool | None:
        """Whether any of some jobs waits or runs; None if SLURM does not answer."""
        try:
            return slurm_client.any_active(engine_jobs)
        except StageError:
            return None

    def why_ended(self, output: str) -> str | None:
        """Why SLURM has ended a job, by what its daemon has written to its output."""
        state = last_words(Path(output))
        return None if state is None else WHY[state]


class _Submission:
    """Makes jobs of SLURM out of stages.

    Args:
        pipelines: URI of the config -> pipeline.
        name: Name of the run, with which the names of jobs start.

    Attributes:
        held: Ids of the jobs that wait for nothing else.
    """

    def __init__(self, pipelines: Mapping[str, Pipeline], name: str) -> None:
        self.name = name
        self.held: list[str] = []
        run = f'{time.strftime("%Y%m%d-%H%M%S")}-{token_hex(2)}'
        self.folders = {uri: _folder(uri, run) for uri in pipelines}
        self.modules = {uri: _modules(pipeline) for uri, pipeline in pipelines.items()}
        self.settings = {gpu: job_settings(gpu) for gpu in (False, True)}

    def submit(self, plan: Sequence[Stage], accepted: list[str]) -> dict[Job, Task]:
        """Submit all stages; `held` waits for `slurm_client.release`.

        Args:
            plan: The stages.
            accepted: The id of each is added here.

        Returns:
            Where the jobs are found.
        """
        self._warn_of_missing_gpu(plan)
        tasks: dict[Job, Task] = {}
        for number, stage in enumerate(plan, start=1):
            job = stage.jobs[0]
            settings, modules = self.settings[job.gpu], self.modules[job.pipeline]
            script = self.folders[job.pipeline] / f'{number}-{job.command}.sh'
            str_to_file(batch_script(stage, settings, modules, script, Path.cwd()), str(script))
            before = [accepted[position] for position in stage.after]
            options = [*self._options(stage, script, before), *settings.options]
            slurm_client.submit(job.command, options, script, accepted)
            tasks.update(_tasks(stage, accepted[-1], script))
            count = f' ({len(stage.jobs)} splits)' if stage.is_array else ''
            after = f', after {", ".join(before)}' if before else ''
            whose = f'{PurePath(job.pipeline).parent.name}: ' if len(self.folders) > 1 else ''
            click.echo(f'{whose}{job.command} is job {accepted[-1]}{count}{after}')
            if not stage.after:
                self.held.append(accepted[-1])
        for folder in dict.fromkeys(self.folders.values()):
            click.echo(f'Scripts and output are in {folder}')
        return tasks

    def _options(self, stage: Stage, script: Path, before: Sequence[str]) -> list[str]:
        """Options of sbatch that are not for the user to choose."""
        escaped = str(script.with_suffix('')).replace('%', '%%')
        options = [
            f'--job-name={self.name}-{stage.jobs[0].command}',
            f'--output={escaped}{"-%a" if stage.is_array else ""}.out',
            '--kill-on-invalid-dep=yes',
        ]
        if stage.is_array:
            options.append(f'--array=0-{len(stage.jobs) - 1}')
        # a job that waits for nothing is held until all others know what they wait for
        options.append(f'--dependency=afterok:{":".join(before)}' if before else '--hold')
        return options

    def _warn_of_missing_gpu(self, plan: Sequence[Stage]) -> None:
        names = dict.fromkeys(stage.jobs[0].command for stage in plan if stage.jobs[0].gpu)
        if names and not self.settings[True].asks_for_gpu:
            log.warning(
                '%s will have no GPU: [slurm] has no gpu_gres, such as gpu:1, and nothing in '
                'gpu_partition or gpu_options that is about GPUs.',
                ' and '.join(names),
            )


def _tasks(stage: Stage, name: str, script: Path) -> dict[Job, Task]:
    """Where the jobs of a stage are found that was accepted under a name."""
    if not stage.is_array:
        return {stage.jobs[0]: Task(name, script.with_suffix('.out'))}
    return {
        job: Task(f'{name}_{number}', script.with_name(f'{script.stem}-{number}.out'))
        for number, job in enumerate(stage.jobs)
    }


def _folder(uri: str, run: str) -> Path:
    """Where scripts and output of the jobs of a pipeline go."""
    work_dir = rv_config_.get_namespace_option(SECTION, 'work_dir')
    if work_dir:
        return Path(work_dir).expanduser().absolute() / run
    if not is_local(uri):
        raise ConfigError(
            f'The scripts of jobs cannot go beside {uri}; name a folder that the machines of the '
            'cluster share as work_dir in the section [slurm] of the settings.'
        )
    return to_path(uri).absolute().parent / 'slurm' / run


def _modules(pipeline: Pipeline) -> Modules:
    """The modules that jobs have to import: those of classes that no plugin has."""
    own = config_modules(pipeline.config)
    return [(name, file) for name, file in own if not name.startswith('rastervision.')]
