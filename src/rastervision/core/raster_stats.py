"""Means and standard deviations of raster channels: streamed, mergeable, mask-aware, exact."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rastervision.core.box import Box
from rastervision.core.moments import (
    Moments,
    channel_moments,
    parallel_mean,
    parallel_variance,
    running_moments,
)
from rastervision.core.source_windows import Floats, SourceWindows, with_nan
from rastervision.core.source_windows import chips_to_sample as get_num_chips_to_sample
from rastervision.pipeline.errors import DataError
from rastervision.pipeline.file_system import file_to_json, json_to_file

if TYPE_CHECKING:
    from rastervision.core.data.raster_source.raster_source import RasterSource

__all__ = [
    'RasterStats',
    'get_chip',
    'get_num_chips_to_sample',
    'parallel_mean',
    'parallel_variance',
    'random_chip_stream',
    'sliding_chip_stream',
]


class RasterStats:
    """Mean, standard deviation (of the population) and number of pixels per channel.

    Attributes:
        means: (C,) float64, or None before anything was computed.
        stds: (C,) float64, or None.
        counts: (C,) int64 pixels that were counted, or None.
    """

    def __init__(
        self,
        means: Sequence[float] | None = None,
        stds: Sequence[float] | None = None,
        counts: Sequence[float] | None = None,
    ) -> None:
        self.means: Floats | None = None if means is None else np.array(means, dtype=np.float64)
        self.stds: Floats | None = None if stds is None else np.array(stds, dtype=np.float64)
        self.counts = None if counts is None else np.array(counts, dtype=np.int64)

    def __repr__(self) -> str:
        return f'RasterStats(means={self.means}, stds={self.stds}, counts={self.counts})'

    @property
    def vars(self) -> Floats | None:
        """(C,) variances."""
        return None if self.stds is None else self.stds**2

    # ---- files

    @classmethod
    def load(cls, stats_uri: str) -> Self:
        """Read a stats.json.

        Raises:
            NotReadableError: the file is missing or no JSON.
            DataError: it holds something else.
        """
        d = file_to_json(stats_uri)
        try:
            return cls(d['means'], d['stds'], d.get('counts'))
        except (KeyError, TypeError, ValueError, AttributeError) as e:
            raise DataError(
                f'{stats_uri} holds no raster statistics: it needs lists "means" and "stds".'
            ) from e

    def to_dict(self) -> dict[str, Any]:
        """Lists of means, stds and counts."""
        values = {'means': self.means, 'stds': self.stds, 'counts': self.counts}
        return {name: None if v is None else v.tolist() for name, v in values.items()}

    def save(self, stats_uri: str) -> None:
        """Write a stats.json."""
        json_to_file(self.to_dict(), stats_uri)

    # ---- computing

    def compute(
        self,
        raster_sources: Sequence['RasterSource'],
        sample_prob: float | None = None,
        chip_sz: int = 300,
        stride: int | None = None,
        nodata_value: float | None = 0,
        rng: np.random.Generator | None = None,
    ) -> None:
        """Compute the statistics of all pixels of some sources, or of a sample.

        Pixels that are not valid are left out, and so are elements that are NaN or equal to
        `nodata_value`, each channel for itself.

        Args:
            raster_sources: sources with the same number of channels.
            sample_prob: part of each source's chips to read, at least one with data. None reads
                everything.
            chip_sz: size of the chips that a sample is made of.
            stride: step between windows when everything is read. None reads every pixel once.
            nodata_value: value that does not count. None counts all values.
            rng: draws the sample; None draws the same one each time.

        Raises:
            DataError: the sources have different numbers of channels or are complex, or a
                channel has no data at all.
        """
        check_channels(source.num_channels for source in raster_sources)
        rng = np.random.default_rng(0) if rng is None else rng
        moments = []
        for source in raster_sources:
            if sample_prob is None:
                part = SourceWindows.all_of(source, chip_sz, stride, nodata_value)
            else:
                part = SourceWindows.sample_of(source, chip_sz, sample_prob, nodata_value, rng)
            moments.append(part.moments(part.count()))
        self.set_moments(moments)

    def set_moments(self, parts: Sequence[Moments]) -> None:
        """Take the statistics of sources that were counted one by one.

        Args:
            parts: Moments of the pixels of each source.

        Raises:
            DataError: they have different numbers of channels, or a channel has no data at all.
        """
        channels = check_channels(len(part.counts) for part in parts)
        total = Moments.zero(channels)
        for part in parts:
            total = total.merge(part)
        self._set(total)
        empty = np.flatnonzero(total.counts == 0).tolist()
        if empty:
            raise DataError(
                f'Channel(s) {empty} of {len(parts)} raster source(s) have no data: all pixels are '
                'nodata or have the value that stands for it. Leave them out with channel_order, '
                'or set nodata_value of the stats analyzer to null.'
            )

    def compute_from_chips(
        self,
        chips: Iterable[NDArray[Any]],
        running_mean: ArrayLike | None = None,
        running_var: ArrayLike | None = None,
        running_count: ArrayLike | None = None,
    ) -> tuple[None, None, None] | tuple[Floats, Floats, NDArray[np.int64]]:
        """Add chips to running statistics, and keep the result as the statistics.

        Args:
            chips: (..., C) pixels; NaN does not count.
            running_mean: (C,) means so far.
            running_var: (C,) variances so far.
            running_count: (C,) counts so far.

        Returns:
            (C,) means, variances and counts; three times None for no chips at all.
        """
        total = running_moments(running_mean, running_var, running_count)
        for chip in chips:
            moments = channel_moments(np.moveaxis(np.asarray(chip), -1, 0))
            total = moments if total is None else total.merge(moments)
        if total is None:
            return None, None, None
        self._set(total)
        return total.means, total.variances, total.counts

    def compute_from_pixels(
        self,
        pixels: NDArray[Any],
        running_mean: ArrayLike | None = None,
        running_var: ArrayLike | None = None,
        running_count: ArrayLike | None = None,
    ) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """Add pixels, (N, C), to running statistics, as `compute_from_chips` does."""
        total = channel_moments(np.moveaxis(np.asarray(pixels), -1, 0))
        before = running_moments(running_mean, running_var, running_count)
        total = total if before is None else before.merge(total)
        self._set(total)
        return total.means, total.variances, total.counts

    def merge(self, other: 'RasterStats') -> 'RasterStats':
        """Statistics of the pixels of both, which must not overlap.

        Raises:
            ValueError: counts are not known on one side.
        """
        merged = RasterStats()
        merged._set(self._moments().merge(other._moments()))  # noqa: SLF001 same class
        return merged

    def _moments(self) -> Moments:
        if self.means is None or self.stds is None or self.counts is None:
            raise ValueError('Statistics without means, stds and counts cannot be merged.')
        return Moments(self.counts, self.means, self.stds**2 * self.counts)

    def _set(self, moments: Moments) -> None:
        self.means, self.counts = moments.means, moments.counts
        self.stds = np.sqrt(moments.variances)


def check_channels(numbers: Iterable[int]) -> int:
    """Return the number of channels that sources share.

    Raises:
        DataError: the numbers differ, or there are none.
    """
    channels = set(numbers)
    if len(channels) != 1:
        raise DataError(
            f'Statistics need sources with one number of channels, got {sorted(channels)}; '
            'set channel_order.'
        )
    return channels.pop()


# ---- functions of release 0.31


def get_chip(
    raster_source: 'RasterSource', window: Box, nodata_value: float | None = 0
) -> Floats | None:
    """Read a chip as float64, (H, W, C), with NaN for nodata; None when there is no data."""
    values = with_nan(raster_source.read(window), nodata_value)
    return None if np.isnan(values).all() else np.moveaxis(values, 0, -1)


def sliding_chip_stream(
    raster_sources: Iterable['RasterSource'],
    chip_sz: int,
    stride: int,
    nodata_value: float | None = 0,
) -> Iterator[Floats]:
    """Chips, as `get_chip` gives them, of windows that slide over each source."""
    for source in raster_sources:
        for window in source.extent.get_windows(chip_sz, stride):
            chip = get_chip(source, window, nodata_value)
            if chip is not None:
                yield chip


def random_chip_stream(
    raster_sources: Iterable['RasterSource'],
    chip_sz: int,
    sample_prob: float,
    nodata_value: float | None = 0,
    rng: np.random.Generator | None = None,
) -> Iterator[Floats]:
    """Chips, as `get_chip` gives them, at random places of each source."""
    rng = np.random.default_rng() if rng is None else rng
    for source in raster_sources:
        size = min(chip_sz, *source.extent.size)
        for _ in range(get_num_chips_to_sample(source.extent, chip_sz, sample_prob)):
            window = source.extent.make_random_square(size, rng)
            chip = get_chip(source, window, nodata_value)
            if chip is not None:
                yield chip
