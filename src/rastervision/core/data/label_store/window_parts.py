"""WindowParts: what a model says about the windows of a scene, on disk part by part."""

import io
import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.label_store.part_folder import PartFolder, check_complete
from rastervision.core.prediction.window_results import WindowBoxes, WindowScores
from rastervision.pipeline.file_system import atomic_path

WindowResult: TypeAlias = WindowScores | WindowBoxes
Columns: TypeAlias = dict[str, NDArray[Any]]

HEAD = struct.Struct('<8sI')
"""What a file begins with: MAGIC, and the CRC-32 of what follows."""
MAGIC = b'RVWINDOW'


class WindowParts:
    """Parts of the windows of a scene, each of which is written on its own as one file.

    A part is there as a whole or not at all. A file holds plain arrays, no objects.
    """

    def __init__(self, folder: PartFolder, parts: Sequence[Sequence[Box]], what: str) -> None:
        """Constructor.

        Args:
            folder: Where the files are.
            parts: The windows of each part, in the extent frame.
            what: What is predicted, for messages.
        """
        self._folder = folder
        self._parts = parts
        self._what = what

    def is_done(self, index: int) -> bool:
        """Say whether a part is there, undamaged."""
        return self._load(index) is not None

    def write(self, index: int, results: Sequence[WindowResult]) -> None:
        """Write what a model says about the windows of a part, in their order.

        Raises:
            ValueError: There are not as many results as windows.
        """
        if len(results) != len(self._parts[index]):
            raise ValueError(
                f'The backend gave {len(results)} results for {len(self._parts[index])} windows.'
            )
        columns = _to_columns(results)
        columns['stamp'] = np.array(self._stamp(index))
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **columns)
        content = buffer.getvalue()
        with atomic_path(self._folder.part_uri(index)) as path:
            Path(path).write_bytes(HEAD.pack(MAGIC, zlib.crc32(content)) + content)

    def read(self) -> Iterator[WindowResult]:
        """Yield what a model says about all windows, in their order.

        Raises:
            StageError: Parts are missing or damaged.
        """
        for index, windows in enumerate(self._parts):
            columns = self._load(index)
            if columns is None:
                missing = [i for i in range(len(self._parts)) if i == index or not self.is_done(i)]
                check_complete(missing, len(self._parts), self._what)
            else:
                yield from _from_columns(windows, columns)

    def remove(self) -> None:
        """Remove all parts."""
        self._folder.remove()

    def _stamp(self, index: int) -> str:
        windows = self._parts[index]
        places = [len(windows), *windows[0], *windows[-1]]
        return json.dumps({'key': self._folder.key, 'windows': places})

    def _load(self, index: int) -> Columns | None:
        """The arrays of a part; None if it is not there or damaged."""
        path = self._folder.find(index)
        if path is None:
            return None
        data = Path(path).read_bytes()
        content = data[HEAD.size :]
        if data[: HEAD.size] != HEAD.pack(MAGIC, zlib.crc32(content)):
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            columns = dict(file)
        return columns if str(columns.pop('stamp')) == self._stamp(index) else None


def _to_columns(results: Sequence[WindowResult]) -> Columns:
    columns: Columns = {'valid': np.array([result.valid for result in results])}
    columns['scores'] = np.concatenate([np.atleast_1d(r.scores) for r in results])
    columns['counts'] = np.array([len(result.scores) for result in results])
    boxes = [result for result in results if isinstance(result, WindowBoxes)]
    if boxes:
        columns['boxes'] = np.concatenate([r.boxes.reshape(-1, 4) for r in boxes])
        columns['class_ids'] = np.concatenate([r.class_ids for r in boxes])
    return columns


def _from_columns(windows: Sequence[Box], columns: Columns) -> Iterator[WindowResult]:
    edges = np.cumsum(columns['counts']).tolist()
    valid = columns['valid'].tolist()
    for i, (window, start, stop) in enumerate(zip(windows, [0, *edges], edges, strict=False)):
        of_window = slice(start, stop)
        scores = columns['scores'][of_window]
        if 'boxes' in columns:
            boxes, class_ids = columns['boxes'][of_window], columns['class_ids'][of_window]
            yield WindowBoxes(window, boxes, class_ids, scores, valid[i])
        else:
            yield WindowScores(window, scores, valid[i])
