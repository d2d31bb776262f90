"""Several raster sources as one: bands beside each other, or times after each other (C+E)."""

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from pydantic import Field, model_validator

from rastervision.core.box import Box
from rastervision.core.chip import Chip
from rastervision.core.data.crs_transformer import CRSTransformer, IdentityCRSTransformer
from rastervision.core.data.raster_source.raster_source import RasterSource, RasterSourceConfig
from rastervision.core.data.raster_source.rasterio_source import RasterioSource
from rastervision.core.data.raster_source.resampling import PlacedSource
from rastervision.core.data.raster_transformer.raster_transformer import RasterTransformer
from rastervision.core.data.utils.misc import describe_source
from rastervision.pipeline.config import register_config
from rastervision.pipeline.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pystac import Item

    from rastervision.core.data.scene import SceneConfig
    from rastervision.core.rv_pipeline.rv_pipeline_config import RVPipelineConfig


class MultiRasterSource(RasterSource):
    """The channels of several sources, one after the other.

    All are read on the pixel grid of the primary source, whatever their own resolution, extent and
    CRS are. A pixel is valid where one of the sources that are read has data; the channels of the
    others are 0 there. So a stack of single bands is the same as one file with these bands.

    Attributes:
        raster_sources: the sources; what their own transformers give is what is stacked.
        primary_source_idx: index of the source whose pixel grid, CRS and extent are used.
    """

    def __init__(
        self,
        raster_sources: Sequence[RasterSource],
        primary_source_idx: int = 0,
        channel_order: Sequence[int] | None = None,
        raster_transformers: Sequence[RasterTransformer] = (),
        bbox: Box | None = None,
    ) -> None:
        """Constructor.

        Args:
            raster_sources: the sources.
            primary_source_idx: index of the source whose pixel grid, CRS and extent are used.
            channel_order: indices into the channels of all sources; None takes all.
            raster_transformers: transformers of the stacked chips.
            bbox: part that is used, in the source pixel frame of the primary source; None for that
                which the primary source uses.

        Raises:
            ConfigError: no sources, or primary_source_idx is none of them.
            DataError: the sources do not fit together.
            ChannelOrderError: a channel that does not exist.
        """
        self.raster_sources = list(raster_sources)
        self.primary_source_idx = primary_source_idx
        self.validate_raster_sources()
        self._placed = [PlacedSource.on(self.primary_source, s) for s in self.raster_sources]
        super().__init__(
            channel_order=channel_order,
            num_channels_raw=self._count_channels(),
            dtype_raw=np.result_type(*(source.dtype for source in self.raster_sources)),
            bbox=self.primary_source.bbox if bbox is None else bbox,
            raster_transformers=raster_transformers,
        )

    @classmethod
    def from_stac(
        cls,
        item: 'Item',
        assets: list[str] | None,
        primary_source_idx: int = 0,
        raster_transformers: Sequence[RasterTransformer] = (),
        channel_order: Sequence[int] | None = None,
        bbox: Box | tuple[int, int, int, int] | None = None,
        bbox_map_coords: Box | tuple[float, float, float, float] | None = None,
        allow_streaming: bool = False,
    ) -> Self:
        """Stack the assets of a STAC item.

        Args:
            item: the item.
            assets: keys of the assets, in this order; None takes all that are rasters.
            primary_source_idx: index of the asset whose pixel grid, CRS and extent are used.
            raster_transformers: transformers of the stacked chips.
            channel_order: indices into the channels of all assets; None takes all.
            bbox: part that is used, in pixels of the primary asset.
            bbox_map_coords: the same in longitude and latitude, as (ymin, xmin, ymax, xmax);
                instead of bbox.
            allow_streaming: whether remote assets are read in place. False downloads them.

        Raises:
            DataError: there is no such asset.
        """
        from rastervision.core.utils.stac import asset_uris

        sources = [
            RasterioSource(uri, allow_streaming=allow_streaming) for uri in asset_uris(item, assets)
        ]
        source = cls(
            sources,
            primary_source_idx=primary_source_idx,
            channel_order=channel_order,
            raster_transformers=raster_transformers,
        )
        source._use_part(bbox, bbox_map_coords)
        return source

    def validate_raster_sources(self) -> None:
        """Check that the sources fit together.

        Raises:
            ConfigError: no sources, or primary_source_idx is none of them.
            DataError: some have a georeference and some have none, or numbers of times differ.
        """
        sources = self.raster_sources
        if not 0 <= self.primary_source_idx < len(sources):
            raise ConfigError(
                f'primary_source_idx {self.primary_source_idx} is none of the {len(sources)} '
                'raster source(s); count from 0.'
            )
        first = self.primary_source
        for other in sources:
            pair = f'{describe_source(first)} and {describe_source(other)}'
            if _has_place(first) != _has_place(other):
                raise DataError(
                    f'{pair} cannot be used together: only one of them has a georeference.'
                )
            if first.shape[:-3] != other.shape[:-3]:
                raise DataError(
                    f'{pair} cannot be used together: their chips have the shapes '
                    f'{first.shape} and {other.shape}, with different numbers of times.'
                )

    def _count_channels(self) -> int:
        return sum(source.num_channels for source in self.raster_sources)

    @property
    def uris(self) -> list[str]:
        """The files of all sources."""
        found = (getattr(source, 'uris', None) for source in self.raster_sources)
        return [uri for uris in found for uri in uris or []]

    def _describe(self) -> str:
        return f'the stack of {", ".join(map(describe_source, self.raster_sources))}'

    @property
    def primary_source(self) -> RasterSource:
        """The source whose pixel grid, CRS and extent are used."""
        return self.raster_sources[self.primary_source_idx]

    @property
    def non_primary_sources(self) -> list[RasterSource]:
        """The other sources."""
        return [s for i, s in enumerate(self.raster_sources) if i != self.primary_source_idx]

    @property
    def crs_transformer(self) -> CRSTransformer:
        """That of the primary source."""
        return self.primary_source.crs_transformer

    @property
    def _lead_shape(self) -> tuple[int, ...]:
        return self.primary_source.shape[:-3]

    @property
    def _interpolates(self) -> bool:
        return all(source._interpolates for source in self.raster_sources)  # noqa: SLF001 own base

    def _read(self, window: Box, out_shape: tuple[int, int] | None, bands: Sequence[int]) -> Chip:
        counts = [source.num_channels for source in self.raster_sources]
        owners = np.repeat(np.arange(len(counts)), counts)[list(bands)]
        planes, valid = [], []
        places: dict[int, int] = {}
        for i in sorted(set(owners.tolist())):
            chip = self._placed[i].read(window, out_shape)
            first = sum(counts[:i])
            places |= {first + k: len(places) + k for k in range(counts[i])}
            planes.append(np.moveaxis(chip.pixels, -1, -3))
            valid.append(chip.valid)
        stacked = np.concatenate(planes, axis=-3, dtype=self.dtype_raw)
        order = [places[band] for band in bands]
        if order != list(range(stacked.shape[-3])):
            stacked = stacked[..., order, :, :]
        return Chip(np.moveaxis(stacked, -3, -1), reduce(np.logical_or, valid))


class TemporalMultiRasterSource(MultiRasterSource):
    """A time series: sources with the same channels, one for each time.

    Chips are (T, H, W, C), in the order of the sources, and are indexed as `source[t, y, x, c]`.
    All times are read on the pixel grid of the primary source. Masks are kept for each time.
    """

    def __init__(
        self,
        raster_sources: Sequence[RasterSource],
        primary_source_idx: int = 0,
        raster_transformers: Sequence[RasterTransformer] = (),
        bbox: Box | None = None,
        channel_order: Sequence[int] | None = None,
    ) -> None:
        """Constructor; arguments as for `MultiRasterSource`.

        Raises:
            DataError: the sources have different numbers of channels, or are time series.
        """
        super().__init__(
            raster_sources,
            primary_source_idx=primary_source_idx,
            channel_order=channel_order,
            raster_transformers=raster_transformers,
            bbox=bbox,
        )

    @classmethod
    def from_stac(  # type: ignore[override] # several items; 0.31 leaves the arguments open
        cls,
        items: 'Sequence[Item]',
        assets: list[str] | None = None,
        primary_source_idx: int = 0,
        raster_transformers: Sequence[RasterTransformer] = (),
        bbox: Box | tuple[int, int, int, int] | None = None,
        bbox_map_coords: Box | tuple[float, float, float, float] | None = None,
        allow_streaming: bool = False,
    ) -> Self:
        """A time series of STAC items, by their dates; arguments as for `MultiRasterSource`."""
        from rastervision.core.utils.stac import by_date

        sources = [
            MultiRasterSource.from_stac(item, assets, allow_streaming=allow_streaming)
            for item in by_date(items)
        ]
        source = cls(sources, primary_source_idx, raster_transformers)
        source._use_part(bbox, bbox_map_coords)
        return source

    def validate_raster_sources(self) -> None:
        """Check that the sources fit together; see the constructor."""
        super().validate_raster_sources()
        if self.primary_source.shape[:-3]:
            raise DataError('The sources of a time series cannot be time series themselves.')
        counts = [source.num_channels for source in self.raster_sources]
        if len(set(counts)) > 1:
            raise DataError(
                f'The sources of a time series need the same channels, but have {counts} of them; '
                'choose them by channel_order of each source.'
            )

    def _count_channels(self) -> int:
        return self.primary_source.num_channels

    @property
    def _lead_shape(self) -> tuple[int, ...]:
        return (len(self.raster_sources),)

    def _read(self, window: Box, out_shape: tuple[int, int] | None, bands: Sequence[int]) -> Chip:
        chips = [placed.read(window, out_shape) for placed in self._placed]
        planes = [np.moveaxis(chip.pixels, -1, 0)[list(bands)] for chip in chips]
        stacked = np.stack(planes, dtype=self.dtype_raw)
        return Chip(np.moveaxis(stacked, -3, -1), np.stack([chip.valid for chip in chips]))


def _has_place(source: RasterSource) -> bool:
    return not isinstance(source.crs_transformer, IdentityCRSTransformer)


def multi_rs_config_upgrader(cfg_dict: dict[str, Any], version: int) -> dict[str, Any]:
    """Lift a config written by an older release."""
    if version == 1:
        cfg_dict['primary_source_idx'] = cfg_dict.pop('crs_source', 0)
    if version == 13:
        cfg_dict.pop('force_same_dtype', None)
    return cfg_dict


@register_config('multi_raster_source', upgrader=multi_rs_config_upgrader)
class MultiRasterSourceConfig(RasterSourceConfig):
    """Several raster sources as one, on the pixel grid of one of them."""

    raster_sources: list[RasterSourceConfig] = Field(
        ..., min_length=1, description='The sources, in the order of their channels or times.'
    )
    primary_source_idx: int = Field(
        0,
        ge=0,
        description='Index of the source whose pixel grid, CRS and extent are used; the others are '
        'resampled to it.',
    )
    temporal: bool = Field(
        False,
        description='The sources are the times of a time series, with the same channels each: '
        'chips have the shape (T, H, W, C). False: their channels are stacked.',
    )

    @model_validator(mode='after')
    def _check_fields(self) -> Self:
        if self.primary_source_idx >= len(self.raster_sources):
            raise ValueError(
                f'primary_source_idx {self.primary_source_idx} is none of the '
                f'{len(self.raster_sources)} raster_sources; count from 0.'
            )
        return self

    def update(
        self,
        pipeline: 'RVPipelineConfig | None' = None,
        scene: 'SceneConfig | None' = None,
    ) -> None:
        super().update(pipeline, scene)
        for source in self.raster_sources:
            source.update(pipeline, scene)

    def build(self, tmp_dir: str | None = None, use_transformers: bool = True) -> MultiRasterSource:
        cls = TemporalMultiRasterSource if self.temporal else MultiRasterSource
        return cls(
            [source.build(tmp_dir, use_transformers) for source in self.raster_sources],
            primary_source_idx=self.primary_source_idx,
            channel_order=self.channel_order,
            raster_transformers=self._build_transformers(use_transformers),
            bbox=None if self.bbox is None else Box(*self.bbox),
        )
