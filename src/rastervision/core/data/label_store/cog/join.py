"""Joining the tiles of parts into a Cloud Optimized GeoTIFF."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.label_store.cog.layer import Layer, Shape
from rastervision.core.data.label_store.cog.pyramid import Pyramid
from rastervision.core.data.label_store.cog.tiff import Directory, Tag, cog_head
from rastervision.core.data.label_store.cog.tile_file import Places, TileFile, TileReader

SOURCE = np.dtype([('file', np.int64), ('offset', np.int64), ('size', np.int64)])
"""Number of a file, and where a tile lies in it."""

Sources: TypeAlias = NDArray[Any]
"""(rows, columns, bands) of SOURCE."""


def write_cog(
    path: str,
    name: str,
    layer: Layer,
    shape: Shape,
    tags: dict[int, Tag],
    parts: Sequence[tuple[Box, TileFile]],
) -> None:
    """Lay out the tiles of parts as one file; they are copied as they are.

    The overviews that the parts lack are made from the smallest ones that they have. The file
    depends on the pixels only, not on the parts.

    Args:
        path: file to write; one of a similar name is used and removed.
        name: of the raster in the tile files.
        layer: kind of the raster.
        shape: (height, width) of the raster.
        tags: TIFF tags of the raster; see `cog_head`.
        parts: rectangles that cover the raster, and their tiles. Edges are at tiles of all the
            resolutions that the parts have.
    """
    shapes = layer.level_shapes(shape)
    rest = Path(f'{path}.overviews')
    paths = [tiles.path for _, tiles in parts] + [str(rest)]
    levels = [
        _side_by_side(layer, shapes, level, [(box, tiles.rasters[name]) for box, tiles in parts])
        for level in range(len(parts[0][1].rasters[name]))
    ]
    with TileReader() as reader, Path(path).open('wb') as target:
        if len(levels) < len(shapes):
            levels += _overviews(layer, shapes[len(levels) :], levels[-1], paths, reader)
        target.write(cog_head(tags, _directories(layer, shapes, levels)))
        tiles = np.concatenate([level.ravel() for level in reversed(levels)])
        for run in _runs(tiles):
            first, size = run[0], int(run['size'].sum())
            reader.copy(paths[first['file']], int(first['offset']), size, target)
    rest.unlink(missing_ok=True)


def begin_cog(file: BinaryIO, layer: Layer, shape: Shape, tags: dict[int, Tag]) -> list[int]:
    """Write the head of a file whose tiles are not compressed, so that all places are known.

    The file with these tiles is the same as one of `write_cog`.

    Args:
        file: open file to write.
        layer: kind of the raster.
        shape: (height, width) of the raster.
        tags: TIFF tags of the raster.

    Returns:
        Where the tiles of each resolution begin, for `Pyramid`.
    """
    shapes = layer.level_shapes(shape)
    levels = [np.zeros((*layer.grid(shape), layer.count), dtype=SOURCE) for shape in shapes]
    for level in levels:
        level['size'] = layer.block**2 * np.dtype(layer.dtype).itemsize
    directories = _directories(layer, shapes, levels)
    start = file.write(cog_head(tags, directories))
    return [start + int(directory.offsets[0]) for directory in directories]


def _side_by_side(
    layer: Layer, shapes: Sequence[Shape], level: int, parts: Sequence[tuple[Box, list[Places]]]
) -> Sources:
    """Tiles of one resolution, from all parts."""
    sources: Sources = np.zeros((*layer.grid(shapes[level]), layer.count), dtype=SOURCE)
    side = layer.block << level
    for i, (box, levels) in enumerate(parts):
        y, x = box.ymin // side, box.xmin // side
        rows, columns, _ = levels[level].shape
        _fill(sources[y : y + rows, x : x + columns], i, levels[level])
    return sources


def _fill(sources: Sources, file: int, places: Places) -> None:
    sources['file'] = file
    sources['offset'], sources['size'] = places['offset'], places['size']


def _overviews(
    layer: Layer, shapes: Sequence[Shape], below: Sources, paths: Sequence[str], reader: TileReader
) -> list[Sources]:
    """Make overviews of these shapes, in the last of the files, from the resolution below."""
    with Path(paths[-1]).open('wb') as file, ThreadPoolExecutor() as threads:
        pyramid = Pyramid(layer, shapes, file, threads)
        for row, tiles in enumerate(below):
            for column, bands in enumerate(tiles):
                data = (reader.read(paths[band['file']], band) for band in bands)
                tile = np.stack([layer.decode(band) for band in data])
                pyramid.levels[0].take(row, column, tile)
            if row % 2 or row == len(below) - 1:
                pyramid.levels[0].next_row()
        levels = pyramid.finish()
    sources = [np.zeros(places.shape, dtype=SOURCE) for places in levels]
    for target, places in zip(sources, levels, strict=True):
        _fill(target, len(paths) - 1, places)
    return sources


def _directories(
    layer: Layer, shapes: Sequence[Shape], levels: Sequence[Sources]
) -> list[Directory]:
    """Where tiles go: the smallest overview first; by rows, columns and then bands."""
    directories: list[Directory] = []
    start = 0
    for shape, level in zip(reversed(shapes), reversed(levels), strict=True):
        ends = start + np.cumsum(level['size']).reshape(level.shape)
        start = int(ends[-1, -1, -1])
        by_band = (a.transpose(2, 0, 1).ravel() for a in (level['size'], ends - level['size']))
        directories.insert(0, Directory(shape, layer.block, *by_band))
    return directories


def _runs(tiles: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Tiles that follow on each other in the same file."""
    before, after = tiles[:-1], tiles[1:]
    breaks = (after['file'] != before['file']) | (
        after['offset'] != before['offset'] + before['size']
    )
    edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(tiles)]
    yield from (tiles[start:stop] for start, stop in pairwise(edges))
