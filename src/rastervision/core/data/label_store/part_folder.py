"""PartFolder: where the parts of a prediction are until all are there."""

from collections.abc import Sequence

from rastervision.pipeline.errors import StageError
from rastervision.pipeline.file_system import (
    download_if_needed,
    file_exists,
    is_local,
    list_paths,
)
from rastervision.pipeline.file_system.utils import remove


class PartFolder:
    """A folder with a file for each part of one prediction; those of other predictions go.

    Attributes:
        uri: The folder of all predictions for the same place; that of this one is below it.
        key: Fingerprint of everything that decides the result.
    """

    def __init__(self, uri: str, key: str, tmp_dir: str | None = None) -> None:
        """Constructor. Parts that were written for another key are removed.

        Args:
            uri: The folder; it need not be there yet.
            key: Fingerprint of everything that decides the result.
            tmp_dir: Folder for downloads.
        """
        self.uri = uri
        self.key = key
        self._tmp_dir = tmp_dir
        for other in list_paths(uri) if file_exists(uri) else []:
            if other.rstrip('/').rpartition('/')[2] != key:
                remove(other)

    def part_uri(self, index: int) -> str:
        """Return where a part is, or will be."""
        return f'{self.uri}/{self.key}/{index:05}.part'

    def find(self, index: int) -> str | None:
        """Return a local path of a part; None if there is none."""
        uri = self.part_uri(index)
        if not file_exists(uri, include_dir=False):
            return None
        return uri if is_local(uri) else download_if_needed(uri, self._tmp_dir)

    def remove(self) -> None:
        """Remove all parts."""
        remove(self.uri)


def check_complete(missing: Sequence[int], count: int, what: str) -> None:
    """Raise StageError if parts are missing.

    Args:
        missing: Numbers of the missing parts.
        count: How many parts there should be.
        what: Of what.
    """
    if missing:
        shown = ', '.join(map(str, missing[:5])) + (', ...' if len(missing) > 5 else '')
        raise StageError(
            f'{len(missing)} of {count} parts of {what} are missing (numbers {shown}); run the '
            'prediction again, it computes only these.'
        )
