"""Runners: what carries out the jobs of a plan."""

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from rastervision.pipeline.errors import StageError
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.plan import Job, plan


class Runner(ABC):
    """Carries out pipelines somewhere; subclasses are registered with `registry.add_runner`.

    Attributes:
        on_this_machine: Whether commands see the files that this process sees.
        chooses_gpus: Whether jobs see the GPUs that this process sees, so that `--gpus` counts.
        wait: Whether `run` and `run_jobs` return only when all jobs have ended, also with an engine
            that goes on without this process.
        note: To be called as soon as the engine has been given jobs: it writes `engine_jobs` into
            the locks of the run.
    """

    on_this_machine: bool = False
    chooses_gpus: bool = False
    wait: bool = False
    note: Callable[[], None] = staticmethod(lambda: None)

    @abstractmethod
    def run(
        self,
        cfg_json_uri: str,
        pipeline: Pipeline,
        commands: Sequence[str],
        num_splits: int = 1,
        pipeline_run_name: str = 'raster-vision',
    ) -> None:
        """Run commands of a pipeline.

        Args:
            cfg_json_uri: URI of the serialised config of the pipeline.
            pipeline: The pipeline.
            commands: Names of the commands, gather steps among them where there are several splits;
                all commands if empty.
            num_splits: Number of jobs for each command that can be split.
            pipeline_run_name: Name of the run where the engine shows one.

        Raises:
            StageError: A command failed.
        """

    def run_jobs(
        self,
        jobs: Sequence[Job],
        pipelines: Mapping[str, Pipeline],
        num_splits: int = 1,
        pipeline_run_name: str = 'raster-vision',
    ) -> None:
        """Carry out a plan.

        A runner that knows nothing but `run` gets the commands of one pipeline after the other.

        Args:
            jobs: The plan, each job after those that it waits for.
            pipelines: URI of the config -> pipeline.
            num_splits: Number of jobs that a command was split into; an engine without a queue of
                its own runs as many beside each other.
            pipeline_run_name: Name of the run where the engine shows one.

        Raises:
            StageError: A command failed.
        """
        for uri, pipeline in pipelines.items():
            own = [job for job in jobs if job.pipeline == uri]
            commands = list(dict.fromkeys(job.command for job in own))
            if commands:
                self.run(uri, pipeline, commands, num_splits, pipeline_run_name)

    def check(  # noqa: B027 (most runners take whatever comes)
        self, pipelines: Mapping[str, Pipeline], commands: Sequence[str]
    ) -> None:
        """Raise ConfigError if commands cannot run with this runner; before anything is written.

        Args:
            pipelines: URI of the config, which is not there yet -> pipeline.
            commands: The commands; all if empty.
        """

    def run_command(self, cmd: list[str]) -> None:
        """Run one program with its arguments where the jobs run: here, as a process of its own.

        Raises:
            StageError: The program is missing or does not end with exit code 0.
        """
        try:
            result = subprocess.run(cmd, check=False)  # noqa: S603 (the caller's own command)
        except OSError as error:
            raise StageError(f'Cannot run {cmd[0]!r}: {error.strerror}.') from error
        if result.returncode != 0:
            raise StageError(f'{cmd[0]!r} ended with exit code {result.returncode}.')

    def engine_jobs(self) -> Sequence[str]:
        """Names of the jobs that the engine has been given, which go on without this process."""
        return ()

    def is_running(self, engine_jobs: Sequence[str]) -> bool | None:  # noqa: ARG002 (for subclasses)
        """Whether any of some jobs of the engine, of this process or another, waits or runs.

        None if the engine cannot be asked.
        """
        return False

    def why_ended(self, output: str) -> str | None:  # noqa: ARG002 (for subclasses)
        """Why the engine has ended a job; None if it does not say.

        Args:
            output: The file where it keeps what the job printed; see `state.Record`.
        """
        return None

    def get_split_ind(self) -> int | None:
        """Index of the split that this process is to run, if the engine tells it (array jobs)."""
        return None


class PlanRunner(Runner):
    """A runner that carries out the plan of all pipelines at once."""

    @abstractmethod
    def run_jobs(
        self,
        jobs: Sequence[Job],
        pipelines: Mapping[str, Pipeline],
        num_splits: int = 1,
        pipeline_run_name: str = 'raster-vision',
    ) -> None:
        """Carry out a plan; see `Runner.run_jobs`."""

    def run(
        self,
        cfg_json_uri: str,
        pipeline: Pipeline,
        commands: Sequence[str],
        num_splits: int = 1,
        pipeline_run_name: str = 'raster-vision',
    ) -> None:
        """Run commands of a pipeline; see `Runner.run`."""
        pipelines = {cfg_json_uri: pipeline}
        jobs = plan(pipelines, commands, num_splits)
        self.run_jobs(jobs, pipelines, num_splits, pipeline_run_name)
