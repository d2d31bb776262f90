"""XarraySource: pixels of an xarray, from STAC items, Zarr or NetCDF (C+E)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rastervision.core.box import Box
from rastervision.core.chip import Chip, nodata_elements, valid_pixels
from rastervision.core.data.crs_transformer import CRSTransformer
from rastervision.core.data.raster_source.raster_source import RasterSource, RasterSourceConfig
from rastervision.core.data.raster_source.stac_config import (
    STACItemCollectionConfig,
    STACItemConfig,
)
from rastervision.core.data.raster_source.stac_stack import stack_items
from rastervision.core.data.raster_source.xarray_io import extra_needed, open_data_array
from rastervision.core.data.raster_transformer.raster_transformer import RasterTransformer
from rastervision.core.data.utils.raster import resize_chip
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError, DataError, NotReadableError

if TYPE_CHECKING:
    from pystac import Item, ItemCollection
    from xarray import DataArray

Part = Box | tuple[int, int, int, int]
MapPart = Box | tuple[float, float, float, float]


class XarraySource(RasterSource):
    """A DataArray with the dims y and x, and maybe band and time, in any order.

    Only the pixels of a window are read, if the array is lazy. A pixel is not valid where all
    bands are NaN or equal to the array's attribute `_FillValue`. With `temporal`, chips are
    (T, H, W, C), and are indexed as `source[t, y, x, c]`.

    Attributes:
        data_array: the array.
        temporal: whether it is a time series.
        uris: the files that are read, where they are known.
    """

    uris: list[str] | None = None

    def __init__(
        self,
        data_array: 'DataArray',
        crs_transformer: CRSTransformer,
        raster_transformers: Sequence[RasterTransformer] = (),
        channel_order: Sequence[int] | None = None,
        bbox: Box | None = None,
        temporal: bool = False,
    ) -> None:
        """Constructor.

        Args:
            data_array: the array.
            crs_transformer: between map coordinates and its pixels.
            raster_transformers: transformers of the chips.
            channel_order: indices of the bands to use; None takes all.
            bbox: part that is used, in pixels; None for all of it.
            temporal: whether the times of the array are wanted. Without, it must have one only.

        Raises:
            ConfigError: data_array is no DataArray.
            DataError: other dims, no time with temporal, or several times without.
            ChannelOrderError: a band that does not exist.
        """
        self.temporal = temporal
        self.data_array = _with_dims(data_array, temporal)
        sizes = self.data_array.sizes
        self._crs_transformer = crs_transformer
        super().__init__(
            channel_order=channel_order,
            num_channels_raw=sizes.get('band', 1),
            dtype_raw=self.data_array.dtype,
            bbox=Box(0, 0, sizes['y'], sizes['x']) if bbox is None else bbox,
            raster_transformers=raster_transformers,
        )

    @classmethod
    def from_stac(
        cls,
        item_or_item_collection: 'Item | ItemCollection',
        raster_transformers: Sequence[RasterTransformer] = (),
        channel_order: Sequence[int] | None = None,
        bbox: Part | None = None,
        bbox_map_coords: MapPart | None = None,
        temporal: bool = False,
        allow_streaming: bool = False,
        stackstac_args: Mapping[str, Any] | None = None,
    ) -> Self:
        """Lay STAC items over each other, with their assets as bands.

        Args:
            item_or_item_collection: the item or items.
            raster_transformers: transformers of the chips.
            channel_order: indices of the assets to use; None takes all.
            bbox: part that is used, in pixels.
            bbox_map_coords: the same in longitude and latitude, as (ymin, xmin, ymax, xmax);
                instead of bbox.
            temporal: whether the times of the items are wanted. Without, there must be one only.
            allow_streaming: whether remote assets are read in place. False downloads them.
            stackstac_args: resolution, epsg and more, as `StackOptions` has them. By default,
                values are not rescaled: {'rescale': False}.

        Raises:
            DataError: the items cannot be stacked, or do not reach into the part.
            ConfigError: a package is missing, or arguments that cannot be used.
        """
        from rastervision.core.utils.stac import as_items, with_local_assets

        items = as_items(item_or_item_collection)
        if not allow_streaming:
            items = with_local_assets(items)
        args = {'rescale': False} if stackstac_args is None else stackstac_args
        with extra_needed('Stacking STAC items'):
            data_array, crs_transformer = stack_items(items, args)
        source = cls(
            data_array, crs_transformer, raster_transformers, channel_order, temporal=temporal
        )
        source._use_part(bbox, bbox_map_coords)
        return source

    @classmethod
    def from_file(
        cls,
        uri: str,
        variable: str | Sequence[str] | None = None,
        raster_transformers: Sequence[RasterTransformer] = (),
        channel_order: Sequence[int] | None = None,
        bbox: Part | None = None,
        bbox_map_coords: MapPart | None = None,
        temporal: bool = False,
        tmp_dir: str | None = None,
    ) -> Self:
        """Read a Zarr store or a NetCDF file; its values are used as they are stored.

        Args:
            uri: the store or file.
            variable: variable to read, or several that become the bands; None takes all rasters.
            raster_transformers: transformers of the chips.
            channel_order: indices of the bands to use; None takes all.
            bbox: part that is used, in pixels.
            bbox_map_coords: the same in longitude and latitude, as (ymin, xmin, ymax, xmax);
                instead of bbox.
            temporal: whether the times of the file are wanted. Without, there must be one only.
            tmp_dir: directory for downloads.

        Raises:
            RVError: the file is missing or does not hold such a raster, or a package is missing.
        """
        data_array, crs_transformer = open_data_array(uri, variable, tmp_dir)
        try:
            source = cls(
                data_array, crs_transformer, raster_transformers, channel_order, temporal=temporal
            )
        except DataError as e:
            raise DataError(f'{uri}: {e}') from e
        source.uris = [uri]
        source._use_part(bbox, bbox_map_coords)
        return source

    def _describe(self) -> str:
        return self.uris[0] if self.uris else f'the array {self.data_array.name or ""}'.rstrip()

    @property
    def crs_transformer(self) -> CRSTransformer:
        """Between map coordinates and the pixels of the array."""
        return self._crs_transformer

    @property
    def _lead_shape(self) -> tuple[int, ...]:
        return (self.data_array.sizes['time'],) if self.temporal else ()

    @property
    def readable(self) -> Box:
        """Part of `bbox` that the array has, in its pixels."""
        sizes = self.data_array.sizes
        return self.bbox.intersection(Box(0, 0, sizes['y'], sizes['x']))

    def get_chip(  # type: ignore[override] # 0.31 has bands in the second place here
        self,
        window: Box,
        bands: int | Sequence[int] | slice | None = None,
        time: int | Sequence[int] | slice = slice(None),
        out_shape: tuple[int, int] | None = None,
    ) -> NDArray[Any]:
        """Read a chip.

        Args:
            window: box in the extent frame.
            bands: channels of the chip to return; None for all.
            time: times of the chip to return, of a time series.
            out_shape: (height, width) to resample to, bilinearly.

        Returns:
            (H, W, C) or (T, H, W, C) pixels with nodata as 0; without an axis for which a number
            is given.
        """
        pixels = self.read(window, out_shape=out_shape).pixels
        if self.temporal:
            pixels = pixels[time]
        return pixels if bands is None else pixels[..., bands]

    def _read(self, window: Box, out_shape: tuple[int, int] | None, bands: Sequence[int]) -> Chip:
        rows, columns = window.to_slices()
        part = self.data_array.isel(y=rows, x=columns)
        if 'band' in part.dims:
            part = part.isel(band=_as_slice(bands))
        order = [dim for dim in ('band', 'time', 'y', 'x') if dim in part.dims]
        try:
            planes = np.array(part.transpose(*order).to_numpy())
        except (OSError, RuntimeError, ValueError) as e:
            raise NotReadableError(
                f'{self._describe()} cannot be read at rows {window.ymin}-{window.ymax}, columns '
                f'{window.xmin}-{window.xmax}: {" ".join(str(e).split())}'
            ) from e
        if 'band' not in part.dims:
            planes = planes[None].repeat(len(bands), axis=0)
        elements = nodata_elements(planes, [self._nodata] * len(planes))
        valid = valid_pixels(planes, elements)
        for plane, empty in zip(planes, elements, strict=True):
            if empty is not None:
                plane[empty] = 0
        if valid is None:
            valid = np.ones(planes.shape[1:], dtype=bool)
        chip = Chip(np.moveaxis(planes, 0, -1), valid)
        return chip if out_shape is None else resize_chip(chip, out_shape)

    @property
    def _nodata(self) -> float | None:
        """The value that stands for nodata."""
        value = self.data_array.attrs.get('_FillValue')
        return None if value is None else np.asarray(value).ravel()[0].item()


def _with_dims(array: 'DataArray', temporal: bool) -> 'DataArray':
    """Check the dims of an array; without `temporal`, a single time is taken out."""
    if not hasattr(array, 'dims'):
        raise ConfigError(
            f'An XarraySource needs an xarray.DataArray, not a {type(array).__name__}; give the '
            "array dims: DataArray(array, dims=('y', 'x', 'band'))."
        )
    dims = ', '.join(map(str, array.dims))
    if not {'y', 'x'} <= set(array.dims) <= {'time', 'band', 'y', 'x'}:
        raise DataError(f'The array needs the dims y, x, and maybe band and time; it has {dims}.')
    if temporal and 'time' not in array.dims:
        raise DataError(f'temporal needs an array with the dim time; it has {dims}.')
    if temporal or 'time' not in array.dims:
        return array
    if array.sizes['time'] > 1:
        raise DataError(
            f'The array has {array.sizes["time"]} times: set temporal for a time series, or choose '
            'or combine the times first.'
        )
    return array.isel(time=0)


def _as_slice(bands: Sequence[int]) -> slice | list[int]:
    """A slice where bands follow each other: readers are faster with these."""
    first, last = bands[0], bands[-1]
    return slice(first, last + 1) if list(bands) == list(range(first, last + 1)) else list(bands)


class _PartConfig(RasterSourceConfig):
    """A source of which a part can be named by map coordinates."""

    bbox_map_coords: tuple[float, float, float, float] | None = Field(
        None,
        description='Part of the raster to use in longitude and latitude, as (ymin, xmin, ymax, '
        'xmax); instead of bbox.',
    )
    temporal: bool = Field(
        False,
        description='The raster is a time series: chips have the shape (T, H, W, C). False: there '
        'is one time only.',
    )

    @model_validator(mode='after')
    def _check_part(self) -> Self:
        part = self.bbox_map_coords
        if part is None:
            return self
        if self.bbox is not None:
            raise ValueError('give bbox or bbox_map_coords, not both.')
        if part[0] == part[2] or part[1] == part[3]:
            raise ValueError(
                f'bbox_map_coords {part} is empty; it must be (ymin, xmin, ymax, xmax).'
            )
        return self


@register_config('xarray_source')
class XarraySourceConfig(_PartConfig):
    """Imagery of STAC items, laid over each other."""

    stac: STACItemConfig | STACItemCollectionConfig = Field(
        ..., description='The item or items, and which of their assets are used.'
    )
    allow_streaming: bool = Field(
        True, description='Read remote assets in place. False: download them first.'
    )
    stackstac_args: dict[str, Any] = Field(
        {},
        description='How items are laid over each other, by the arguments of stackstac.stack: '
        'assets, epsg, resolution, bounds, bounds_latlon, dtype, fill_value, rescale, sortby_date.',
    )

    def build(self, tmp_dir: str | None = None, use_transformers: bool = True) -> XarraySource:  # noqa: ARG002 signature of the base
        return XarraySource.from_stac(
            self.stac.build(),
            raster_transformers=self._build_transformers(use_transformers),
            channel_order=self.channel_order,
            bbox=self.bbox,
            bbox_map_coords=self.bbox_map_coords,
            temporal=self.temporal,
            allow_streaming=self.allow_streaming,
            stackstac_args=self.stackstac_args,
        )


@register_config('xarray_file_source')
class XarrayFileSourceConfig(_PartConfig):
    """Imagery in a Zarr store or a NetCDF file, with its values as they are stored."""

    uri: str = Field(..., description='The Zarr store (its name ends with .zarr) or NetCDF file.')
    variable: str | list[str] | None = Field(
        None,
        description='Variable to read, or several of one shape that become the bands. None: all '
        'that have rows and columns.',
    )

    def build(self, tmp_dir: str | None = None, use_transformers: bool = True) -> XarraySource:
        return XarraySource.from_file(
            self.uri,
            self.variable,
            raster_transformers=self._build_transformers(use_transformers),
            channel_order=self.channel_order,
            bbox=self.bbox,
            bbox_map_coords=self.bbox_map_coords,
            temporal=self.temporal,
            tmp_dir=tmp_dir,
        )
