"""The structure of TIFF files: tags that are read, and the head of a Cloud Optimized GeoTIFF.

See the TIFF 6.0 specification, the BigTIFF design, and GDAL's page of its COG driver.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Tag: TypeAlias = tuple[int, int, bytes]
"""Type of the values, how many, and their bytes (little-endian)."""

SHORT, LONG, LONG8 = 3, 4, 16
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8}

SUBFILE, WIDTH, HEIGHT = 254, 256, 257
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES = 322, 323, 324, 325
# of the whole file, so they stand only in its first directory: scale, tie points, matrix, keys of
# the georeference, and GDAL's metadata
FULL_RESOLUTION_ONLY = {33550, 33922, 34264, 34735, 34736, 34737, 42112}

CLASSIC_LIMIT = 2**32 - 1


@dataclass(frozen=True, eq=False, slots=True)
class Directory:
    """A raster of a file: at full resolution, or an overview.

    Attributes:
        shape: (height, width) in pixels.
        block: side of the tiles.
        sizes: (n,) bytes of the tiles, in the order of the tags: by bands, rows, columns.
        offsets: (n,) places of the tiles, counted from the end of the head.
    """

    shape: tuple[int, int]
    block: int
    sizes: NDArray[np.int64]
    offsets: NDArray[np.int64]


def read_tags(tiff: bytes) -> dict[int, Tag]:
    """Tags of the first directory of a classic little-endian TIFF."""
    magic, start = struct.unpack_from('<4sI', tiff)
    if magic != b'II*\0':
        raise ValueError('Not a classic little-endian TIFF.')
    tags = {}
    for i in range(struct.unpack_from('<H', tiff, start)[0]):
        at = start + 2 + 12 * i
        tag, kind, count, where = struct.unpack_from('<HHII', tiff, at)
        size = TYPE_BYTES[kind] * count
        at = where if size > 4 else at + 8
        tags[tag] = kind, count, tiff[at : at + size]
    return tags


def cog_head(tags: dict[int, Tag], directories: Sequence[Directory]) -> bytes:
    """What stands before the tiles: the header and all directories, the full resolution first.

    Args:
        tags: of the raster at full resolution, as `read_tags` gives them. Those of size and tiles
            are replaced, and overviews have none of the georeference.
        directories: the full resolution, then overviews from large to small.

    Returns:
        The head of a classic TIFF where the file fits into 4 GB, else of a BigTIFF.
    """
    data_size = sum(int(directory.sizes.sum()) for directory in directories)
    head = _head(tags, directories, big=False, data_start=0)
    big = len(head) + data_size > CLASSIC_LIMIT
    # its length does not depend on where the data starts
    length = len(_head(tags, directories, big=True, data_start=0) if big else head)
    return _head(tags, directories, big, data_start=length)


def _head(
    tags: dict[int, Tag], directories: Sequence[Directory], big: bool, data_start: int
) -> bytes:
    head = bytearray(
        struct.pack('<2sHHHQ', b'II', 43, 8, 0, 16) if big else struct.pack('<2sHI', b'II', 42, 8)
    )
    for i, directory in enumerate(directories):
        its_tags = _tags_of(tags, directory, big, data_start, is_overview=i > 0)
        is_last = i == len(directories) - 1
        head += _directory(its_tags, len(head), big, is_last)
    return bytes(head)


def _tags_of(
    tags: dict[int, Tag], directory: Directory, big: bool, data_start: int, is_overview: bool
) -> dict[int, Tag]:
    if is_overview:
        tags = {key: tag for key, tag in tags.items() if key not in FULL_RESOLUTION_ONLY}
        tags[SUBFILE] = _numbers(LONG, [1])
    height, width = directory.shape
    offsets = directory.offsets + data_start
    return tags | {
        WIDTH: _numbers(LONG, [width]),
        HEIGHT: _numbers(LONG, [height]),
        TILE_WIDTH: _numbers(SHORT, [directory.block]),
        TILE_HEIGHT: _numbers(SHORT, [directory.block]),
        TILE_OFFSETS: _numbers(LONG8 if big else LONG, offsets),
        TILE_SIZES: _numbers(LONG, directory.sizes),
    }


def _numbers(kind: int, values: Sequence[int] | NDArray[np.int64]) -> Tag:
    dtype = {SHORT: '<u2', LONG: '<u4', LONG8: '<u8'}[kind]
    return kind, len(values), np.asarray(values).astype(dtype).tobytes()


def _directory(tags: dict[int, Tag], start: int, big: bool, is_last: bool) -> bytes:
    """A directory that begins at `start`, and the values that do not fit into it."""
    count_format, entry_format, next_format, inline = (
        ('<Q', '<HHQ', '<Q', 8) if big else ('<H', '<HHI', '<I', 4)
    )
    entries_size = len(tags) * (struct.calcsize(entry_format) + inline)
    values_start = struct.calcsize(count_format) + entries_size + struct.calcsize(next_format)
    values_start += -values_start % 8
    entries, values = bytearray(), bytearray()
    for key, (kind, count, data) in sorted(tags.items()):
        entries += struct.pack(entry_format, key, kind, count)
        if len(data) <= inline:
            entries += data.ljust(inline, b'\0')
        else:
            entries += struct.pack(next_format, start + values_start + len(values))
            values += data + bytes(-len(data) % 8)
    following = 0 if is_last else start + values_start + len(values)
    directory = struct.pack(count_format, len(tags)) + entries + struct.pack(next_format, following)
    return directory.ljust(values_start, b'\0') + values
