"""Layer: what the tiles of a raster are, encoded and made smaller."""

import zlib
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Shape: TypeAlias = tuple[int, int]


def half(shape: Shape) -> Shape:
    """(height, width) of a raster at half the resolution."""
    return -(-shape[0] // 2), -(-shape[1] // 2)


@dataclass(frozen=True, slots=True)
class Layer:
    """The kind of a raster.

    uint8 is deflated, since class ids shrink to a few percent; floating-point scores hardly get
    smaller, but take ten times as long, so they are kept as they are.

    Attributes:
        count: number of bands.
        dtype: 'uint8', 'float16' or 'float32'.
        block: side of the square tiles, in pixels; a multiple of 16.
        mean: whether a pixel of an overview is the mean of the four below it, instead of the upper
            left one of them (class ids and colours have no mean).
    """

    count: int
    dtype: str
    block: int
    mean: bool = False

    @property
    def deflated(self) -> bool:
        """Whether tiles are compressed."""
        return self.dtype == 'uint8'

    @property
    def differenced(self) -> bool:
        """Whether pixels are kept as differences to their left neighbours (TIFF predictor 2)."""
        return self.deflated and self.mean

    def grid(self, shape: Shape) -> Shape:
        """Rows and columns of tiles of a raster of (height, width) pixels."""
        return -(-shape[0] // self.block), -(-shape[1] // self.block)

    def level_shapes(self, shape: Shape) -> list[Shape]:
        """Heights and widths of a raster and of its overviews, down to the first of one tile."""
        shapes = [shape]
        while max(shapes[-1]) > self.block:
            shapes.append(half(shapes[-1]))
        return shapes

    def empty_row(self, width: int) -> NDArray[Any]:
        """Room for a row of tiles over `width` pixels: (columns, count, block, block)."""
        columns = -(-width // self.block)
        return np.zeros((columns, self.count, self.block, self.block), dtype=self.dtype)

    def encode(self, tile: NDArray[Any]) -> bytes | memoryview:
        """Bytes of a contiguous (block, block) tile; they may be those of the array."""
        if not self.deflated:
            return tile.data
        if self.differenced:
            differences = tile.copy()
            differences[:, 1:] -= tile[:, :-1]
            tile = differences
        # runs alone: faster than looking for repetitions, and class ids get smaller by it
        deflate = zlib.compressobj(1, strategy=zlib.Z_RLE)
        return deflate.compress(tile.data) + deflate.flush()

    def decode(self, data: bytes) -> NDArray[Any]:
        """The (block, block) tile of some bytes."""
        data = zlib.decompress(data) if self.deflated else data
        tile = np.frombuffer(data, dtype=self.dtype).reshape(self.block, self.block)
        return np.cumsum(tile, axis=1, dtype=self.dtype) if self.differenced else tile

    def halve(self, tiles: NDArray[Any], out: NDArray[Any]) -> None:
        """Write (..., h, w) pixels, both even, to `out` at half the resolution."""
        if not self.mean:
            out[...] = tiles[..., ::2, ::2]
            return
        wide = np.uint16 if self.dtype == 'uint8' else np.float32
        rows = np.add(tiles[..., ::2, :], tiles[..., 1::2, :], dtype=wide)
        total = rows[..., ::2] + rows[..., 1::2]
        if self.dtype == 'uint8':
            np.right_shift(total + 2, 2, out=out, casting='unsafe')
        else:
            np.multiply(total, np.float32(0.25), out=out, casting='same_kind')
