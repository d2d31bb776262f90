"""The log file of one job."""

from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory

from rastervision.pipeline.file_system import get_tmp_dir, is_local, make_dir, upload_or_copy
from rastervision.pipeline.file_system.file_system import unwritable
from rastervision.pipeline.file_system.local_file_system import to_path
from rastervision.pipeline.plan import Job

LAST_LINES = 20


def log_uri(job: Job) -> str:
    """Where the log of a job is kept: in `logs/` beside the config of its pipeline."""
    split = f'-{job.split + 1}-of-{job.num_splits}' if job.label != job.command else ''
    name = f'{job.command}{split}.log'
    if is_local(job.pipeline):
        return str(to_path(job.pipeline).parent / 'logs' / name)
    return f'{job.pipeline.rpartition("/")[0]}/logs/{name}'


class JobLog:
    """Keeps what a job writes in `logs/` beside the config of its pipeline.

    The file can be read while the job runs; on a remote file system it appears when the job ends.

    Args:
        job: The job.

    Raises:
        NotWritableError: The file cannot be written.
    """

    def __init__(self, job: Job) -> None:
        self.uri = log_uri(job)
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._tmp_dir: TemporaryDirectory[str] | None = None
        if is_local(self.uri):
            self.path = Path(self.uri)
        else:
            self._tmp_dir = get_tmp_dir()
            self.path = Path(self._tmp_dir.name, self.uri.rpartition('/')[2])
        make_dir(str(self.path.parent))
        try:
            self._file = self.path.open('w', encoding='utf-8', buffering=1)
        except OSError as error:
            raise unwritable(self.uri, error) from error

    def write(self, text: str) -> None:
        """Append lines.

        Raises:
            NotWritableError: The disk is full, or the like.
        """
        self.last_lines.extend(text.splitlines())
        try:
            self._file.write(f'{text}\n')
        except OSError as error:
            raise unwritable(self.uri, error) from error

    def close(self) -> None:
        """Finish the file, and upload it if its place is remote.

        Raises:
            NotWritableError: The disk is full, or the like.
        """
        try:
            self._file.close()
        except OSError as error:  # what could not be written before is tried again
            raise unwritable(self.uri, error) from error
        if self._tmp_dir is not None:
            upload_or_copy(str(self.path), self.uri)
            self._tmp_dir.cleanup()
            self._tmp_dir = None
