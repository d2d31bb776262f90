"""Waiting for jobs of AWS Batch."""

import time
from collections.abc import Mapping, Sequence

import click

from rastervision.aws_batch.client import BatchClient, DeniedError, Detail
from rastervision.pipeline.errors import ConfigError, RVError, StageError
from rastervision.pipeline.file_system import file_to_str
from rastervision.pipeline.plan import Job
from rastervision.pipeline.runner.job_log import LAST_LINES, log_uri
from rastervision.pipeline.runner.patience import Patience
from rastervision.pipeline.runner.plan_walk import JobResult, PlanWalk
from rastervision.pipeline.runner.stages import Stage

SHORTEST, LONGEST = 2.0, 30.0
"""Seconds between two looks: few after something happened, more and more while nothing does."""
ENDED = ('SUCCEEDED', 'FAILED')
WORDS = {
    'RUNNABLE': 'waiting for a machine',
    'STARTING': 'starting',
    'RUNNING': 'running',
    'SUCCEEDED': 'done',
    'FAILED': 'failed',
}
"""State of a job -> what to tell of it; nothing of one that waits for others."""
OWN_FAILURE = 1
"""Exit code of a job that has said why it failed, at the end of its log."""


def follow(batch: BatchClient, submitted: Mapping[str, Stage]) -> tuple[PlanWalk, list[str]]:
    """Wait until jobs have ended, and show how they get on.

    Args:
        batch: Where they are.
        submitted: Id of a job, or of an array of jobs -> what it carries out; each after those that
            it waits for.

    Returns:
        The plan, with all that failed, and the ids of jobs that were not seen to end.

    Raises:
        ConfigError: The credentials are no longer accepted; the jobs go on.
        DeniedError: The user may not look at jobs; they go on.
    """
    watch = _Watch(batch, submitted)
    pause = SHORTEST
    while watch.going_on:
        time.sleep(pause)
        pause = SHORTEST if watch.look() else min(LONGEST, 1.25 * pause)
    return watch.walk, watch.unseen


class _Watch:
    """What is known so far of jobs that are followed; arguments as for `follow`."""

    def __init__(self, batch: BatchClient, submitted: Mapping[str, Stage]) -> None:
        self.walk = PlanWalk([job for stage in submitted.values() for job in stage.jobs])
        self.going_on = dict(submitted)
        self.unseen: list[str] = []
        self._batch = batch
        self._told: dict[str, str] = {}
        self._patience = Patience()

    def look(self) -> bool:
        """Look at all jobs; whether there is anything new.

        Raises:
            ConfigError: The credentials are no longer accepted.
            DeniedError: The user may not look at jobs.
        """
        before = dict(self._told)
        try:
            details = {detail['jobId']: detail for detail in self._batch.details([*self.going_on])}
            self._patience.answer(details.keys())
            for job_id in list(self.going_on):
                self._look_at(job_id, details.get(job_id))
        except (ConfigError, DeniedError) as error:
            error.add_note(f'The jobs go on; see {self._batch.page}')
            raise
        except StageError as error:
            self._patience.no_answer(error)
            return False
        return before != self._told

    def _look_at(self, job_id: str, detail: Detail | None) -> None:
        stage = self.going_on[job_id]
        waiting = [job for job in stage.jobs if job in self.walk.waiting]
        if not waiting:  # one that it waits for has failed, so it does not run
            del self.going_on[job_id]
            if self.unseen:  # unless that one goes on after all
                self.unseen.append(job_id)
            return
        if detail is None:
            if not self._patience.is_over(job_id):
                return
            self.unseen.append(job_id)
            detail = {'status': 'FAILED', 'statusReason': 'AWS Batch no longer knows it'}
        if detail['status'] in ENDED:
            results = self._results(waiting, detail)
            del self.going_on[job_id]
            for job in waiting:
                self.walk.start(job)
            for job, result in results.items():
                self.walk.end(job, result)
        self._tell(job_id, stage, detail)

    def _tell(self, job_id: str, stage: Stage, detail: Detail) -> None:
        """Show the state of a job, or the states of the jobs of an array, if it is new."""
        status = detail['status']
        counts = detail.get('arrayProperties', {}).get('statusSummary')
        if counts and status not in ENDED:
            words = [f'{counts[state]} {WORDS[state]}' for state in WORDS if counts.get(state)]
            text = ', '.join(words)
        else:
            text = WORDS.get(status, '')
        if status == 'RUNNABLE' and 'statusReason' in detail:
            text = f'{text}: {detail["statusReason"]}'
        if text and self._told.get(job_id) != text:
            self._told[job_id] = text
            click.echo(f'{stage.jobs[0].command} ({job_id}): {text}')

    def _results(self, jobs: Sequence[Job], detail: Detail) -> dict[Job, JobResult]:
        """How the jobs of a stage have ended."""
        failed: dict[int, Detail] = {}
        if detail['status'] == 'FAILED' and detail.get('arrayProperties', {}).get('size'):
            children = self._batch.failed_children(detail['jobId'])
            failed = {int(child['jobId'].rpartition(':')[2]): child for child in children}
        if detail['status'] == 'FAILED' and not failed:  # not one of an array has started
            failed = {job.split: detail for job in jobs}
        return {job: _result(job, failed.get(job.split)) for job in jobs}


def _result(job: Job, failure: Detail | None) -> JobResult:
    """How a job has ended, by what AWS Batch tells of it if it failed."""
    uri = log_uri(job)
    if failure is None:
        return JobResult(None, uri)
    container = failure.get('container', {})
    code = container.get('exitCode')
    if code == OWN_FAILURE and (lines := _last_lines(uri)):
        return JobResult(f'exit code {code}', uri, lines)
    words = [container.get('reason'), failure.get('statusReason')]
    reason = ': '.join(dict.fromkeys(word for word in words if word)) or 'AWS Batch says no more'
    if code is not None:
        reason = f'exit code {code} ({reason})'
    stream = container.get('logStreamName')
    if stream:
        return JobResult(reason, f'the stream {stream} of CloudWatch')
    return JobResult(reason, uri if code == OWN_FAILURE else None)  # else it is of an earlier run


def _last_lines(uri: str) -> tuple[str, ...]:
    """The end of a log; nothing if it cannot be read from here."""
    try:
        return tuple(file_to_str(uri).splitlines()[-LAST_LINES:])
    except RVError:
        return ()
