"""STAC items as one lazy array (time, band, y, x), on any pixel grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rastervision.core.box import Box
from rastervision.core.data.crs_transformer import RasterioCRSTransformer
from rastervision.core.data.raster_source.rasterio_source import RasterioSource
from rastervision.core.data.raster_source.resampling import PlacedSource
from rastervision.core.grid import crs_to_crs, to_crs
from rastervision.pipeline.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pystac import Item
    from xarray import DataArray

Bounds = tuple[float, float, float, float]

NO_EFFECT = frozenset({
    'band_coords', 'chunksize', 'errors_as_nodata', 'gdal_env', 'properties', 'reader',
    'resampling', 'snap_bounds', 'xy_coords',
})  # fmt: skip
"""Arguments of stackstac that configs of release 0.31 may have and that have no effect here."""


SNAP = 1e-6
"""Part of a pixel by which an edge may miss a multiple of the pixels."""


@dataclass(frozen=True, slots=True)
class StackOptions:
    """How items are stacked; names and defaults are those of `stackstac.stack`.

    Attributes:
        assets: keys of the assets; None takes all that are rasters.
        epsg: CRS of the array; None takes that of the assets, which must have one.
        resolution: size of its pixels in units of the CRS, or (x, y) sizes; None takes the
            finest of the assets.
        bounds: (xmin, ymin, xmax, ymax) of the array in its CRS; None takes all assets.
        bounds_latlon: the same in longitude and latitude.
        dtype: dtype of the values.
        fill_value: value of pixels without data.
        rescale: whether the scales and offsets that files declare are applied.
        sortby_date: order of the items: 'asc', 'desc', or False for that in which they come.
    """

    assets: Sequence[str] | None = None
    epsg: int | None = None
    resolution: float | tuple[float, float] | None = None
    bounds: Bounds | None = None
    bounds_latlon: Bounds | None = None
    dtype: str = 'float64'
    fill_value: float = np.nan
    rescale: bool = True
    sortby_date: str | bool = 'asc'

    @classmethod
    def of(cls, args: Mapping[str, Any]) -> Self:
        """Options from `stackstac_args`.

        Raises:
            ConfigError: unknown arguments, or some that contradict each other.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(args) - known - NO_EFFECT)
        if unknown:
            raise ConfigError(
                f'stackstac_args has no argument {unknown[0]!r}; it has {", ".join(sorted(known))}.'
            )
        options = cls(**{name: value for name, value in args.items() if name in known})
        if options.bounds is not None and options.bounds_latlon is not None:
            raise ConfigError('stackstac_args: give bounds or bounds_latlon, not both.')
        dtype = np.dtype(options.dtype)
        if dtype.kind in 'iu' and not np.can_cast(np.min_scalar_type(options.fill_value), dtype):
            raise ConfigError(
                f'stackstac_args: fill_value {options.fill_value} cannot be written as {dtype}; '
                'give another one.'
            )
        return options


@dataclass(frozen=True, slots=True)
class Grid:
    """The pixel grid of an array, as far as `PlacedSource` needs to know it."""

    crs_transformer: RasterioCRSTransformer
    bbox: Box


def stack_items(
    items: Sequence['Item'], args: Mapping[str, Any]
) -> tuple['DataArray', RasterioCRSTransformer]:
    """Lay STAC items over each other; pixels are read and resampled when they are asked for.

    Args:
        items: the items; each is a time.
        args: arguments of `stackstac.stack`, see `StackOptions`.

    Returns:
        Array (time, band, y, x) with NaN, or `fill_value`, where there is no data; and the
        transformer of its pixels. The bands of an asset follow each other.

    Raises:
        ConfigError: arguments that cannot be used.
        DataError: the items cannot be stacked.
        NotReadableError: an asset cannot be read.
    """
    from rastervision.core.data.raster_source.lazy_array import lazy_array
    from rastervision.core.utils.stac import asset_uris, by_date, date_of, find_assets

    options = StackOptions.of(args)
    if options.sortby_date:
        items = by_date(items)[:: -1 if options.sortby_date == 'desc' else 1]
    if not items:
        raise DataError('There are no STAC items to stack.')
    keys = list(options.assets or find_assets(items[0], None))
    sources = [
        [RasterioSource(uri, allow_streaming=True) for uri in asset_uris(item, keys)]
        for item in items
    ]
    counts = [[source.num_channels for source in row] for row in sources]
    if any(row != counts[0] for row in counts):
        raise DataError(
            f'The STAC items cannot be stacked: their assets {", ".join(keys)} have different '
            f'numbers of bands, {counts}.'
        )
    grid = _grid([source for row in sources for source in row], options)
    placed = [[PlacedSource.on(grid, source) for source in row] for row in sources]
    bands = [(asset, band) for asset, count in enumerate(counts[0]) for band in range(count)]
    transform = grid.crs_transformer.transform
    height, width = grid.bbox.size
    coords = {
        'time': [np.datetime64(date_of(item).replace(tzinfo=None), 'ns') for item in items],
        'band': [keys[i] if counts[0][i] == 1 else f'{keys[i]}_{band + 1}' for i, band in bands],
        'y': transform.f + transform.e * (np.arange(height) + 0.5),
        'x': transform.c + transform.a * (np.arange(width) + 0.5),
    }
    sizes = {'time': len(items), 'band': len(bands), 'y': height, 'x': width}
    attrs = {'_FillValue': options.fill_value, 'crs': _crs_name(grid), 'transform': transform}
    stack = _Stack(sources, placed, bands, grid.bbox.size, options)
    return lazy_array(stack, sizes, options.dtype, coords, attrs), grid.crs_transformer


@dataclass(frozen=True, eq=False, slots=True)
class _Stack:
    """Reads any part of the array.

    Attributes:
        sources: the assets of each item.
        placed: the same on the grid of the array.
        bands: which asset and which of its channels each band is.
        size: (height, width) of the array.
        options: how values are made.
    """

    sources: list[list[RasterioSource]]
    placed: list[list[PlacedSource]]
    bands: list[tuple[int, int]]
    size: tuple[int, int]
    options: StackOptions

    def __call__(self, index: tuple[Any, ...]) -> NDArray[Any]:
        """Values for an index of (time, band, y, x), each a number, a slice or positions."""
        from rastervision.core.data.raster_source.lazy_array import as_range

        time, band, y, x = index
        height, width = self.size
        (rows, in_rows), (columns, in_columns) = as_range(y, height), as_range(x, width)
        window = Box(rows.start, columns.start, rows.stop, columns.stop)
        times, bands = np.arange(len(self.sources))[time], np.arange(len(self.bands))[band]
        out = np.empty((times.size, bands.size, *window.size), dtype=self.options.dtype)
        chosen = [self.bands[i] for i in bands.ravel()]
        for planes, t in zip(out, times.ravel(), strict=True):
            chips = {asset: self._values(t, asset, window) for asset in {a for a, _ in chosen}}
            for plane, (asset, channel) in zip(planes, chosen, strict=True):
                plane[...] = chips[asset][..., channel]
        return out.reshape(*times.shape, *bands.shape, *window.size)[..., in_rows, :][
            ..., in_columns
        ]

    def _values(self, time: int, asset: int, window: Box) -> NDArray[Any]:
        """(H, W, C) values of a window of an asset."""
        chip = self.placed[time][asset].read(window)
        pixels = chip.pixels
        scales, offsets = map(np.array, self.sources[time][asset].scales_and_offsets)
        if self.options.rescale and ((scales != 1) | (offsets != 0)).any():
            pixels = pixels * scales + offsets
        return np.where(chip.valid[..., None], pixels, self.options.fill_value)


def _crs_name(grid: Grid) -> str:
    crs = to_crs(grid.crs_transformer.image_crs)
    return '' if crs is None else crs.to_string()


def _grid(sources: Sequence[RasterioSource], options: StackOptions) -> Grid:
    """The pixel grid of the array: as the options say, else one that covers all sources."""
    for source in sources:
        if not isinstance(source.crs_transformer, RasterioCRSTransformer):
            raise DataError(f'{source.uris[0]} has no georeference and cannot be stacked.')
    transformers: list[Any] = [source.crs_transformer for source in sources]
    systems = {to_crs(t.image_crs) for t in transformers}
    if options.epsg is None and len(systems) > 1:
        names = ', '.join(sorted(crs.name for crs in systems if crs is not None))
        raise DataError(
            f'The STAC items cannot be stacked as they are in several CRSs ({names}); choose one '
            "by stackstac_args, such as {'epsg': 4326, 'resolution': 1e-4}."
        )
    crs = to_crs(options.epsg) if options.epsg is not None else systems.pop()
    own_crs = all(to_crs(t.image_crs) == crs for t in transformers)
    if options.resolution is None and not own_crs:
        raise DataError(
            'The STAC items are in another CRS than epsg; give the resolution that is wanted, too, '
            'by stackstac_args.'
        )
    if options.resolution is None:
        x_size = min(abs(t.transform.a) for t in transformers)
        y_size = min(abs(t.transform.e) for t in transformers)
    else:
        x_size, y_size = np.broadcast_to(options.resolution, 2).tolist()
    xmin, ymin, xmax, ymax = _bounds(sources, crs, options)
    if options.bounds is None:  # on multiples of the pixels, as rasters of one satellite are
        first: Affine = transformers[0].transform
        x0, y0 = (first.c, first.f) if own_crs else (0.0, 0.0)
        xmin, xmax = _snap(xmin, xmax, x0, x_size)
        ymin, ymax = _snap(ymin, ymax, y0, y_size)
    height, width = max(1, round((ymax - ymin) / y_size)), max(1, round((xmax - xmin) / x_size))
    transform = Affine(x_size, 0, xmin, 0, -y_size, ymax)
    return Grid(RasterioCRSTransformer(transform, crs), Box(0, 0, height, width))


def _bounds(sources: Sequence[RasterioSource], crs: Any, options: StackOptions) -> Bounds:
    if options.bounds is not None:
        return options.bounds
    if options.bounds_latlon is not None:
        to_own = crs_to_crs(to_crs('EPSG:4326'), crs)
        return to_own.transform_bounds(*options.bounds_latlon)
    transformers: list[Any] = [source.crs_transformer for source in sources]
    boxes = [
        transformer.variant(crs).pixel_to_map(source.bbox)
        for transformer, source in zip(transformers, sources, strict=True)
    ]
    ymin, xmin, ymax, xmax = reduce(_union, boxes)
    return xmin, ymin, xmax, ymax


def _union(a: Any, b: Any) -> Box:
    return Box(min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))


def _snap(low: float, high: float, origin: float, size: float) -> tuple[float, float]:
    """The next edges of pixels of a size, counted from an origin, that enclose a range."""
    first = np.floor((low - origin) / size + SNAP)
    last = np.ceil((high - origin) / size - SNAP)
    return float(origin + first * size), float(origin + last * size)
