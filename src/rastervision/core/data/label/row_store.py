"""RowStore: an array over a scene that does not have to fit into memory."""

import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import NotWritableError

MEMORY_BYTES = 64 * 1024**2
"""How much of one RowStore stays in memory."""

BAND_ROWS = 256


class RowStore:
    """A (C, H, W) array of zeros to begin with, kept as bands of rows.

    Bands come into being when they are written. The ones used last stay in memory, the others go
    to a temporary file, so that going through a large scene from top to bottom takes little
    memory and one write and one read of its bytes. A small scene never leaves memory.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        dtype: DTypeLike,
        memory_bytes: int | None = None,
    ) -> None:
        """Constructor.

        Args:
            shape: (C, H, W).
            dtype: dtype of the elements.
            memory_bytes: bytes of bands in memory, MEMORY_BYTES when None; three bands may be there
                in any case.
        """
        self.shape = shape
        self.dtype = np.dtype(dtype)
        budget = MEMORY_BYTES if memory_bytes is None else memory_bytes
        row_bytes = max(1, shape[0] * shape[2] * self.dtype.itemsize)
        self.band_rows = max(1, min(BAND_ROWS, budget // (4 * row_bytes)))
        self._band_bytes = self.band_rows * row_bytes
        self._max_bands = max(3, budget // self._band_bytes)
        self._bands: OrderedDict[int, NDArray[Any]] = OrderedDict()
        self._changed: set[int] = set()
        self._spilled: set[int] = set()
        self._file: BufferedRandom | None = None

    def parts(self, ymin: int, ymax: int) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Go through what has been written of rows [ymin, ymax).

        Args:
            ymin: first row.
            ymax: row after the last.

        Yields:
            First row, row after the last, and their (C, rows, W) elements, to be read before the
            next step. Bands that were never written are left out.
        """
        for index, start, stop in self._split(ymin, ymax):
            if index in self._bands or index in self._spilled:
                yield start, stop, self._rows(index, start, stop)

    def changing(self, ymin: int, ymax: int) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Like `parts`, for writing into the arrays before the next step; leaves nothing out."""
        for index, start, stop in self._split(ymin, ymax):
            self._changed.add(index)
            yield start, stop, self._rows(index, start, stop)

    def read(self, ymin: int, xmin: int, ymax: int, xmax: int) -> NDArray[Any]:
        """A copy of the (C, h, w) elements of a window within the array."""
        out = np.zeros((self.shape[0], ymax - ymin, xmax - xmin), dtype=self.dtype)
        for start, stop, rows in self.parts(ymin, ymax):
            out[:, start - ymin : stop - ymin] = rows[:, :, xmin:xmax]
        return out

    def _split(self, ymin: int, ymax: int) -> Iterator[tuple[int, int, int]]:
        """Cut rows into (band, first row, row after the last)."""
        while ymin < ymax:
            index = ymin // self.band_rows
            stop = min(ymax, (index + 1) * self.band_rows)
            yield index, ymin, stop
            ymin = stop

    def _rows(self, index: int, start: int, stop: int) -> NDArray[Any]:
        if index not in self._bands:
            shape = (self.shape[0], self.band_rows, self.shape[2])
            self._bands[index] = band = np.zeros(shape, self.dtype)
            if index in self._spilled:
                file = self._open_file()
                file.seek(index * self._band_bytes)
                file.readinto(band.data.cast('B'))
            while len(self._bands) > self._max_bands:
                self._spill()
        self._bands.move_to_end(index)
        first = index * self.band_rows
        return self._bands[index][:, start - first : stop - first]

    def _spill(self) -> None:
        index, band = self._bands.popitem(last=False)
        if index not in self._changed:
            return
        file = self._open_file()
        try:
            file.seek(index * self._band_bytes)
            file.write(band.data.cast('B'))
        except OSError as e:
            raise NotWritableError(
                f'Labels that do not fit into memory cannot be kept in '
                f'{rv_config_.get_tmp_dir_root()}: {e.strerror}; name a folder with more space by '
                '--tmpdir or TMPDIR.'
            ) from e
        self._changed.remove(index)
        self._spilled.add(index)

    def _open_file(self) -> BufferedRandom:
        if self._file is None:
            root = Path(rv_config_.get_tmp_dir_root())
            root.mkdir(parents=True, exist_ok=True)
            # it has no name, and goes away with this object
            file = tempfile.TemporaryFile(dir=root)  # noqa: SIM115
            weakref.finalize(self, file.close)
            self._file = file
        return self._file
