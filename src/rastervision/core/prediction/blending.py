"""Joining overlapping windows of scores into whole-width bands, in bounded memory."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Literal, TypeAlias

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
) -> Iterator[ScoreTile]:
    """Join windows of scores into bands.

    Args:
        tiles: windows in row-major order.
        extent: Box(0, 0, height, width) of the scene.
        num_classes: C.
        weight: see `weight_window`.
        crop_sz: pixels to cut from each edge of a window; see `Blender`.

    Yields:
        Bands of the extent's width, from top to bottom, that cover every pixel once.
    """
    blender = Blender(extent, num_classes, weight, crop_sz)
    for tile in tiles:
        blender.add(tile)
        yield from blender.finished()
    yield from blender.flush()


class Blender:
    """Takes overlapping windows of scores and gives bands in which they are averaged.

    Windows come in row-major order: none starts above the one before. So everything above the
    window that came last is finished, and memory holds C x width x one row of windows.

    Scores of a pixel are the weighted mean over the windows that show it; a pixel is valid when
    any of them says so. What of a window lies outside the extent is left out.

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
    ) -> None:
        if crop_sz < 0:
            raise ConfigError(f'crop_sz must not be negative, got {crop_sz}.')
        self.extent = extent
        self.num_classes = num_classes
        self.weight = weight
        self.crop_sz = crop_sz
        self._top = 0  # first row that has not been given out
        self._complete = 0  # rows above have seen all their windows
        self._last_ymin: int | None = None
        self._rows = _Rows.empty(num_classes, 0, extent.width)

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
        kept, core = self._kept(box), box.erode(crop).intersection(self.extent)
        if kept.area == 0:
            return
        self._rows = self._rows.extended(kept.ymax - self._top)
        if core.area:
            self._add_part(tile, core)
        for strip in _frame(kept, core):
            self._add_part(tile, strip, spare=True)

    def finished(self) -> Iterator[ScoreTile]:
        """Give out the rows that no further window reaches.

        Raises:
            ConfigError: there are pixels that no window covers.
        """
        stop = min(self._complete, self.extent.height)
        if stop > self._top:
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
        ).intersection(self.extent)

    def _add_part(self, tile: ScoreTile, part: Box, spare: bool = False) -> None:
        inner = part.translate(-tile.box.ymin, -tile.box.xmin).to_slices()
        weight = weight_window(tile.box.size, self.weight)[inner]
        target = part.translate(-self._top, 0)
        self._rows.add(target, tile.scores[:, *inner], tile.valid[inner], weight, spare)

    def _take(self, stop: int) -> ScoreTile:
        start, self._top = self._top, stop
        rows, self._rows = self._rows.split(stop - start)
        uncovered = ~rows.weight.all(axis=1)
        if uncovered.any():
            y = start + int(uncovered.argmax())
            x = int((rows.weight[y - start] == 0).argmax())
            raise ConfigError(
                f'The pixel at row {y}, column {x} is in no window (crop_sz={self.crop_sz}); '
                'use a smaller crop_sz or stride, or pad the scene.'
            )
        return ScoreTile(Box(start, 0, stop, self.extent.width), rows.scores, rows.valid)


class _Rows:
    """Rows under construction.

    Attributes:
        scores: (C, n, W) running weighted mean.
        weight: (n, W) sum of weights, 0 where no window has been.
        spare: (n, W), True where only cropped edges have been.
        valid: (n, W).
    """

    def __init__(
        self,
        scores: FloatArray,
        weight: FloatArray,
        spare: NDArray[np.bool_],
        valid: NDArray[np.bool_],
    ) -> None:
        self.scores = scores
        self.weight = weight
        self.spare = spare
        self.valid = valid

    @classmethod
    def empty(cls, num_classes: int, num_rows: int, width: int) -> '_Rows':
        # fresh zeros take no memory until they are written
        return cls(
            np.zeros((num_classes, num_rows, width), dtype=np.float32),
            np.zeros((num_rows, width), dtype=np.float32),
            np.zeros((num_rows, width), dtype=bool),
            np.zeros((num_rows, width), dtype=bool),
        )

    def extended(self, num_rows: int) -> '_Rows':
        """The same rows, followed by empty ones up to `num_rows`."""
        missing = num_rows - len(self.weight)
        return self if missing <= 0 else self.copied(0, num_rows)

    def split(self, num_rows: int) -> tuple['_Rows', '_Rows']:
        """The first rows, and a copy of the others; there need not be that many."""
        first = self.extended(num_rows)
        top = _Rows(
            first.scores[:, :num_rows],
            first.weight[:num_rows],
            first.spare[:num_rows],
            first.valid[:num_rows],
        )
        return top, first.copied(num_rows, len(first.weight) - num_rows)

    def copied(self, start: int, num_rows: int) -> '_Rows':
        num_classes, _, width = self.scores.shape
        new = _Rows.empty(num_classes, num_rows, width)
        n = len(self.weight) - start
        new.scores[:, :n] = self.scores[:, start:]
        new.weight[:n] = self.weight[start:]
        new.spare[:n] = self.spare[start:]
        new.valid[:n] = self.valid[start:]
        return new

    def add(
        self,
        box: Box,
        scores: FloatArray,
        valid: NDArray[np.bool_],
        weight: FloatArray,
        spare: bool,
    ) -> None:
        """Average a window into these rows; cropped edges (`spare`) only where nothing else is."""
        at = box.to_slices()
        mean, total, is_spare = self.scores[:, *at], self.weight[at], self.spare[at]
        self.valid[at] |= valid
        if spare:
            free = is_spare | (total == 0)
            weight = np.where(free, weight, np.float32(0))
            is_spare |= free
        elif is_spare.any():
            total[is_spare] = 0
            mean[:, is_spare] = 0
            is_spare[...] = False
        if not total.any():
            mean[...] = scores
            total[...] = weight
            return
        total += weight
        mean += (scores - mean) * (weight / total)


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
