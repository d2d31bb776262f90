"""Box: a half-open window, in pixels unless said otherwise."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from rastervision.core.utils.misc import ensure_tuple
from rastervision.core.windows import PadDirection, axis_starts

if TYPE_CHECKING:
    from rasterio.windows import Window


class BoxSizeError(ValueError):
    """A box of the asked size does not fit."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle [ymin, ymax) x [xmin, xmax) with y pointing down.

    A frozen, hashable value: boxes work in sets and as dict keys. Sides are integers for pixel
    windows; floats are allowed for map coordinates.
    """

    ymin: int
    xmin: int
    ymax: int
    xmax: int

    def __iter__(self) -> Iterator[int]:
        """Iterate over (ymin, xmin, ymax, xmax)."""
        return iter((self.ymin, self.xmin, self.ymax, self.xmax))

    def __getitem__(self, i: int) -> int:
        """Side by position in (ymin, xmin, ymax, xmax)."""
        return (self.ymin, self.xmin, self.ymax, self.xmax)[i]

    def __contains__(self, other: object) -> bool:
        """Whether another box lies within this one, edges included."""
        if not isinstance(other, Box):
            raise TypeError(f'Only a Box can lie in a Box, not a {type(other).__name__}.')
        rows = self.ymin <= other.ymin and other.ymax <= self.ymax
        return rows and self.xmin <= other.xmin and other.xmax <= self.xmax

    # ---- size

    @property
    def height(self) -> int:
        return self.ymax - self.ymin

    @property
    def width(self) -> int:
        return self.xmax - self.xmin

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def area(self) -> int:
        return self.height * self.width

    @property
    def extent(self) -> Self:
        """Box of the same size with its upper left corner at (0, 0)."""
        return type(self)(0, 0, self.height, self.width)

    # ---- other forms

    def tuple_format(self) -> tuple[int, int, int, int]:
        """(ymin, xmin, ymax, xmax)."""
        return self.ymin, self.xmin, self.ymax, self.xmax

    def rasterio_format(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """((ymin, ymax), (xmin, xmax))."""
        return (self.ymin, self.ymax), (self.xmin, self.xmax)

    def shapely_format(self) -> tuple[int, int, int, int]:
        """(xmin, ymin, xmax, ymax)."""
        return self.to_xyxy()

    def npbox_format(self) -> NDArray[Any]:
        """(4,) array of ymin, xmin, ymax, xmax."""
        return np.array(self.tuple_format())

    def to_xyxy(self) -> tuple[int, int, int, int]:
        """(xmin, ymin, xmax, ymax)."""
        return self.xmin, self.ymin, self.xmax, self.ymax

    def to_xywh(self) -> tuple[int, int, int, int]:
        """(xmin, ymin, width, height)."""
        return self.xmin, self.ymin, self.width, self.height

    def to_points(self) -> NDArray[Any]:
        """(4, 2) array of the corners' (x, y), from the upper left, clockwise on the screen."""
        return np.array(self.geojson_coordinates()[:4])

    def geojson_coordinates(self) -> list[tuple[int, int]]:
        """Closed ring of five (x, y) corners."""
        return [
            (self.xmin, self.ymin),
            (self.xmax, self.ymin),
            (self.xmax, self.ymax),
            (self.xmin, self.ymax),
            (self.xmin, self.ymin),
        ]

    def to_shapely(self) -> Polygon:
        return shapely.box(*self.to_xyxy())

    def to_rasterio(self) -> 'Window':
        """Rasterio Window; a negative offset is kept."""
        from rasterio.windows import Window

        return Window(self.xmin, self.ymin, self.width, self.height)

    def to_slices(
        self, h_step: int | None = None, w_step: int | None = None
    ) -> tuple[slice, slice]:
        """Slices of rows and columns, to index an array of shape (H, W, ...)."""
        return slice(self.ymin, self.ymax, h_step), slice(self.xmin, self.xmax, w_step)

    def to_dict(self) -> dict[str, int]:
        return {'ymin': self.ymin, 'xmin': self.xmin, 'ymax': self.ymax, 'xmax': self.xmax}

    @classmethod
    def from_dict(cls, d: dict[str, int]) -> Self:
        return cls(d['ymin'], d['xmin'], d['ymax'], d['xmax'])

    @classmethod
    def from_npbox(cls, npbox: NDArray[Any]) -> Self:
        """Box from an array of ymin, xmin, ymax, xmax."""
        return cls(*npbox.tolist())

    @classmethod
    def from_shapely(cls, shape: BaseGeometry) -> Self:
        """Bounding box of a geometry; its sides are floats."""
        bounds: Any = shape.bounds
        xmin, ymin, xmax, ymax = bounds
        return cls(ymin, xmin, ymax, xmax)

    @classmethod
    def from_rasterio(cls, rio_window: 'Window') -> Self:
        y, x, h, w = rio_window.row_off, rio_window.col_off, rio_window.height, rio_window.width
        return cls(y, x, y + h, x + w)

    @staticmethod
    def to_npboxes(boxes: Iterable['Box']) -> NDArray[Any]:
        """(N, 4) array of ymin, xmin, ymax, xmax; (0, 4) for no boxes."""
        return np.array([box.tuple_format() for box in boxes]).reshape(-1, 4)

    @classmethod
    def make_square(cls, ymin: int, xmin: int, size: int) -> Self:
        """Square with the given upper left corner."""
        return cls(ymin, xmin, ymin + size, xmin + size)

    def copy(self) -> Self:
        return type(self)(*self)

    # ---- other boxes

    def normalize(self) -> Self:
        """Swap sides where min is above max."""
        ymin, ymax = sorted((self.ymin, self.ymax))
        xmin, xmax = sorted((self.xmin, self.xmax))
        return type(self)(ymin, xmin, ymax, xmax)

    def to_int(self) -> Self:
        """Sides cut to integers (towards zero)."""
        return type(self)(*(int(side) for side in self))

    def translate(self, dy: int, dx: int) -> Self:
        return type(self)(self.ymin + dy, self.xmin + dx, self.ymax + dy, self.xmax + dx)

    def to_global_coords(self, bbox: 'Box') -> Self:
        """From the extent frame of `bbox` to the frame that `bbox` is given in."""
        return self.translate(bbox.ymin, bbox.xmin)

    def to_local_coords(self, bbox: 'Box') -> Self:
        """From the frame that `bbox` is given in to the extent frame of `bbox`."""
        return self.translate(-bbox.ymin, -bbox.xmin)

    def pad(self, ymin: int, xmin: int, ymax: int, xmax: int) -> Self:
        """Move each side outwards by its own number of pixels."""
        return type(self)(self.ymin - ymin, self.xmin - xmin, self.ymax + ymax, self.xmax + xmax)

    def center_crop(self, edge_offset_y: int, edge_offset_x: int) -> Self:
        """Move upper and lower sides inwards by one offset, left and right ones by the other."""
        return self.pad(-edge_offset_y, -edge_offset_x, -edge_offset_y, -edge_offset_x)

    def erode(self, erosion_sz: int) -> Self:
        """Move all sides inwards."""
        return self.center_crop(erosion_sz, erosion_sz)

    def buffer(self, buffer_sz: float, max_extent: 'Box') -> Self:
        """Move all sides outwards, but not beyond `max_extent`.

        Args:
            buffer_sz: pixels (rounded), or, when below 1, a fraction of the box's height for
                the upper and lower sides and of its width for the others.
            max_extent: limit of the result.
        """
        if buffer_sz < 0:
            raise ValueError(f'buffer_sz must not be negative, got {buffer_sz}.')
        if buffer_sz < 1:
            dy, dx = round(buffer_sz * self.height), round(buffer_sz * self.width)
        else:
            dy = dx = round(buffer_sz)
        return type(self)(
            max(max_extent.ymin, self.ymin - dy),
            max(max_extent.xmin, self.xmin - dx),
            min(max_extent.ymax, self.ymax + dy),
            min(max_extent.xmax, self.xmax + dx),
        )

    def intersects(self, other: 'Box') -> bool:
        """Whether the boxes share an area; a common edge is none."""
        return max(self.ymin, other.ymin) < min(self.ymax, other.ymax) and max(
            self.xmin, other.xmin
        ) < min(self.xmax, other.xmax)

    def intersection(self, other: 'Box') -> Self:
        """The common box; Box(0, 0, 0, 0) when there is none."""
        if not self.intersects(other):
            return type(self)(0, 0, 0, 0)
        return type(self)(
            max(self.ymin, other.ymin),
            max(self.xmin, other.xmin),
            min(self.ymax, other.ymax),
            min(self.xmax, other.xmax),
        )

    def reproject(self, transform_fn: Callable[[tuple[float, float]], tuple[float, float]]) -> Self:
        """Bounding box of the four corners after `transform_fn((x, y)) -> (x, y)`."""
        corners = np.array([transform_fn((x, y)) for x, y in self.geojson_coordinates()[:4]])
        (xmin, ymin), (xmax, ymax) = corners.min(0).tolist(), corners.max(0).tolist()
        return type(self)(ymin, xmin, ymax, xmax)

    # ---- random boxes

    def make_random_box_container(
        self, out_h: int, out_w: int, rng: np.random.Generator | None = None
    ) -> Self:
        """Random box of a given size that contains this one.

        Raises:
            BoxSizeError: this box is larger than that.
        """
        if self.height > out_h or self.width > out_w:
            raise BoxSizeError(
                f'A box of size {self.size} does not fit into one of size {(out_h, out_w)}.'
            )
        rng = np.random.default_rng() if rng is None else rng
        ymin = self.ymin - int(rng.integers(0, out_h - self.height + 1))
        xmin = self.xmin - int(rng.integers(0, out_w - self.width + 1))
        return type(self)(ymin, xmin, ymin + out_h, xmin + out_w)

    def make_random_square_container(
        self, size: int, rng: np.random.Generator | None = None
    ) -> Self:
        """Random square that contains this box; BoxSizeError when this box is larger."""
        return self.make_random_box_container(size, size, rng)

    def make_random_square(self, size: int, rng: np.random.Generator | None = None) -> Self:
        """Random square inside this box; BoxSizeError when it does not fit."""
        if size > self.height or size > self.width:
            raise BoxSizeError(f'A square of {size} does not fit into a box of size {self.size}.')
        rng = np.random.default_rng() if rng is None else rng
        ymin = self.ymin + int(rng.integers(0, self.height - size + 1))
        xmin = self.xmin + int(rng.integers(0, self.width - size + 1))
        return self.make_square(ymin, xmin, size)

    # ---- windows

    def get_windows(
        self,
        size: int | tuple[int, int],
        stride: int | tuple[int, int],
        padding: int | tuple[int, int] | None = None,
        pad_direction: PadDirection = 'end',
    ) -> list[Self]:
        """Sliding windows over this box, row by row.

        Args:
            size: window size, or (height, width), in pixels.
            stride: step, or (vertical, horizontal) step, in pixels.
            padding: pixels, or (vertical, horizontal) pixels, added on the padded side(s).
                None adds as much as is needed to leave no pixel out; 0 gives only windows that
                lie within the box.
            pad_direction: side(s) that are padded.

        Returns:
            Windows in the frame of this box; some reach out of it when it is padded.
        """
        h, w = ensure_tuple(size)
        dy, dx = ensure_tuple(stride)
        pad_y, pad_x = (None, None) if padding is None else ensure_tuple(padding)
        ys = axis_starts(self.height, h, dy, pad_y, pad_direction)
        xs = axis_starts(self.width, w, dx, pad_x, pad_direction)
        return [
            type(self)(y, x, y + h, x + w)
            for y in range(ys.start + self.ymin, ys.stop + self.ymin, dy)
            for x in range(xs.start + self.xmin, xs.stop + self.xmin, dx)
        ]

    # ---- areas of interest

    @staticmethod
    def filter_by_aoi(
        windows: Sequence['Box'], aoi_polygons: Sequence[BaseGeometry], within: bool = True
    ) -> list['Box']:
        """Windows that lie within the union of the polygons, or (within=False) that touch it.

        Args:
            windows: boxes in the frame of the polygons.
            aoi_polygons: polygons; invalid ones are repaired.
            within: whether the whole window must lie inside.
        """
        if not windows or not aoi_polygons:
            return []
        aoi = shapely.union_all(shapely.make_valid(np.array(aoi_polygons, dtype=object)))
        shapely.prepare(aoi)
        sides = Box.to_npboxes(windows)
        boxes = shapely.box(sides[:, 1], sides[:, 0], sides[:, 3], sides[:, 2])
        keep = shapely.covers(aoi, boxes) if within else shapely.intersects(aoi, boxes)
        return [window for window, kept in zip(windows, keep, strict=True) if kept]

    @staticmethod
    def within_aoi(window: 'Box', aoi_polygons: BaseGeometry | Sequence[BaseGeometry]) -> bool:
        """Whether the window lies within the union of the polygons."""
        return bool(Box.filter_by_aoi([window], _as_list(aoi_polygons), within=True))

    @staticmethod
    def intersects_aoi(window: 'Box', aoi_polygons: BaseGeometry | Sequence[BaseGeometry]) -> bool:
        """Whether the window and the union of the polygons have a common point."""
        return bool(Box.filter_by_aoi([window], _as_list(aoi_polygons), within=False))


def _as_list(polygons: BaseGeometry | Sequence[BaseGeometry]) -> list[BaseGeometry]:
    return [polygons] if isinstance(polygons, BaseGeometry) else list(polygons)
