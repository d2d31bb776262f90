"""BlockStore: an array over a scene that does not have to fit into memory."""

import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rastervision.core.box import Box
from rastervision.pipeline import rv_config_
from rastervision.pipeline.errors import NotWritableError

MEMORY_BYTES = 64 * 1024**2
"""How much of one BlockStore stays in memory."""

BLOCK_ROWS = 256
BLOCK_COLUMNS = 2048


class BlockStore:
    """A (C, H, W) array of zeros to begin with, kept as blocks.

    Blocks come into being when they are written. The ones used last stay in memory, the others go
    to a temporary file. Going through a large scene row by row of windows takes little memory and
    about one write and one read of its bytes, however wide it is. A small scene never leaves
    memory.
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
            memory_bytes: bytes of blocks in memory, MEMORY_BYTES when None; four blocks may be
                there in any case.
        """
        self.extent = Box(0, 0, *shape[1:])
        self.dtype = np.dtype(dtype)
        self._block = shape[0], min(BLOCK_ROWS, shape[1]), min(BLOCK_COLUMNS, shape[2])
        self._block_bytes = int(np.prod(self._block)) * self.dtype.itemsize
        self._per_row = -(-shape[2] // BLOCK_COLUMNS)
        budget = MEMORY_BYTES if memory_bytes is None else memory_bytes
        self._max_blocks = max(4, budget // max(1, self._block_bytes))
        self._blocks: OrderedDict[int, NDArray[Any]] = OrderedDict()
        self._changed: set[int] = set()
        self._spilled: set[int] = set()
        self._file: BufferedRandom | None = None

    def parts(self, box: Box) -> Iterator[tuple[Box, NDArray[Any]]]:
        """Go through what has been written of a box.

        Args:
            box: box within the array; it may be empty.

        Yields:
            Boxes within it and their (C, h, w) elements, to be read before the next step. Blocks
            that were never written are left out.
        """
        for index, part in self._split(box):
            if index in self._blocks or index in self._spilled:
                yield part, self._view(index, part)

    def changing(self, box: Box) -> Iterator[tuple[Box, NDArray[Any]]]:
        """Like `parts`, for writing into the arrays before the next step; leaves nothing out."""
        for index, part in self._split(box):
            self._changed.add(index)
            yield part, self._view(index, part)

    def read(self, box: Box) -> NDArray[Any]:
        """A copy of the (C, h, w) elements of a box within the array."""
        out = np.zeros((self._block[0], *box.size), dtype=self.dtype)
        for part, values in self.parts(box):
            out[:, *part.to_local_coords(box).to_slices()] = values
        return out

    def _split(self, box: Box) -> Iterator[tuple[int, Box]]:
        """Cut a box into the parts that lie in one block each, with the number of the block."""
        if box.area:
            for row in range(box.ymin // BLOCK_ROWS, -(-box.ymax // BLOCK_ROWS)):
                top, bottom = row * BLOCK_ROWS, (row + 1) * BLOCK_ROWS
                for column in range(box.xmin // BLOCK_COLUMNS, -(-box.xmax // BLOCK_COLUMNS)):
                    left, right = column * BLOCK_COLUMNS, (column + 1) * BLOCK_COLUMNS
                    yield (
                        row * self._per_row + column,
                        Box(
                            max(box.ymin, top),
                            max(box.xmin, left),
                            min(box.ymax, bottom),
                            min(box.xmax, right),
                        ),
                    )

    def _view(self, index: int, part: Box) -> NDArray[Any]:
        if index not in self._blocks:
            self._blocks[index] = self._load(index)
        self._blocks.move_to_end(index)
        row, column = divmod(index, self._per_row)
        rows, columns = part.translate(-row * BLOCK_ROWS, -column * BLOCK_COLUMNS).to_slices()
        return self._blocks[index][:, rows, columns]

    def _load(self, index: int) -> NDArray[Any]:
        if len(self._blocks) < self._max_blocks:
            block = np.zeros(self._block, self.dtype)
        else:
            block = self._spill()
            if index not in self._spilled:
                block[...] = 0
        if index in self._spilled:
            file = self._open_file()
            file.seek(index * self._block_bytes)
            file.readinto(block.data.cast('B'))
        return block

    def _spill(self) -> NDArray[Any]:
        """Take the block that was not used for longest out of memory; gives its room."""
        index, block = self._blocks.popitem(last=False)
        if index not in self._changed:
            return block
        file = self._open_file()
        try:
            file.seek(index * self._block_bytes)
            file.write(block.data.cast('B'))
        except OSError as e:
            raise NotWritableError(
                f'Labels that do not fit into memory cannot be kept in '
                f'{rv_config_.get_tmp_dir_root()}: {e.strerror}; name a folder with more space by '
                '--tmpdir or TMPDIR.'
            ) from e
        self._changed.remove(index)
        self._spilled.add(index)
        return block

    def _open_file(self) -> BufferedRandom:
        if self._file is None:
            root = Path(rv_config_.get_tmp_dir_root())
            root.mkdir(parents=True, exist_ok=True)
            # it has no name, and goes away with this object
            file = tempfile.TemporaryFile(dir=root)  # noqa: SIM115
            weakref.finalize(self, file.close)
            self._file = file
        return self._file
