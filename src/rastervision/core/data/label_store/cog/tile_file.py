"""TileFile: encoded tiles of any number of rasters in one file."""

import io
import json
import struct
import zlib
from collections import OrderedDict
from contextlib import AbstractContextManager
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rastervision.pipeline.errors import DataError

PLACE = np.dtype([('offset', np.int64), ('size', np.int64)])
"""Where a tile lies in its file."""

Places: TypeAlias = NDArray[Any]
"""(rows, columns, bands) of PLACE: where the tiles of a raster at one resolution are."""

FOOTER = struct.Struct('<8sqI')
MAGIC = b'RVTILES1'
CHUNK = 2**20
OPEN_FILES = 32


class TileFile:
    """Tiles, one after the other.

    Attributes:
        path: the file.
        rasters: by name, where the tiles of a raster are, at full resolution and then those of its
            overviews.
        finished: by name, paths of rasters that were written as a whole, into files of their own.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.rasters: dict[str, list[Places]] = {}
        self.finished: dict[str, str] = {}

    def finish(self, file: BinaryIO, stamp: dict[str, Any]) -> None:
        """Put at the end of the open file what `load` needs: places, a stamp and a checksum."""
        start = file.tell()
        tables = {
            f'{name}/{level}': places
            for name, levels in self.rasters.items()
            for level, places in enumerate(levels)
        }
        index = io.BytesIO()  # its places count from its own start
        np.savez(index, allow_pickle=False, stamp=np.array(json.dumps(stamp)), **tables)
        file.write(index.getbuffer())
        file.flush()
        size = file.tell()
        with Path(self.path).open('rb') as written:
            file.write(FOOTER.pack(MAGIC, start, _checksum(written, size)))

    @classmethod
    def load(cls, path: str, stamp: dict[str, Any]) -> Self:
        """Open a file that `finish` has written.

        Raises:
            DataError: the file is not whole, or has another stamp.
        """
        tiles = cls(path)
        with Path(path).open('rb') as file:
            size = file.seek(0, io.SEEK_END) - FOOTER.size
            file.seek(max(0, size))
            footer = file.read()
            if size < 0:
                raise DataError(f'{path} is cut off.')
            magic, start, checksum = FOOTER.unpack(footer)
            file.seek(0)
            if magic != MAGIC or _checksum(file, size) != checksum:
                raise DataError(f'{path} is damaged.')
            file.seek(start)
            with np.load(io.BytesIO(file.read(size - start))) as tables:
                if json.loads(str(tables['stamp'])) != stamp:
                    raise DataError(f'{path} was made for something else.')
                for key in tables.files:
                    name, _, level = key.rpartition('/')
                    if level.isdigit():
                        tiles.rasters.setdefault(name, []).append(tables[key])
        return tiles


class TileReader(AbstractContextManager['TileReader']):
    """Reads from tile files, of which only some are open at a time."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, BufferedReader] = OrderedDict()

    def __exit__(self, *args: object) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def read(self, path: str, place: NDArray[Any]) -> bytes:
        """The bytes of a tile."""
        return self._at(path, int(place['offset'])).read(int(place['size']))

    def copy(self, path: str, offset: int, size: int, target: BinaryIO) -> None:
        """Append bytes to an open file."""
        file = self._at(path, offset)
        room = memoryview(bytearray(min(size, CHUNK)))
        while size:
            count = file.readinto(room[: min(size, CHUNK)])
            if not count:
                raise DataError(f'{path} is cut off.')
            target.write(room[:count])
            size -= count

    def _at(self, path: str, offset: int) -> BufferedReader:
        if path not in self._open:
            self._open[path] = Path(path).open('rb')  # noqa: SIM115 - closed at exit
            if len(self._open) > OPEN_FILES:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(path)
        self._open[path].seek(offset)
        return self._open[path]


def append(file: BinaryIO, data: bytes | memoryview) -> tuple[int, int]:
    """Write a tile at the end of an open file: its PLACE."""
    offset = file.tell()
    return offset, file.write(data)


def _checksum(file: BinaryIO, size: int) -> int:
    """CRC-32 of the next bytes."""
    checksum = 0
    while size > 0:
        data = file.read(min(size, CHUNK))
        if not data:
            return -1
        checksum = zlib.crc32(data, checksum)
        size -= len(data)
    return checksum
