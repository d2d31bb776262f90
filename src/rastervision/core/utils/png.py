"""A fast PNG encoder for chips.

Pillow takes three times as long at its fastest setting: it tries several filters per row. Here
every row is stored as its difference to the row above and only runs are compressed, which makes
files about a tenth larger. The work is done in numpy and zlib, outside the GIL for the most part.
"""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}
_FILTER_UP = 2


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Encode an image of bytes.

    Args:
        pixels: (H, W) grey, or (H, W, C) with C = 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.

    Raises:
        ValueError: Pixels are not bytes or have another number of channels.
    """
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    height, width, channels = pixels.shape
    if pixels.dtype != np.uint8 or channels not in _COLOR_TYPES:
        raise ValueError(f'Cannot write {pixels.dtype} pixels of shape {pixels.shape} as PNG.')
    flat = np.ascontiguousarray(pixels).reshape(height, -1)
    rows = np.empty((height, 1 + flat.shape[1]), dtype=np.uint8)
    rows[:, 0] = _FILTER_UP
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])  # modulo 256, as the format says
    compressor = zlib.compressobj(level=1, strategy=zlib.Z_RLE)
    data = compressor.compress(rows.data) + compressor.flush()
    header = struct.pack('>IIBBBBB', width, height, 8, _COLOR_TYPES[channels], 0, 0, 0)
    chunks = (_chunk(b'IHDR', header), _chunk(b'IDAT', data), _chunk(b'IEND', b''))
    return b'\x89PNG\r\n\x1a\n' + b''.join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
