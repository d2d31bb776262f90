"""Masks on their way to polygons: bits, in pieces of some rows."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.label_store.cog import TileFile, TileReader, append
from rastervision.core.data.label_store.cog.tile_file import PLACE, Places


class MaskRows:
    """Takes rows of a mask from top to bottom."""

    def __init__(self, width: int, block: int, file: BinaryIO) -> None:
        """Constructor.

        Args:
            width: columns of the mask.
            block: rows of a piece.
            file: where to append pieces.
        """
        self._room = np.zeros((block, width), dtype=bool)
        self._filled = 0
        self._file = file
        self._places: list[tuple[int, int]] = []

    def add(self, rows: NDArray[np.bool_]) -> None:
        """Take the next (h, width) rows."""
        while len(rows):
            some = rows[: len(self._room) - self._filled]
            self._room[self._filled : self._filled + len(some)] = some
            self._filled += len(some)
            if self._filled == len(self._room):
                self._keep()
            rows = rows[len(some) :]

    def finish(self) -> list[Places]:
        """Keep what is left; places of the pieces, as those of a raster of a single resolution."""
        if self._filled:
            self._keep()
        return [np.array(self._places, dtype=PLACE).reshape(-1, 1, 1)]

    def _keep(self) -> None:
        bits = np.packbits(self._room[: self._filled], axis=1)
        self._places.append(append(self._file, zlib.compress(bits.data, 1)))
        self._filled = 0


def read_mask(
    name: str, block: int, extent: Box, parts: Sequence[tuple[Box, TileFile]]
) -> Iterator[NDArray[np.uint8]]:
    """Put a mask together from parts.

    Args:
        name: of the mask in the tile files.
        block: rows of a piece.
        extent: Box(0, 0, height, width) that the parts cover.
        parts: rectangles, whose upper edges are at multiples of `block`, and their pieces.

    Yields:
        (h, width) rows of 0 and 1 from top to bottom.
    """
    with TileReader() as reader:
        for y in range(0, extent.height, block):
            rows = np.empty((min(block, extent.height - y), extent.width), dtype=np.uint8)
            for box, tiles in parts:
                if box.ymin <= y < box.ymax:
                    place: NDArray[Any] = tiles.rasters[name][0][(y - box.ymin) // block, 0, 0]
                    data = zlib.decompress(reader.read(tiles.path, place))
                    bits = np.frombuffer(data, dtype=np.uint8).reshape(len(rows), -1)
                    unpacked = np.unpackbits(bits, axis=1, count=box.width)
                    rows[:, box.xmin : box.xmax] = unpacked
            yield rows
