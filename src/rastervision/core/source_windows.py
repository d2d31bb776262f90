"""SourceWindows: reading a raster source, or a sample of it, for statistics."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.chip import Chip, check_real
from rastervision.core.moments import Counts, Histogram, Moments, channel_moments

if TYPE_CHECKING:
    from rastervision.core.data.raster_source.raster_source import RasterSource

Floats = NDArray[np.float64]

BLOCK_BYTES = 16 * 1024**2
"""Size of what one thread reads at once."""
BLOCK_ROWS = 256
THREADS = min(4, os.cpu_count() or 1)


@dataclass(frozen=True, eq=False, slots=True)
class SourceWindows:
    """The windows of a source that its statistics are made of; they follow from the source alone.

    Attributes:
        source: The source.
        windows: The windows, in the extent frame.
        spare: The tiles that a sample left out, in the order in which to go on with them while a
            channel has no data.
        nodata_value: Value that does not count; None if all values count.
    """

    source: 'RasterSource'
    windows: Sequence[Box]
    spare: Sequence[Box]
    nodata_value: float | None

    @classmethod
    def all_of(
        cls,
        source: 'RasterSource',
        chip_sz: int,
        stride: int | None,
        nodata_value: float | None,
    ) -> 'SourceWindows':
        """Every pixel once, by large blocks; or windows that slide, if there is a stride."""
        check_real(source.dtype, 'The statistics')
        size: tuple[int, int] = (chip_sz, chip_sz)
        # transformers may depend on the chip, a stride shorter than the chip counts pixels twice
        if not source.raster_transformers and stride in {None, chip_sz}:
            pixels = BLOCK_BYTES // (len(source.channel_order) * source.dtype_raw.itemsize)
            width = max(BLOCK_ROWS, min(source.extent.width, pixels // BLOCK_ROWS))
            size = (max(1, pixels // width // BLOCK_ROWS) * BLOCK_ROWS, width)
            stride = None
        windows = source.extent.get_windows(size, stride or size)
        inside = [window.intersection(source.extent) for window in windows]
        return cls(source, inside, [], nodata_value)

    @classmethod
    def sample_of(
        cls,
        source: 'RasterSource',
        chip_sz: int,
        sample_prob: float,
        nodata_value: float | None,
        rng: np.random.Generator,
    ) -> 'SourceWindows':
        """A random part of the chips that tile a source, in the order in which they lie there."""
        check_real(source.dtype, 'The statistics')
        extent = source.extent
        tiles = [window.intersection(extent) for window in extent.get_windows(chip_sz, chip_sz)]
        order = rng.permutation(len(tiles))
        wanted = chips_to_sample(extent, chip_sz, sample_prob) * chip_sz**2
        areas = np.cumsum([tiles[i].area for i in order])
        n = int(np.searchsorted(areas, min(wanted, extent.area))) + 1
        chosen = [tiles[i] for i in sorted(order[:n])]
        return cls(source, chosen, [tiles[i] for i in order[n:]], nodata_value)

    def count(self, part: slice = slice(None)) -> Counts:
        """Count the pixels of the windows, or of some of them, in several threads."""
        counts = Counts(self.source.dtype, self.source.num_channels)
        numbers = range(len(self.windows))[part]
        with ThreadPoolExecutor(THREADS) as pool:
            for i, found in zip(numbers, pool.map(self._count, self.windows[part]), strict=True):
                counts.add(i, found)
        return counts

    def moments(self, counts: Counts) -> Moments:
        """Moments of all pixels that count.

        A sample in which a channel has no data says nothing of it, so reading goes on until there
        is some.

        Args:
            counts: What was counted in all windows.
        """
        total = counts.total(self.nodata_value)
        for tile in self.spare:
            if total.counts.all():
                break
            more = Counts(self.source.dtype, self.source.num_channels)
            more.add(0, self._count(tile))
            total = total.merge(more.total(self.nodata_value))
        return total

    def _count(self, window: Box) -> Histogram | Moments:
        chip = self.source.read(window)
        histogram = Histogram.for_dtype(chip.pixels.dtype, chip.pixels.shape[-1])
        if histogram is not None:
            histogram.count(chip)
            return histogram
        return channel_moments(with_nan(chip, self.nodata_value))


def with_nan(chip: Chip, nodata_value: float | None) -> Floats:
    """(C, H, W) float64 pixels with NaN where nothing is to be counted."""
    values = np.moveaxis(chip.pixels, -1, 0).astype(np.float64, order='C')
    if nodata_value is not None:
        values[values == nodata_value] = np.nan
    values[:, ~chip.valid] = np.nan
    return values


def chips_to_sample(extent: Box, chip_sz: int, sample_prob: float) -> int:
    """Number of chips that hold the given part of the pixels of an extent; at least 1."""
    return max(1, round(sample_prob * extent.area / chip_sz**2))
