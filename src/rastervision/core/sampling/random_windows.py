"""Random windows over an extent or inside areas of interest."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import TypeAlias

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from rastervision.core.box import Box
from rastervision.core.data.utils.features import Geoms, as_geoms
from rastervision.core.sampling.aoi_parts import AoiParts
from rastervision.core.sampling.aoi_sampler import polygon_parts, union_of
from rastervision.core.utils.misc import ensure_tuple
from rastervision.pipeline.errors import ConfigError

log = logging.getLogger(__name__)

Lims: TypeAlias = tuple[int, int]
"""Half-open range of sizes in pixels."""


class RandomWindowSampler:
    """Draws windows of random size at random places.

    Without AOI, every place in the (padded) extent is as likely as any other. With `within_aoi`,
    so is every place at which the window lies inside the AOI. Without it, a point of the AOI is
    drawn by area, and then a window that holds the point.
    """

    def __init__(
        self,
        extent: Box,
        size_lims: Lims | None = None,
        h_lims: Lims | None = None,
        w_lims: Lims | None = None,
        padding: int | tuple[int, int] | None = None,
        aoi_polygons: Sequence[BaseGeometry] = (),
        within_aoi: bool = True,
        efficient: bool = True,
        max_attempts: int = 100,
        scene_id: str = '',
    ) -> None:
        """Constructor.

        Args:
            extent: what the windows are drawn over.
            size_lims: range of the sides of square windows.
            h_lims: range of the heights, drawn apart from the widths.
            w_lims: range of the widths.
            padding: pixels, or (vertical, horizontal) pixels, by which windows may reach out of
                the extent, on each side. None is 0 where the window fits; a larger window then
                holds the whole extent.
            aoi_polygons: areas of interest, in the frame of `extent`.
            within_aoi: whether windows must lie inside the (united) AOI, or only touch it.
            efficient: whether places are drawn from the AOI, instead of anywhere until one fits.
            max_attempts: draws after which a window is given up.
            scene_id: for messages.

        Raises:
            ConfigError: no sizes or contradicting ones; a window does not fit into the scene or
                into any of its AOIs.
        """
        self.extent = extent
        self.h_lims, self.w_lims, self._square = _check_lims(size_lims, h_lims, w_lims)
        self.within_aoi = within_aoi
        self.efficient = efficient
        self.max_attempts = max_attempts
        self.scene_id = scene_id
        pads = (None, None) if padding is None else ensure_tuple(padding)
        self._y_axis = _Axis(extent.ymin, extent.ymax, pads[0])
        self._x_axis = _Axis(extent.xmin, extent.xmax, pads[1])
        self._check_fits()
        self.has_aoi = len(aoi_polygons) > 0
        self._parts = self._aoi_parts(aoi_polygons)

    def sample(self, rng: np.random.Generator) -> Box:
        """Draw a window.

        Raises:
            ConfigError: none was found in `max_attempts` draws.
        """
        height, width = self.sample_size(rng)
        return self.sample_place(height, width, rng)

    def sample_size(self, rng: np.random.Generator) -> tuple[int, int]:
        """Draw the (height, width) of a window."""
        height = int(rng.integers(*self.h_lims))
        return height, height if self._square else int(rng.integers(*self.w_lims))

    def sample_place(self, height: int, width: int, rng: np.random.Generator) -> Box:
        """Draw a window of a size.

        Raises:
            ConfigError: none was found in `max_attempts` draws.
        """
        if not self.has_aoi:
            return self._anywhere(height, width, rng)
        if self.efficient:
            return self._in_aoi(height, width, rng)
        for _ in range(self.max_attempts):
            window = self._anywhere(height, width, rng)
            if self.accepts(window):
                return window
        raise self._gave_up(height, width)

    def sample_around(self, box: Box, height: int, width: int, rng: np.random.Generator) -> Box:
        """Draw a window that holds a box, or lies within it where the box is larger.

        Near the border of what windows can reach, as much of the box is in it as possible. Where
        the box lies in an area of interest, the window does not leave the bounding box of that
        area; whether it leaves the area itself, `accepts` tells.
        """
        rows, columns = self._room_around(box)
        top = self._y_axis.draw_over(box.ymin, box.ymax, height, rng, rows)
        left = self._x_axis.draw_over(box.xmin, box.xmax, width, rng, columns)
        return _box(top, left, height, width)

    def _room_around(self, box: Box) -> tuple[Lims | None, Lims | None]:
        """Rows and columns of the AOI that the middle of a box lies in, if windows must, too."""
        if self.has_aoi and self.within_aoi:
            return self._parts.room_at((box.xmin + box.xmax) / 2, (box.ymin + box.ymax) / 2)
        return None, None

    def region(self) -> Geoms:
        """What windows are drawn from: the extent, or the AOIs in it that are large enough.

        Polygons in the extent frame that do not overlap.
        """
        extent = self.extent.to_shapely()
        if not self.has_aoi:
            return as_geoms([extent])
        smallest = (self.h_lims[0], self.w_lims[0]) if self.within_aoi else (1, 1)
        return polygon_parts(shapely.intersection(self._parts.large_enough(*smallest), extent))

    def accepts(self, window: Box) -> bool:
        """Whether a window lies in the areas of interest, or touches them if that is enough."""
        return not self.has_aoi or self._parts.accepts(window, self.within_aoi)

    def _anywhere(self, height: int, width: int, rng: np.random.Generator) -> Box:
        return _box(self._y_axis.draw(height, rng), self._x_axis.draw(width, rng), height, width)

    def _in_aoi(self, height: int, width: int, rng: np.random.Generator) -> Box:
        if not self.within_aoi:
            x, y = self._parts.sample_point(rng)
            top = self._y_axis.draw_around(y, height, rng)
            return _box(top, self._x_axis.draw_around(x, width, rng), height, width)
        # Each part proposes from a set of places that holds all those where the window is inside
        # it. Parts are picked by the sizes of their sets, so all such places are equally likely.
        weights = np.cumsum(self._parts.num_places(height, width))
        if weights[-1] == 0:
            raise self._gave_up(height, width)
        for _ in range(self.max_attempts):
            k = int(np.searchsorted(weights, rng.random() * weights[-1], side='right'))
            top, left = self._parts.propose(k, height, width, rng)
            window = _box(top, left, height, width)
            fits = self._y_axis.allows(top, height) and self._x_axis.allows(left, width)
            if fits and self._parts.holds(k, window):
                return window
        raise self._gave_up(height, width)

    def _aoi_parts(self, aoi_polygons: Sequence[BaseGeometry]) -> AoiParts:
        """Connected parts of the AOI, cut to what windows can reach."""
        if not self.has_aoi:
            return AoiParts([])
        y0, y1 = self._y_axis.reach(self.h_lims[1] - 1)
        x0, x1 = self._x_axis.reach(self.w_lims[1] - 1)
        limits = shapely.box(x0, y0, x1, y1) if self.within_aoi else self.extent.to_shapely()
        pieces = polygon_parts(shapely.intersection(union_of(aoi_polygons), limits))
        parts = AoiParts(list(pieces))
        smallest = self.h_lims[0], self.w_lims[0]
        if not len(parts):
            raise ConfigError(f'The AOI of {self._scene} does not touch it.')
        if self.within_aoi and not parts.num_places(*smallest).any():
            raise ConfigError(
                f'No AOI of {self._scene} is large enough for windows of '
                f'{smallest[0]}x{smallest[1]} pixels; use a smaller size, or within_aoi=False.'
            )
        return parts

    @property
    def _scene(self) -> str:
        name = f'scene {self.scene_id!r}' if self.scene_id else 'the scene'
        return f'{name} ({self.extent.height}x{self.extent.width} pixels)'

    def _check_fits(self) -> None:
        height, width = self.h_lims[1] - 1, self.w_lims[1] - 1
        if not (self._y_axis.fits(height) and self._x_axis.fits(width)):
            raise ConfigError(does_not_fit(self._scene, (height, width)))
        warn_if_larger((height, width), self.extent, self.scene_id)

    def _gave_up(self, height: int, width: int) -> ConfigError:
        return ConfigError(
            f'No window of {height}x{width} pixels inside the AOI of {self._scene} was found in '
            f'{self.max_attempts} attempts; use a smaller size, within_aoi=False, or a larger '
            'max_sample_attempts.'
        )


def does_not_fit(scene: str, size: tuple[int, int]) -> str:
    """Message about windows that are larger than what they are cut from."""
    return (
        f'Windows of {size[0]}x{size[1]} pixels do not fit into {scene} with the given padding; '
        'use a smaller size, or padding=None, which pads the scene as needed.'
    )


def warn_if_larger(size: tuple[int, int], extent: Box, scene_id: str) -> None:
    """Log it if windows of (height, width) pixels are larger than a scene."""
    if size[0] > extent.height or size[1] > extent.width:
        log.warning(
            'Windows of %dx%d pixels are larger than %s (%dx%d pixels); the rest of them is '
            'padding.',
            *size,
            f'scene {scene_id!r}' if scene_id else 'the scene',
            extent.height,
            extent.width,
        )


@dataclass(frozen=True, slots=True)
class _Axis:
    """Where windows may start on one axis of the extent."""

    start: int
    stop: int
    padding: int | None

    def _range(self, size: int) -> tuple[int, int]:
        """First and last start of a window."""
        first, last = self.start, self.stop - size
        if self.padding is None:
            return min(first, last), max(first, last)
        return first - self.padding, last + self.padding

    def fits(self, size: int) -> bool:
        first, last = self._range(size)
        return first <= last

    def allows(self, position: int, size: int) -> bool:
        first, last = self._range(size)
        return first <= position <= last

    def reach(self, size: int) -> tuple[int, int]:
        """The pixels, half-open, that windows of the size can hold."""
        first, last = self._range(size)
        return first, last + size

    def draw(self, size: int, rng: np.random.Generator) -> int:
        first, last = self._range(size)
        return int(rng.integers(first, last + 1))

    def draw_around(self, point: float, size: int, rng: np.random.Generator) -> int:
        """Start of a window that holds a point of the extent."""
        first, last = self._range(size)
        pixel = min(max(floor(point), self.start), self.stop - 1)
        return int(rng.integers(max(first, pixel - size + 1), min(last, pixel) + 1))

    def draw_over(
        self, low: float, high: float, size: int, rng: np.random.Generator, room: Lims | None
    ) -> int:
        """Start of a window that holds a stretch, or lies within it; in `room` if it fits there."""
        first, last = self._range(size)
        if room is not None and max(first, room[0]) <= min(last, room[1] - size):
            first, last = max(first, room[0]), min(last, room[1] - size)
        ends = floor(low), ceil(high) - size
        earliest, latest = (min(max(end, first), last) for end in (min(ends), max(ends)))
        return int(rng.integers(earliest, latest + 1))


def _box(top: int, left: int, height: int, width: int) -> Box:
    return Box(top, left, top + height, left + width)


def _check_lims(
    size_lims: Lims | None, h_lims: Lims | None, w_lims: Lims | None
) -> tuple[Lims, Lims, bool]:
    """Ranges of heights and widths, and whether they are drawn together."""
    for name, lims in (('size_lims', size_lims), ('h_lims', h_lims), ('w_lims', w_lims)):
        if lims is not None and not 0 < lims[0] < lims[1]:
            raise ConfigError(
                f'{name} {tuple(lims)} must be positive and ascending; the upper limit is '
                'exclusive.'
            )
    if size_lims is not None and h_lims is None and w_lims is None:
        return size_lims, size_lims, True
    if size_lims is None and h_lims is not None and w_lims is not None:
        return h_lims, w_lims, False
    raise ConfigError('Give either size_lims, or both h_lims and w_lims.')
