"""Reading one raster source on the pixel grid of another one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.chip import Chip, no_data
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.utils.alignment import PixelMap, pixel_shift

if TYPE_CHECKING:
    from rastervision.core.data.raster_source.raster_source import RasterSource

Floats = NDArray[np.float64]

SAME_GRID = 0.01
"""Grids that lie within this part of a pixel count as one."""
STEP = 16
"""Pixels between the points that are placed exactly; those between them are interpolated."""
TOLERANCE = 0.05
"""Error of such an interpolation, in pixels, up to which it is used."""


class OnGrid(Protocol):
    """Anything that has pixels on the map."""

    @property
    def bbox(self) -> Box: ...
    @property
    def crs_transformer(self) -> CRSTransformer: ...


@dataclass(frozen=True, eq=False, slots=True)
class PlacedSource:
    """A source that is read at the pixels of another raster, whatever its own grid and CRS are.

    Attributes:
        source: the source.
        shift: whole pixels (y, x) from the raster's grid to that of the source; None if the grids
            differ by more.
        to_source: pixel (x, y) arrays of the raster to those of the source.
    """

    source: 'RasterSource'
    shift: tuple[int, int] | None
    to_source: PixelMap

    @classmethod
    def on(cls, raster: OnGrid, source: 'RasterSource') -> Self:
        """Place a source on the grid of a raster.

        Raises:
            DataError: there is no transformation between their CRSs.
        """
        grids = raster.crs_transformer, source.crs_transformer
        shift = (0, 0) if source is raster else pixel_shift(*grids, raster.bbox, SAME_GRID)
        return cls(source, shift, PixelMap.between(*grids))

    def read(self, window: Box, out_shape: tuple[int, int] | None = None) -> Chip:
        """Read the ground of a window.

        Args:
            window: box in the source pixel frame of the raster.
            out_shape: (height, width) of the result; None for that of the window.

        Returns:
            Chip of shape (..., H, W, C), resampled bilinearly (class ids and palettes: nearest
            pixel) where the grids differ.
        """
        source = self.source
        if self.shift is not None:
            there = window.translate(*self.shift)
            return source.read(there.to_local_coords(source.bbox), out_shape)
        height, width = out_shape or window.size
        x, y = self._positions(window, height, width)
        box = source.bbox
        inside = (x > box.xmin) & (x < box.xmax) & (y > box.ymin) & (y < box.ymax)
        if not inside.any():
            lead = source.shape[:-3]
            return no_data(height, width, source.num_channels, source.dtype, lead)
        # averaging as in the windowed reads of a coarser resolution, where the source is finer
        x_step, y_step = _step(x), _step(y)
        cover = Box(
            int(np.floor(y[inside].min() - y_step)),
            int(np.floor(x[inside].min() - x_step)),
            int(np.ceil(y[inside].max() + y_step)),
            int(np.ceil(x[inside].max() + x_step)),
        ).intersection(box)
        shape = (int(np.ceil(cover.height / y_step)), int(np.ceil(cover.width / x_step)))
        chip = source.read(
            cover.to_local_coords(box), out_shape=None if shape == cover.size else shape
        )
        rows = (y - cover.ymin) * (shape[0] / cover.height) - 0.5
        columns = (x - cover.xmin) * (shape[1] / cover.width) - 0.5
        return sample(chip, rows, columns, inside, interpolate=source._interpolates)  # noqa: SLF001

    def _positions(self, window: Box, height: int, width: int) -> tuple[Floats, Floats]:
        """(height, width) x and y, in pixels of the source, of the centres of the result's pixels.

        Exact every few pixels, interpolated between these unless the CRSs bend too much for that.
        """
        y_edges = _knots(height)
        x_edges = _knots(width)

        def exact(rows: Floats, columns: Floats) -> NDArray[np.float64]:
            y = window.ymin + (rows + 0.5) * (window.height / height)
            x = window.xmin + (columns + 0.5) * (window.width / width)
            columns, rows = np.meshgrid(x, y)
            return np.stack(self.to_source((columns, rows)))

        knots = exact(y_edges, x_edges)
        y_mid, x_mid = _middles(y_edges), _middles(x_edges)
        with np.errstate(invalid='ignore'):  # PROJ gives infinity where it cannot place a point
            between = _interpolate(knots, y_edges, x_edges, y_mid, x_mid)
            error = np.abs(between - exact(y_mid, x_mid)).max()
        rows, columns = np.arange(height, dtype=float), np.arange(width, dtype=float)
        if error <= TOLERANCE:
            x, y = _interpolate(knots, y_edges, x_edges, rows, columns)
        else:
            x, y = exact(rows, columns)
        return x, y


def sample(
    chip: Chip, rows: Floats, columns: Floats, inside: NDArray[np.bool_], *, interpolate: bool
) -> Chip:
    """Resample a chip at any points.

    Args:
        chip: (..., H, W, C).
        rows: (h, w) rows of the points; 0 is the middle of the first row.
        columns: (h, w) columns of the points.
        inside: (h, w), False where the result has no data.
        interpolate: bilinearly between the pixels with data, or else from the nearest pixel.

    Returns:
        Chip of shape (..., h, w, C). It is valid where the nearest pixel is.
    """
    height, width = chip.valid.shape[-2:]
    rows, columns = np.where(inside, rows, 0), np.where(inside, columns, 0)

    def at(y: Floats, x: Floats) -> tuple[Any, ...]:
        """Index of the pixels at rows and columns; beyond the edge, of those at the edge."""
        ys, xs = y.astype(np.intp).clip(0, height - 1), x.astype(np.intp).clip(0, width - 1)
        return ..., ys, xs, slice(None)

    nearest = at(np.floor(rows + 0.5), np.floor(columns + 0.5))
    valid = chip.valid[nearest[:3]] & inside
    pixels = chip.pixels[nearest]
    if interpolate:
        mixed = _bilinear(chip, rows, columns, at)
        pixels = np.rint(mixed) if pixels.dtype.kind in 'iu' else mixed
    return Chip(pixels.astype(chip.pixels.dtype, copy=False), valid).zeroed()


def _bilinear(
    chip: Chip, rows: Floats, columns: Floats, at: Callable[[Floats, Floats], tuple[Any, ...]]
) -> NDArray[Any]:
    """(..., h, w, C) means of the four pixels around each point, of those that have data."""
    known = chip.valid[..., None]
    pixels = chip.pixels
    if pixels.dtype.kind in 'fc' and (nan := np.isnan(pixels)).any():
        known = known & ~nan
        pixels = np.where(known, pixels, 0)
    top, left = np.floor(rows), np.floor(columns)
    down, right = rows - top, columns - left
    total, weights = np.zeros(()), np.zeros(())
    for y, y_weight in ((top, 1 - down), (top + 1, down)):
        for x, x_weight in ((left, 1 - right), (left + 1, right)):
            corner = at(y, x)
            weight = (y_weight * x_weight)[..., None] * known[corner]
            total = total + weight * pixels[corner]
            weights = weights + weight
    with np.errstate(invalid='ignore', divide='ignore'):
        mean = total / weights
    return mean if pixels.dtype.kind in 'fc' else np.nan_to_num(mean)


def _step(positions: Floats) -> float:
    """Pixels of the source from one pixel of the result to the next, at least 1."""
    steps = [np.diff(positions, axis=axis).ravel() for axis in (0, 1) if positions.shape[axis] > 1]
    with np.errstate(invalid='ignore'):
        means = [np.abs(step[np.isfinite(step)]).mean() for step in steps if step.size]
    return max(1.0, float(np.linalg.norm(np.nan_to_num(means)))) if means else 1.0


def _knots(length: int) -> Floats:
    """Positions 0, STEP, ... that reach up to the last of `length` pixels; at least two."""
    return np.arange(0, max(length - 1, 1) + STEP, STEP, dtype=float)


def _middles(knots: Floats) -> Floats:
    return np.asarray((knots[1:] + knots[:-1]) / 2)


def _interpolate(
    values: NDArray[np.float64], ys: Floats, xs: Floats, rows: Floats, columns: Floats
) -> NDArray[np.float64]:
    """(2, h, w) values between (2, H, W) ones that lie at ys and xs, at all rows and columns."""
    return np.asarray(_weights(ys, rows) @ values @ _weights(xs, columns).T)


def _weights(knots: Floats, at: Floats) -> Floats:
    """(len(at), len(knots)) weights of a linear interpolation."""
    distance = np.abs(at[:, None] - knots[None]) / (knots[1] - knots[0])
    return np.asarray(np.maximum(0, 1 - distance))
