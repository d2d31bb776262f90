"""What the splits of a command leave for its gather step: one file of each split."""

import json
import re
from pathlib import Path
from typing import Any

from rastervision.core.rv_pipeline.layout import join_uri
from rastervision.pipeline.errors import StageError
from rastervision.pipeline.file_system import (
    file_exists,
    file_to_json,
    list_paths,
    str_to_file,
)
from rastervision.pipeline.file_system.local_file_system import without_file_scheme
from rastervision.pipeline.file_system.utils import remove

_NAME = re.compile(r'(\d+)-of-(\d+)\.')


class PartialResults:
    """The files `<stage>/.partial/<split>-of-<splits>.<extension>` of a command.

    Every split writes its file, be it empty, over that of an earlier run; so what the gather step
    finds is of one run when all splits have done their work.
    """

    def __init__(self, stage_uri: str, extension: str = 'json') -> None:
        """Prepare to write or read.

        Args:
            stage_uri: The folder that the command writes to.
            extension: End of the file names.
        """
        self.folder = join_uri(without_file_scheme(stage_uri), '.partial')
        self.extension = extension

    def uri(self, split_ind: int, num_splits: int) -> str:
        """Return where a split writes its file."""
        return join_uri(self.folder, f'{split_ind + 1}-of-{num_splits}.{self.extension}')

    def write(self, result: Any, split_ind: int, num_splits: int) -> None:
        """Write the result of a split as JSON, where NaN stays NaN."""
        str_to_file(json.dumps(result), self.uri(split_ind, num_splits))

    def read(self, num_splits: int) -> list[Any]:
        """Return the results of all splits; none if they were gathered before."""
        return [file_to_json(uri) for uri in self.uris(num_splits)]

    def uris(self, num_splits: int = 1) -> list[str]:
        """Return the files of all splits; none if they were gathered before.

        Args:
            num_splits: Number of splits; 1 for as many as there are files of.

        Raises:
            StageError: The file of a split is missing, or there are those of several runs.
        """
        if num_splits == 1:
            num_splits = self._count()
        uris = [self.uri(i, num_splits) for i in range(num_splits)]
        there = [file_exists(uri) for uri in uris]
        if not any(there):
            return []
        if not all(there):
            raise StageError(
                f'Split {there.index(False) + 1} of {num_splits} has not written '
                f'{uris[there.index(False)]}; run it before its results are gathered.'
            )
        return uris

    def remove(self) -> None:
        """Remove the files."""
        remove(self.folder)

    def _count(self) -> int:
        if not file_exists(self.folder):
            return 0
        names = [Path(uri).name for uri in list_paths(self.folder, self.extension)]
        counts = {int(match[2]) for name in names if (match := _NAME.match(name))}
        if len(counts) > 1:
            raise StageError(
                f'{self.folder} has results of runs with {" and ".join(map(str, sorted(counts)))} '
                'splits; say which ones to gather with --num-splits.'
            )
        return counts.pop() if counts else 0
