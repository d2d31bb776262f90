"""Pyramid: a raster and its overviews, made from rows that come from top to bottom."""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rastervision.core.data.label_store.cog.layer import Layer, Shape
from rastervision.core.data.label_store.cog.tile_file import PLACE, Places, append


class Pyramid:
    """Encodes the tiles of a raster, and those of its overviews, while its rows come in.

    Memory holds two rows of tiles of every resolution: one is filled while one is encoded.
    """

    def __init__(
        self,
        layer: Layer,
        shapes: Sequence[Shape],
        file: BinaryIO,
        threads: Executor,
        starts: Sequence[int] | None = None,
    ) -> None:
        """Constructor.

        Args:
            layer: kind of the raster.
            shapes: (height, width) of the raster and of the overviews to make; at least one.
            file: where to write tiles.
            threads: where tiles are compressed.
            starts: where in the file the tiles of each resolution begin, for tiles of a known
                size; when None, tiles are appended as they come.
        """
        self.levels: list[Level] = []
        above = None
        for i, shape in reversed(list(enumerate(shapes))):
            start = None if starts is None else starts[i]
            above = Level(layer, shape, file, threads, start, above)
            self.levels.insert(0, above)
        self._layer = layer
        self._width = shapes[0][1]
        self._filled = 0  # rows in the row of tiles that is being filled

    def add(self, rows: NDArray[Any]) -> None:
        """Take the next (count, h, width) rows."""
        block, bottom = self._layer.block, self.levels[0]
        whole = self._width // block
        start = 0
        while start < rows.shape[1]:
            stop = min(rows.shape[1], start + block - self._filled)
            some = rows[:, start:stop]
            # (count, h, columns, block): a view, so that pixels are moved once
            target = bottom.room.transpose(1, 2, 0, 3)[
                :, self._filled : self._filled + stop - start
            ]
            inner = some[..., : whole * block]
            target[:, :, :whole] = inner.reshape(*inner.shape[:2], whole, block)
            rest = some[..., whole * block :]
            target[:, :, whole:, : rest.shape[2]] = rest[:, :, None]
            self._filled = (self._filled + stop - start) % block
            if not self._filled:
                bottom.next_row()
            start = stop

    def finish(self) -> list[Places]:
        """Encode what is left; places of the tiles of every resolution."""
        if self._filled:
            self.levels[0].next_row()
        for level in self.levels:
            level.wait()
        return [level.places for level in self.levels]


class Level:
    """One resolution of a raster.

    Attributes:
        room: (columns, count, block, block) of the row of tiles that is being filled. Pixels of
            the tiles beyond the raster's edge need no values; they repeat the last ones.
        places: (rows, columns, count) of PLACE.
    """

    def __init__(
        self,
        layer: Layer,
        shape: Shape,
        file: BinaryIO,
        threads: Executor,
        start: int | None,
        above: 'Level | None',
    ) -> None:
        self._layer = layer
        self._shape = shape
        self._file = file
        self._threads = threads
        self._start = start
        self._above = above
        self.room = layer.empty_row(shape[1])
        self._spare = layer.empty_row(shape[1])
        self.places: Places = np.zeros((*layer.grid(shape), layer.count), dtype=PLACE)
        self._next = 0
        self._work: list[Future[list[bytes | memoryview]]] = []

    def take(self, row: int, column: int, tile: NDArray[Any]) -> None:
        """Fill a quarter of a tile with a (count, block, block) tile of the resolution below."""
        half = self._layer.block // 2
        y, x = row % 2 * half, column % 2 * half
        self._layer.halve(tile, self.room[column // 2, :, y : y + half, x : x + half])

    def next_row(self) -> None:
        """The row of tiles is filled: begin to encode it, and make room for the next one."""
        self.wait()
        row, tiles = self._next, self.room
        self._next += 1
        self.room, self._spare = self._spare, self.room
        self._work = [
            self._threads.submit(self._encode, row, column, tile)
            for column, tile in enumerate(tiles)
        ]

    def wait(self) -> None:
        """Wait until the last row is encoded and written; rows above may follow from it."""
        if not self._work:
            return
        row = self._next - 1
        if self._start is not None:
            tile_bytes = self.room[0, 0].nbytes
            self._file.seek(self._start + row * self.places[0].size * tile_bytes)
        for column, work in enumerate(self._work):
            self.places[row, column] = [append(self._file, data) for data in work.result()]
        self._work = []
        if self._above is not None and (row % 2 or self._next == len(self.places)):
            self._above.next_row()

    def _encode(self, row: int, column: int, tile: NDArray[Any]) -> list[bytes | memoryview]:
        block = self._layer.block
        height, width = self._shape[0] - row * block, self._shape[1] - column * block
        if width < block:
            tile[..., width:] = tile[..., width - 1 : width]
        if height < block:
            tile[:, height:] = tile[:, height - 1 : height]
        if self._above is not None:
            self._above.take(row, column, tile)
        return [self._layer.encode(band) for band in tile]
