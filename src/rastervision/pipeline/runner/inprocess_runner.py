"""All jobs one after the other in this process: the simplest way, and the one to debug with."""

from collections.abc import Mapping, Sequence

from rastervision.pipeline.errors import StageError
from rastervision.pipeline.pipeline import Pipeline
from rastervision.pipeline.plan import Job, dependants
from rastervision.pipeline.runner.execute import execute
from rastervision.pipeline.runner.runner import PlanRunner


class InProcessRunner(PlanRunner):
    """Walks the plan in this process."""

    on_this_machine = True
    chooses_gpus = True

    def run_jobs(
        self,
        jobs: Sequence[Job],
        pipelines: Mapping[str, Pipeline],
        num_splits: int = 1,  # noqa: ARG002 (one job at a time)
        pipeline_run_name: str = 'raster-vision',  # noqa: ARG002 (no engine shows it)
    ) -> None:
        """Carry out a plan.

        A job that fails stops those that wait for it. The failure is raised when all the others
        have run.
        """
        failures: list[tuple[Job, Exception]] = []
        left_out: set[str] = set()
        for job in jobs:
            if job.id in left_out:
                continue
            config = pipelines[job.pipeline].config.copy()
            try:
                execute(config, job.command, job.split, job.num_splits)
            except Exception as error:  # noqa: BLE001 (raised below)
                lost = dependants(jobs, job.id)
                error.add_note(_describe(job, lost))
                failures.append((job, error))
                left_out |= {later.id for later in lost}
        if failures:
            _, first = failures[0]
            if len(failures) == 1:
                raise first
            lines = ''.join(
                f'\n  {job.label} of {job.pipeline}: {error}' for job, error in failures
            )
            raise StageError(f'{len(failures)} jobs failed:{lines}') from first


def _describe(job: Job, lost: Sequence[Job]) -> str:
    later = f' Not run because of it: {", ".join(other.label for other in lost)}.' if lost else ''
    return f'This ended {job.label} of {job.pipeline}.{later}'
