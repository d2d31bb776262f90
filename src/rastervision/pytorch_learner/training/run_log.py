"""The record of a training run: log.csv, and logs for TensorBoard."""

import csv
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rastervision.pipeline.file_system import atomic_path
from rastervision.pipeline.process import GRACE_SECONDS


def log_metrics_to_csv(csv_path: str | os.PathLike[str], metrics: Mapping[str, Any]) -> None:
    """Add a row to a CSV file, with a line of names at the top.

    Args:
        csv_path: The file; made if it is missing.
        metrics: Values by name, with the number of the epoch as `epoch`. Rows of this epoch and
            later ones, left by a run that was cut off, are replaced.
    """
    kept = [r for r in read_log(csv_path) if int(r['epoch']) < int(metrics['epoch'])]
    names = list(dict.fromkeys([*(kept[-1] if kept else ()), *metrics]))
    with atomic_path(str(csv_path)) as path, Path(path).open('w', newline='', encoding='utf8') as f:
        writer = csv.DictWriter(f, names, restval='', lineterminator='\n')
        writer.writeheader()
        writer.writerows([*kept, dict(metrics)])


def read_log(csv_path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """Rows of a log.csv by name of the column; none when there is no such file."""
    if not Path(csv_path).is_file():
        return []
    with Path(csv_path).open(newline='', encoding='utf8') as f:
        return [row for row in csv.DictReader(f) if row.get('epoch')]


class TensorBoard:
    """Writes logs for TensorBoard, and runs it if asked to."""

    def __init__(self, folder: Path) -> None:
        """Constructor.

        Args:
            folder: Where to write.
        """
        from torch.utils.tensorboard import SummaryWriter

        self.writer: SummaryWriter = SummaryWriter(log_dir=str(folder))
        self._folder = folder
        self._server: subprocess.Popen[bytes] | None = None

    def serve(self) -> None:
        """Run TensorBoard until `close`."""
        if self._server is None:
            command = [sys.executable, '-m', 'tensorboard.main', '--logdir', str(self._folder)]
            self._server = subprocess.Popen(command)  # noqa: S603  our own interpreter

    def log(self, metrics: Mapping[str, Any]) -> None:
        """Write the numbers among the metrics of an epoch."""
        for name, value in metrics.items():
            if name != 'epoch' and isinstance(value, (int, float)):
                self.writer.add_scalar(name, value, int(metrics['epoch']))
        self.writer.flush()

    def close(self) -> None:
        """Finish the logs and stop what was started."""
        self.writer.close()
        if self._server is not None:
            self._server.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._server.wait(GRACE_SECONDS)
            self._server.kill()
            self._server.wait()
            self._server = None
