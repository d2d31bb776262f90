"""RasterSource: the base of everything that pixels are read from (C+E)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from pydantic import Field, NonNegativeInt, field_validator

from rastervision.core.box import Box
from rastervision.core.chip import Chip, no_data
from rastervision.core.data.crs_transformer.crs_transformer import CRSTransformer
from rastervision.core.data.raster_source.channel_order import ChannelOrderError, as_channel_order
from rastervision.core.data.raster_transformer.raster_transformer import (
    RasterTransformer,
    RasterTransformerConfig,
)
from rastervision.core.data.raster_transformer.utils import (
    get_transformed_dtype,
    get_transformed_num_channels,
)
from rastervision.core.data.utils.arguments import as_bbox, as_window, check_transformers
from rastervision.core.data.utils.misc import parse_array_slices_Nd
from rastervision.core.data.utils.raster import resize_bilinear, scale_part
from rastervision.pipeline.config import Config, register_config
from rastervision.pipeline.errors import ConfigError, DataError

__all__ = ['ChannelOrderError', 'RasterSource', 'RasterSourceConfig', 'rs_config_upgrader']

if TYPE_CHECKING:
    from rastervision.core.data.scene import SceneConfig
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig


class RasterSource(ABC):
    """A raster that can be read by windows.

    Windows are in the extent frame: (0, 0) is the upper left corner of `bbox`. They may reach out
    of the extent; what lies outside is 0 and not valid. Reading is safe from several threads, and
    sources can be pickled.

    A subclass implements `crs_transformer`, and `_read`, or `_get_chip` as in release 0.31.

    Attributes:
        channel_order: indices of the raw bands that become the channels.
        num_channels_raw: number of raw bands.
        dtype_raw: dtype of the raw bands.
        raster_transformers: applied to every chip in this order.
    """

    def __init__(
        self,
        *,
        channel_order: Sequence[int] | None,
        num_channels_raw: int,
        dtype_raw: DTypeLike,
        bbox: Box,
        raster_transformers: Sequence[RasterTransformer] = (),
    ) -> None:
        """Constructor.

        Args:
            channel_order: indices of the raw bands to use; None takes all in their order.
            num_channels_raw: number of raw bands.
            dtype_raw: dtype of the raw bands.
            bbox: part of the raster that is used, in the source pixel frame.
            raster_transformers: transformers of the chips.

        Raises:
            ConfigError: an argument of another type.
            ChannelOrderError: a band that does not exist, or no band at all.
            DataError: transformers that cannot use the dtype.
        """
        self.channel_order = as_channel_order(channel_order, num_channels_raw, self._describe())
        self.num_channels_raw = num_channels_raw
        self.dtype_raw = np.dtype(dtype_raw)
        self.raster_transformers = check_transformers(
            raster_transformers, RasterTransformer, 'raster_transformers'
        )
        self._bbox = as_bbox(bbox)
        self._num_channels = get_transformed_num_channels(
            self.raster_transformers, len(self.channel_order)
        )
        try:
            self._dtype = get_transformed_dtype(self.raster_transformers, self.dtype_raw)
        except DataError as e:
            raise DataError(f'{self._describe()}: {e}') from None

    # ---- facts

    @property
    def num_channels(self) -> int:
        """Number of channels of a chip, after the transformers."""
        return self._num_channels

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of a chip, after the transformers."""
        return self._dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels) of the extent; (times, height, ...) for a time series."""
        return *self._lead_shape, *self.bbox.size, self.num_channels

    @property
    def bbox(self) -> Box:
        """Part of the raster that is used, in the source pixel frame."""
        return self._bbox

    @property
    def extent(self) -> Box:
        """`bbox` in its own frame: Box(0, 0, height, width)."""
        return self.bbox.extent

    @property
    def readable(self) -> Box:
        """Part of `bbox` that has pixels, in the source pixel frame."""
        return self.bbox

    @property
    def may_have_gaps(self) -> bool:
        """Whether the extent may have pixels without data, as far as is known without reading."""
        return True

    @property
    @abstractmethod
    def crs_transformer(self) -> CRSTransformer:
        """Between map coordinates and the source pixel frame."""

    def set_bbox(self, bbox: Box) -> None:
        """Use another part of the raster. Windows then count from its upper left corner."""
        self._bbox = as_bbox(bbox)

    def _use_part(
        self,
        bbox: Box | tuple[int, int, int, int] | None,
        bbox_map_coords: Box | tuple[float, float, float, float] | None,
    ) -> None:
        """Use a part by pixels or map coordinates; ConfigError for both, DataError outside."""
        if bbox is not None and bbox_map_coords is not None:
            raise ConfigError('Give bbox or bbox_map_coords, not both.')
        if bbox_map_coords is not None:
            bbox = self.crs_transformer.map_to_pixel(Box(*bbox_map_coords)).to_int()
        if bbox is None:
            return
        box = as_bbox(bbox)
        if not self.bbox.intersects(box):
            by_pixels, whole = bbox_map_coords is None, self.bbox
            whole = whole if by_pixels else self.crs_transformer.pixel_to_map(whole)
            raise DataError(
                f'{self._describe()} has no pixels in {tuple(bbox_map_coords or box)}; it covers '
                f'{whole.tuple_format()} (ymin, xmin, ymax, xmax).'
            )
        self.set_bbox(box)

    def _describe(self) -> str:
        """What to call this source in messages."""
        return f'this {type(self).__name__}'

    @property
    def _lead_shape(self) -> tuple[int, ...]:
        """Lengths of the axes of a chip before its rows: (T,) for a time series, else none."""
        return ()

    @property
    def _interpolates(self) -> bool:
        """Whether pixels can be averaged, which class ids and indices of a palette cannot."""
        return True

    # ---- reading

    def read(self, window: Box, out_shape: tuple[int, int] | None = None) -> Chip:
        """Read a window: channels in order, transformers applied, with validity.

        Args:
            window: box in the extent frame.
            out_shape: (height, width) to resample to, bilinearly.

        Returns:
            Chip of shape (H, W, C), or (T, H, W, C) for a time series. Pixels that are not valid
            are 0; everything outside the extent is not valid.
        """
        chip = self._read_extent(window, out_shape, self.channel_order)
        for transformer in self.raster_transformers:
            chip = transformer.apply(chip)
        return chip.zeroed()

    def get_chip(self, window: Box, out_shape: tuple[int, int] | None = None) -> NDArray[Any]:
        """Pixels of `read`: (H, W, C) with nodata as 0."""
        return self.read(window, out_shape=out_shape).pixels

    def get_raw_chip(self, window: Box, out_shape: tuple[int, int] | None = None) -> NDArray[Any]:
        """All bands of a window in the order of the file, not transformed: (H, W, bands)."""
        bands = range(self.num_channels_raw)
        return self._read_extent(window, out_shape, bands).zeroed().pixels

    def get_chip_by_map_window(
        self, window_map_coords: Box, *args: Any, **kwargs: Any
    ) -> NDArray[Any]:
        """Like `get_chip`, for a box in map coordinates."""
        window = self.crs_transformer.map_to_pixel(window_map_coords, bbox=self.bbox)
        return self.get_chip(window.to_int(), *args, **kwargs)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Chip by Box, or by slices of rows, columns and channels; times come first, if any.

        Steps in rows and columns resample: `source[0:512:2, 0:512:2]` is (256, 256, C).
        """
        if isinstance(key, Box):
            return self.get_chip(key)
        window, out_shape, lead, channels = self._parse_key(key)
        return np.asarray(self.get_chip(window, out_shape=out_shape)[..., channels][lead])

    def _parse_key(self, key: Any) -> tuple[Box, tuple[int, int] | None, tuple[Any, ...], Any]:
        """Split an index by slices.

        Returns:
            Window, size to resample to (None: its own), index of the axes before the rows, and
            that of the channels.
        """
        window, (*lead, rows, columns, channels) = parse_array_slices_Nd(
            key, self.extent, dims=3 + len(self._lead_shape)
        )
        shape = (-(-window.height // (rows.step or 1)), -(-window.width // (columns.step or 1)))
        return window, None if shape == window.size else shape, tuple(lead), channels

    def resize(self, chip: NDArray[Any], out_shape: tuple[int, int] | None = None) -> NDArray[Any]:
        """Resample an (H, W, C) chip bilinearly; None leaves it as it is."""
        return chip if out_shape is None else resize_bilinear(chip, out_shape)

    def _read_extent(
        self, window: Box, out_shape: tuple[int, int] | None, bands: Sequence[int]
    ) -> Chip:
        """Read raw bands of a window that may reach out of the extent."""
        bbox = self.bbox
        window = as_window(window)
        target = window.to_global_coords(bbox)
        inside = target.intersection(self.readable)
        if inside == target:
            return self._read(target, out_shape, bands)
        height, width = out_shape or window.size
        chip = no_data(height, width, len(bands), self.dtype_raw, self._lead_shape)
        if inside.area:
            local = inside.translate(-target.ymin, -target.xmin)
            part = scale_part(local, window.size, (height, width))
            read = self._read(inside, part.size if out_shape else None, bands)
            rows, columns = part.to_slices()
            chip.pixels[..., rows, columns, :] = read.pixels
            chip.valid[..., rows, columns] = read.valid
        return chip

    def _read(self, window: Box, out_shape: tuple[int, int] | None, bands: Sequence[int]) -> Chip:
        """Read raw bands of a window within `bbox`; this is what a subclass implements.

        Args:
            window: box in the source pixel frame.
            out_shape: (height, width) of the result; None for the window's own.
            bands: indices of raw bands.

        Returns:
            Chip of shape (..., H, W, len(bands)).
        """
        pixels = self._get_chip(window.to_local_coords(self.bbox), out_shape=out_shape)
        pixels = pixels[..., list(bands)]
        return Chip(pixels, np.ones(pixels.shape[:-1], dtype=bool))

    def _get_chip(self, window: Box, out_shape: tuple[int, int] | None = None) -> NDArray[Any]:
        """All raw bands of a window, (H, W, bands); the hook of release 0.31.

        Args:
            window: box in the extent frame, within the extent.
            out_shape: (height, width) of the result; None for the window's own.
        """
        raise NotImplementedError(f'{type(self).__name__} implements neither _read nor _get_chip.')


def rs_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift a raster source config written by an older release."""
    if version == 6 and cfg_dict.pop('extent_crop', None) is not None:
        raise ConfigError(
            'extent_crop of a raster source is no longer supported; set bbox to the pixel box '
            '(ymin, xmin, ymax, xmax) to use.'
        )
    if version == 9 and 'extent' in cfg_dict:
        cfg_dict['bbox'] = cfg_dict.pop('extent')
    return cfg_dict


@register_config('raster_source', upgrader=rs_config_upgrader)
class RasterSourceConfig(Config):
    """Where pixels come from and how they are prepared."""

    channel_order: list[NonNegativeInt] | None = Field(
        None,
        min_length=1,
        description='Indices of the bands to use, in this order, from 0. None: all bands except '
        'an alpha band.',
    )
    transformers: list[RasterTransformerConfig] = Field(
        [], description='Transformers applied to every chip, in this order.'
    )
    bbox: tuple[int, int, int, int] | None = Field(
        None,
        description='Part of the raster to use, as (ymin, xmin, ymax, xmax) in pixels. None: all '
        'of it.',
    )

    @field_validator('bbox')
    @classmethod
    def _check_bbox(
        cls, value: tuple[int, int, int, int] | None
    ) -> tuple[int, int, int, int] | None:
        if value is not None and (value[0] >= value[2] or value[1] >= value[3]):
            raise ValueError(
                f'{value} holds no pixels; it must be (ymin, xmin, ymax, xmax) with ymin < ymax '
                'and xmin < xmax.'
            )
        return value

    def update(
        self,
        pipeline: 'RVPipelineConfig | None' = None,
        scene: 'SceneConfig | None' = None,
    ) -> None:
        for transformer in self.transformers:
            transformer.update(pipeline, scene)

    def build(self, tmp_dir: str | None = None, use_transformers: bool = True) -> RasterSource:
        """Build the source.

        Args:
            tmp_dir: directory for downloads.
            use_transformers: False leaves the transformers out.
        """
        raise NotImplementedError(f'{type(self).__name__} has no build().')

    def _build_transformers(self, use_transformers: bool) -> list[RasterTransformer]:
        used = self.transformers if use_transformers else []
        return [t.build(self.channel_order) for t in used]
