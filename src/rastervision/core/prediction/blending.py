"""Joining overlapping windows of scores into bands of rows, in bounded memory."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.prediction.tiles import ScoreTile
from rastervision.pipeline.errors import ConfigError

BlendWeight: TypeAlias = Literal['mean', 'hann']

FloatArray: TypeAlias = NDArray[np.float32]


@lru_cache(maxsize=16)
def weight_window(size: tuple[int, int], weight: BlendWeight) -> FloatArray:
    """How much each pixel of a window counts against other windows.

    Args:
        size: (h, w) of the window.
        weight: 'mean' counts all alike; 'hann' falls off from the centre towards the edges as a
            squared sine, without reaching 0.

    Returns:
        (h, w) weights above 0.
    """
    if weight == 'mean':
        return np.ones(size, dtype=np.float32)
    rows, columns = (np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 for n in size)
    return np.outer(rows, columns).astype(np.float32)


def blend(
    tiles: Iterable[ScoreTile],
    extent: Box,
    num_classes: int,
    weight: BlendWeight = 'mean',
    crop_sz: int = 0,
    region: Box | None = None,
) -> Iterator[ScoreTile]:
    """Join windows of scores into bands.

    Args:
        tiles: windows in row-major order.
        extent: Box(0, 0, height, width) of the scene.
        num_classes: C.
        weight: see `weight_window`.
        crop_sz: pixels to cut from each edge of a window; see `Blender`.
        region: part of the extent to give out; all of it when None.

    Yields:
        Bands of the region's width, from top to bottom, that cover each of its pixels once.
    """
    blender = Blender(extent, num_classes, weight, crop_sz, region)
    for tile in tiles:
        blender.add(tile)
        yield from blender.finished()
    yield from blender.flush()


class Blender:
    """Takes overlapping windows of scores and gives bands in which they are averaged.

    Windows come in row-major order: none starts above the one before. So everything above the
    window that came last is finished, and memory holds C x width x one row of windows and a stride.

    Scores of a pixel are the weighted mean over the windows that show it; a pixel is valid when
    any of them says so. What of a window lies outside the region is left out. The scores of a pixel
    are the same, bit for bit, whatever the region.

    `crop_sz` cuts that many pixels from each edge of a window, because a model sees too little
    around them. Along the border of the scene they are still used where no other window gives
    anything better, so a window that touches the border covers it.
    """

    def __init__(
        self,
        extent: Box,
        num_classes: int,
        weight: BlendWeight = 'mean',
        crop_sz: int = 0,
        region: Box | None = None,
    ) -> None:
        if crop_sz < 0:
            raise ConfigError(f'crop_sz must not be negative, got {crop_sz}.')
        self.extent = extent
        self.region = extent if region is None else region.intersection(extent)
        self.num_classes = num_classes
        self.weight = weight
        self.crop_sz = crop_sz
        self._complete = 0  # rows above have seen all their windows
        self._last_ymin: int | None = None
        self._rows = _Rows(num_classes, self.region.width, self.region.ymin)

    def add(self, tile: ScoreTile) -> None:
        """Take the next window.

        Raises:
            ConfigError: crop_sz leaves nothing of the window.
            ValueError: the window starts above the one before, or has another number of classes.
        """
        box, crop = tile.box, self.crop_sz
        if self._last_ymin is not None and box.ymin < self._last_ymin:
            raise ValueError(f'{box} comes after a window that starts at row {self._last_ymin}.')
        if len(tile.scores) != self.num_classes:
            raise ValueError(f'Got {len(tile.scores)} scores for {self.num_classes} classes.')
        if min(box.size) <= 2 * crop:
            raise ConfigError(
                f'crop_sz={crop} leaves nothing of a window of {box.height} x {box.width} pixels; '
                'use a smaller crop_sz or a larger chip_sz.'
            )
        self._last_ymin = box.ymin
        self._complete = max(self._complete, 0 if box.ymin <= 0 else box.ymin + crop)
        kept = self._kept(box).intersection(self.region)
        core = box.erode(crop).intersection(kept)
        self._rows.reserve(kept.ymax)
        if core.area:
            self._add_part(tile, core)
        for strip in _frame(kept, core):
            self._add_part(tile, strip, spare=True)

    def finished(self) -> Iterator[ScoreTile]:
        """Give out the rows that no further window reaches.

        Raises:
            ConfigError: there are pixels that no window covers.
        """
        stop = min(self._complete, self.region.ymax)
        if stop > self._rows.top:
            yield self._take(stop)

    def flush(self) -> Iterator[ScoreTile]:
        """Give out all remaining rows; there are no more windows.

        Raises:
            ConfigError: there are pixels that no window covers.
        """
        self._complete = self.extent.height
        yield from self.finished()

    def _kept(self, box: Box) -> Box:
        """Part of a window that may be used: cropped, but not along the scene's border."""
        crop, (height, width) = self.crop_sz, self.extent.size
        return Box(
            box.ymin if box.ymin <= 0 else box.ymin + crop,
            box.xmin if box.xmin <= 0 else box.xmin + crop,
            box.ymax if box.ymax >= height else box.ymax - crop,
            box.xmax if box.xmax >= width else box.xmax - crop,
        )

    def _add_part(self, tile: ScoreTile, part: Box, spare: bool = False) -> None:
        weight = weight_window(tile.box.size, self.weight)
        columns = slice(part.xmin - self.region.xmin, part.xmax - self.region.xmin)
        for rows, place in self._rows.places(part.ymin, part.ymax):
            inner = Box(rows.start, part.xmin, rows.stop, part.xmax)
            at = inner.translate(-tile.box.ymin, -tile.box.xmin).to_slices()
            self._rows.add((place, columns), tile.scores[:, *at], tile.valid[at], weight[at], spare)

    def _take(self, stop: int) -> ScoreTile:
        start, region = self._rows.top, self.region
        self._rows.reserve(stop)
        missing = self._rows.first_missing(stop)
        if missing is not None:
            raise ConfigError(
                f'The pixel at row {missing[0]}, column {missing[1] + region.xmin} is in no window '
                f'(crop_sz={self.crop_sz}); use a smaller crop_sz or stride, or pad the scene.'
            )
        return ScoreTile(Box(start, region.xmin, stop, region.xmax), *self._rows.take(stop))


class _Rows:
    """The rows under construction.

    They lie in buffers that go round: a row is at its number modulo the height of the buffers.

    Attributes:
        top: number of the first row; those above have been given out.
    """

    def __init__(self, num_classes: int, width: int, top: int) -> None:
        self.top = top
        self._sums = np.zeros((num_classes, 0, width), dtype=np.float32)
        self._weight = np.zeros((0, width), dtype=np.float32)
        self._spare = np.zeros((0, width), dtype=bool)  # only cropped edges have been here
        self._valid = np.zeros((0, width), dtype=bool)

    @property
    def _buffers(self) -> tuple[NDArray[Any], ...]:
        return self._sums, self._weight, self._spare, self._valid

    def reserve(self, stop: int) -> None:
        """Make room for the rows up to one."""
        height = len(self._weight)
        if stop - self.top <= height:
            return
        rows = np.arange(self.top, self.top + height)
        old, new = rows % max(1, height), rows % (stop - self.top)

        def enlarged(buffer: NDArray[Any]) -> NDArray[Any]:
            # fresh zeros take no memory until they are written
            *more, _, width = buffer.shape
            larger = np.zeros((*more, stop - self.top, width), buffer.dtype)
            larger[..., new, :] = buffer[..., old, :]
            return larger

        self._sums, self._weight, self._spare, self._valid = map(enlarged, self._buffers)

    def places(self, start: int, stop: int) -> Iterator[tuple[slice, slice]]:
        """Cut rows where the buffers end; yields numbers of rows and where they are."""
        height = len(self._weight)
        while start < stop:
            place = start % height
            count = min(stop - start, height - place)
            yield slice(start, start + count), slice(place, place + count)
            start += count

    def add(
        self,
        at: tuple[slice, slice],
        scores: FloatArray,
        valid: NDArray[np.bool_],
        weight: FloatArray,
        spare: bool,
    ) -> None:
        """Add a window; cropped edges (`spare`) only where nothing else is."""
        sums, total, is_spare = self._sums[:, *at], self._weight[at], self._spare[at]
        self._valid[at] |= valid
        if spare:
            free = is_spare | (total == 0)
            weight = np.where(free, weight, np.float32(0))
            is_spare |= free
        elif is_spare.any():
            total[is_spare] = 0
            sums[:, is_spare] = 0
            is_spare[...] = False
        total += weight
        sums += scores * weight

    def first_missing(self, stop: int) -> tuple[int, int] | None:
        """Row and column of the first pixel above a row that is in no window."""
        for rows, place in self.places(self.top, stop):
            weight = self._weight[place]
            if not weight.all():
                row, column = np.argwhere(weight == 0)[0].tolist()
                return rows.start + row, column
        return None

    def take(self, stop: int) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Remove the rows above one; returns their mean scores and where they are valid."""
        shape = (stop - self.top, self._weight.shape[1])
        scores = np.empty((len(self._sums), *shape), dtype=np.float32)
        valid = np.empty(shape, dtype=bool)
        for rows, place in self.places(self.top, stop):
            target = slice(rows.start - self.top, rows.stop - self.top)
            np.divide(self._sums[:, place], self._weight[place], out=scores[:, target])
            valid[target] = self._valid[place]
            for buffer in self._buffers:
                buffer[..., place, :] = 0
        self.top = stop
        return scores, valid


def _frame(outer: Box, inner: Box) -> Iterator[Box]:
    """The up to four strips of `outer` around `inner`, which is empty or lies within it."""
    if inner.area == 0:
        yield outer
        return
    strips = [
        Box(outer.ymin, outer.xmin, inner.ymin, outer.xmax),
        Box(inner.ymin, outer.xmin, inner.ymax, inner.xmin),
        Box(inner.ymin, inner.xmax, inner.ymax, outer.xmax),
        Box(inner.ymax, outer.xmin, outer.ymax, outer.xmax),
    ]
    yield from (strip for strip in strips if strip.area)
