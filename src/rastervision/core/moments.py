"""Counts, means and sums of squares per channel, and how two of them become one."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rastervision.core.chip import Chip

HISTOGRAM_DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16))


@dataclass(frozen=True, eq=False, slots=True)
class Moments:
    """Sums of a set of values per channel, in a form that merges without loss.

    Attributes:
        counts: (C,) number of values.
        means: (C,) means; 0 where there are no values.
        squares: (C,) sums of the squared distances from the mean.
    """

    counts: NDArray[np.int64]
    means: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def zero(cls, channels: int) -> Self:
        """No values at all."""
        return cls(np.zeros(channels, np.int64), np.zeros(channels), np.zeros(channels))

    @property
    def variances(self) -> NDArray[np.float64]:
        """(C,) variances of the population; 0 where there are no values."""
        return self.squares / np.maximum(self.counts, 1)

    def merge(self, other: 'Moments') -> 'Moments':
        """Moments of the values of both (Chan, Golub and LeVeque)."""
        counts = self.counts + other.counts
        part = other.counts / np.maximum(counts, 1)
        delta = other.means - self.means
        means = self.means + delta * part
        squares = self.squares + other.squares + delta**2 * self.counts * part
        return Moments(counts, means, squares)


def channel_moments(values: NDArray[Any]) -> Moments:
    """Moments of (C, ...) values; NaN does not count."""
    flat = values.reshape(len(values), -1).astype(np.float64, copy=False)
    missing = np.isnan(flat)
    counts = flat.shape[1] - missing.sum(axis=1)
    some = np.maximum(counts, 1)
    flat = np.where(missing, 0.0, flat)
    means = flat.sum(axis=1) / some
    distance = flat - means[:, None]
    distance[missing] = 0
    # the second term takes off what rounding of the mean left
    rest = distance.sum(axis=1)
    squares = np.einsum('cn,cn->c', distance, distance) - rest**2 / some
    return Moments(counts.astype(np.int64), means + rest / some, np.maximum(squares, 0))


def running_moments(
    mean: ArrayLike | None, var: ArrayLike | None, count: ArrayLike | None
) -> Moments | None:
    """Moments from means, variances and counts; None when one of them is None."""
    if mean is None or var is None or count is None:
        return None
    counts = np.asarray(count, dtype=np.int64)
    return Moments(counts, np.asarray(mean, dtype=float), np.asarray(var, dtype=float) * counts)


def parallel_mean(
    mean_a: ArrayLike, count_a: ArrayLike, mean_b: ArrayLike, count_b: ArrayLike
) -> NDArray[np.float64]:
    """Mean of two disjoint sets from the means and counts of each."""
    a, b = np.asarray(mean_a, dtype=float), np.asarray(mean_b, dtype=float)
    zeros = np.zeros_like(a)
    merged = Moments(np.asarray(count_a), a, zeros).merge(Moments(np.asarray(count_b), b, zeros))
    return merged.means


def parallel_variance(
    mean_a: ArrayLike,
    count_a: ArrayLike,
    var_a: ArrayLike,
    mean_b: ArrayLike,
    count_b: ArrayLike,
    var_b: ArrayLike,
) -> NDArray[np.float64]:
    """Variance (of the population) of two disjoint sets from those of each."""
    a, b = np.asarray(count_a), np.asarray(count_b)
    squares_a, squares_b = np.asarray(var_a) * a, np.asarray(var_b) * b
    one = Moments(a, np.asarray(mean_a, dtype=float), squares_a)
    return one.merge(Moments(b, np.asarray(mean_b, dtype=float), squares_b)).variances


class Histogram:
    """Number of pixels per value and channel, for dtypes with few values; exact and fast.

    Attributes:
        bins: (C, number of values) counts.
    """

    def __init__(self, bins: NDArray[np.int64]) -> None:
        self.bins = bins

    @classmethod
    def for_dtype(cls, dtype: np.dtype[Any], channels: int) -> 'Self | None':
        """An empty histogram; None for dtypes with too many values."""
        if dtype not in HISTOGRAM_DTYPES:
            return None
        return cls(np.zeros((channels, np.iinfo(dtype).max + 1), np.int64))

    def count(self, chip: Chip) -> None:
        """Add the valid pixels of a chip."""
        every = bool(chip.valid.all())
        for row, band in zip(self.bins, np.moveaxis(chip.pixels, -1, 0), strict=True):
            values = band.ravel() if every else band[chip.valid]
            row[:] += np.bincount(values, minlength=len(row))

    def add(self, other: 'Histogram') -> None:
        """Add the counts of another histogram."""
        self.bins += other.bins

    def moments(self, nodata_value: float | None) -> Moments:
        """Moments of all values but one; exact up to the last rounding."""
        bins = self.bins.copy()
        if nodata_value is not None and nodata_value in range(bins.shape[1]):
            bins[:, int(nodata_value)] = 0
        values = np.arange(bins.shape[1], dtype=object)  # Python integers do not overflow
        parts = []
        for row in bins:
            used = np.flatnonzero(row)
            n = row[used].astype(object)
            count, total = int(n.sum()), int((n * values[used]).sum())
            squares = int((n * values[used] ** 2).sum())
            some = max(count, 1)
            parts.append((count, total / some, (squares * some - total**2) / some))
        counts, means, sums = zip(*parts, strict=True)
        return Moments(np.array(counts, np.int64), np.array(means), np.array(sums, np.float64))

    def to_json(self) -> list[list[list[int]]]:
        """Per channel, the values that occur and how often."""
        used = [np.flatnonzero(row) for row in self.bins]
        return [[at.tolist(), row[at].tolist()] for row, at in zip(self.bins, used, strict=True)]

    def add_json(self, channels: list[list[list[int]]]) -> None:
        """Add the counts that `to_json` gave."""
        for row, (values, counts) in zip(self.bins, channels, strict=True):
            row[values] += np.array(counts, np.int64)


class Counts:
    """What was counted in some windows of a source.

    It adds up, in whatever pieces and order it was counted, to the same moments bit for bit:
    histograms are exact, and moments are kept by window until all are there.
    """

    def __init__(self, dtype: np.dtype[Any], channels: int) -> None:
        """Nothing yet, of pixels of a dtype."""
        self.channels = channels
        self._histogram = Histogram.for_dtype(dtype, channels)
        self._moments: dict[int, Moments] = {}

    def add(self, window: int, part: 'Histogram | Moments') -> None:
        """Add what was counted in the window with a number."""
        if isinstance(part, Moments):
            self._moments[window] = part
            return
        assert self._histogram is not None  # noqa: S101 parts are of the dtype
        self._histogram.add(part)

    def to_json(self) -> dict[str, Any]:
        """As JSON, with the exact numbers."""
        histogram = None if self._histogram is None else self._histogram.to_json()
        moments = {
            window: [part.counts.tolist(), part.means.tolist(), part.squares.tolist()]
            for window, part in self._moments.items()
        }
        return {'histogram': histogram, 'moments': moments}

    def add_json(self, counts: dict[str, Any]) -> None:
        """Add what `to_json` gave."""
        if self._histogram is not None:
            self._histogram.add_json(counts['histogram'])
        for window, (count, means, squares) in counts['moments'].items():
            self._moments[int(window)] = Moments(
                np.array(count, np.int64), np.array(means), np.array(squares)
            )

    def total(self, nodata_value: float | None) -> Moments:
        """Moments of all windows; `nodata_value` is left out of histograms."""
        if self._histogram is not None:
            return self._histogram.moments(nodata_value)
        total = Moments.zero(self.channels)
        for _, part in sorted(self._moments.items()):
            total = total.merge(part)
        return total
